-- Seconds from one instant to another. Subtracting two TIMESTAMPTZ goes through the calendar of a time zone, and takes 50 times as long.
CREATE OR REPLACE TEMP MACRO seconds_between(earlier, later) AS (epoch_us(later) - epoch_us(earlier)) / 1e6
