-- What an action weighs: what the lists say of it, else 1.
CREATE OR REPLACE TEMP MACRO weight_of(action, actions, weights) AS
    coalesce(map(CAST(actions AS VARCHAR[]), CAST(weights AS DOUBLE[]))[action], 1e0);

-- What is left after the half-lives from one instant to another; more than 1 from a later to an earlier one.
CREATE OR REPLACE TEMP MACRO decayed(earlier, later, half_life_days) AS
    pow(2e0, (epoch_us(earlier) - epoch_us(later)) / (CAST(half_life_days AS DOUBLE) * 86400e6));

-- A number as whole units of 2^-40, and back: sums of whole numbers do not depend on their order.
CREATE OR REPLACE TEMP MACRO in_units(number) AS CAST(1099511627776e0 * number AS HUGEINT);

CREATE OR REPLACE TEMP MACRO of_units(units) AS units / 1099511627776e0;

-- What is left of one act in each of the domains that it touches.
CREATE OR REPLACE TEMP MACRO known_of_each(domains) AS pow(CAST(domains AS DOUBLE), -38e-2);

CREATE OR REPLACE TEMP MACRO available_of_each(domains) AS sqrt(least(50e0 / domains, 1e0));

-- What each of so many acts counts where together they count like one bulk act.
CREATE OR REPLACE TEMP MACRO each_in_bulk(acts) AS CASE WHEN acts <= 1 THEN 1e0 ELSE (1e0 + ln(acts)) / acts END;

-- What of an act's weight is left: all that is by hand, and of what is in bulk its part of one bulk act.
CREATE OR REPLACE TEMP MACRO not_in_bulk(bulk, acts_in_bulk, of_each, of_each_in_bulk) AS
    (1e0 - bulk) * of_each + bulk * each_in_bulk(acts_in_bulk) * of_each_in_bulk;

-- One of 512 heaps of each hour, the same for all acts of a person within it. Heaps of one hour lie together, as acts do.
CREATE OR REPLACE TEMP MACRO heap_of(user_id, occurred_at) AS
    CAST(epoch_us(occurred_at) // 3600000000 * 512 + hash(user_id) % 512 AS BIGINT)
