-- Seconds from one instant to another. Subtracting two TIMESTAMPTZ goes through the calendar of a time zone, and takes 50 times as long.
CREATE OR REPLACE TEMP MACRO seconds_between(earlier, later) AS (epoch_us(later) - epoch_us(earlier)) / 1e6;

-- The minute that an instant lies in, counted since 1970.
CREATE OR REPLACE TEMP MACRO minute_of(instant) AS epoch_us(instant) // 60000000;

-- When the week (from Monday) or the month that an instant lies in began, in UTC.
CREATE OR REPLACE TEMP MACRO period_start(period, instant) AS make_timestamptz(
    epoch_us(date_trunc(period, make_timestamp(epoch_us(instant))))
);

-- How many whole days lie between an instant and `as_of`: day 0 ends there, so that days do not depend on anybody's midnight.
CREATE OR REPLACE TEMP MACRO day_before(as_of, instant) AS (epoch_us(as_of) - epoch_us(instant) - 1) // 86400000000
