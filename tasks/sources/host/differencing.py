"""Counters into rates: pure functions of two raw points and the interval between them.

A rate that cannot be known has no value and says why. It is never 0, and never what the counter would have shown.
"""

from tasks.sources.host.metric import OK, Point
from tasks.sources.host.moment import NO_PREVIOUS_READING, Interval

COUNTER_RESET = "counter_reset"
OUT_OF_RANGE = "out_of_range"
# Counters tick (10 ms for CPU time) and are read a little apart, so a fully busy second can measure as 1.02 s.
# More than this above 1 is no such error but a counter that cannot be trusted.
SHARE_SLACK = 0.1


def difference(before: Point | None, after: Point, interval: Interval) -> Point:
    """The row's value of a `gauge` (as it is), `rate` (per second) or `share` (fraction of the interval)."""
    if after.metric.kind == "gauge":
        return after
    rate = measure_rate(before, after, interval)
    return bound_share(rate) if after.metric.kind == "share" else rate


def measure_rate(before: Point | None, after: Point, interval: Interval) -> Point:
    """(after - before) / seconds; without a value where `measure_increase` has none."""
    increase = measure_increase(before, after, interval)
    if increase.value is None or interval.seconds is None:
        return increase
    return increase._replace(value=increase.value / interval.seconds)


def measure_increase(before: Point | None, after: Point, interval: Interval) -> Point:
    """after - before, in the counter's unit; without a value where either is missing or the counter started again."""
    if after.value is None:
        return after
    if interval.seconds is None:
        return after._replace(value=None, status=interval.status)
    if before is None or before.value is None:
        return after._replace(value=None, status=NO_PREVIOUS_READING)
    if after.value < before.value:
        return after._replace(value=None, status=COUNTER_RESET)
    return after._replace(value=after.value - before.value, status=OK)


def bound_share(point: Point) -> Point:
    """A fraction within [0, 1]: above by less than the slack is 1, further above is no measurement."""
    if point.value is None or point.value <= 1:
        return point
    if point.value > 1 + SHARE_SLACK:
        return point._replace(value=None, status=OUT_OF_RANGE)
    return point._replace(value=1.0)
