-- What an action weighs: what the lists say of it, else 1.
CREATE OR REPLACE TEMP MACRO weight_of(action, actions, weights) AS
    coalesce(map(CAST(actions AS VARCHAR[]), CAST(weights AS DOUBLE[]))[action], 1e0);

-- What is left after the half-lives from one instant to another; more than 1 from a later to an earlier one.
CREATE OR REPLACE TEMP MACRO decayed(earlier, later, half_life_days) AS
    pow(2e0, (epoch_us(earlier) - epoch_us(later)) / (CAST(half_life_days AS DOUBLE) * 86400e6));

-- A number as whole units of 2^-40: sums of whole numbers do not depend on their order.
CREATE OR REPLACE TEMP MACRO in_units(number) AS CAST(1099511627776e0 * number AS HUGEINT)
