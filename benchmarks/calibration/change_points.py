"""How often change points and slopes are called in noise, and how often they are found, on series with known answers.

Run as `python -m benchmarks.calibration.change_points [--series N]`. A line is one simulation of N series; the exit code is not 0
where a bar is missed. Lines without a bar say what to expect outside the promise. With fewer than 4,000 series luck is allowed for
(benchmarks/bars.py).
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.bars import least_of, most_of
from tasks.insights.statistics.change_points import Change, find_change, find_rate_change
from tasks.insights.statistics.slopes import fit_slope, judge_slopes

DAYS, WEEKS = 90, 12
NEAR = 5
"""Days off by which a change still counts as found where it is."""
LEVEL = 0.05
FULL_SERIES = 4000
RARELY = 0.001 + 3 * math.sqrt(0.001 / FULL_SERIES)
"""Most called with a p-value of .001, and three standard errors of it."""
DURATION_FLOOR = math.log(1.2)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """One figure with the bar that it must keep, if there is one."""

    what: str
    figure: float
    at_most: float | None = None
    at_least: float | None = None

    def holds(self) -> bool:
        return (self.at_most is None or self.figure <= self.at_most) and (self.at_least is None or self.figure >= self.at_least)

    def judged_by(self, series: int) -> "Line":
        """With the bars that so many series can be held to."""
        is_full = series >= FULL_SERIES
        at_most = None if self.at_most is None else most_of(self.at_most, series, is_full=is_full)
        at_least = None if self.at_least is None else least_of(self.at_least, series, is_full=is_full)
        return replace(self, at_most=at_most, at_least=at_least)

    def __str__(self) -> str:
        most, least = (None if bar is None else f"{bar:.4g}" for bar in (self.at_most, self.at_least))
        bar = f"<= {most}" if most else f">= {least}" if least else ""
        return f"{self.what:<68} {self.figure:7.4f} {bar:>8} {'' if self.holds() else 'MISSED'}".rstrip()


def series(rng: np.random.Generator, count: int, length: int, phi: float = 0.0) -> Values:
    """Normal series of variance 1; AR(1) with that correlation."""
    values = rng.standard_normal((count, length))
    for at in range(1, length):
        values[:, at] = phi * values[:, at - 1] + math.sqrt(1 - phi * phi) * values[:, at]
    return values


def flagged(found: list[Change | None], near: int | None = None, level: float = LEVEL) -> float:
    """Share called, at most `NEAR` days from `near` where that is given."""
    calls = [c is not None and c.p_value <= level and (near is None or abs(c.index - near) <= NEAR) for c in found]
    return float(np.mean(calls))


def quiet_durations(rng: np.random.Generator, count: int) -> Iterator[Line]:
    for length in (8, 10, 14, 20, 40, 90):
        found = [find_change(values) for values in series(rng, count, length)]
        yield Line(f"quiet, {length} days, p <= .05", flagged(found), at_most=LEVEL)
        yield Line(f"quiet, {length} days, p <= .001", flagged(found, level=0.001), at_most=RARELY)
    outliers = np.where(rng.random((count, DAYS)) < 0.05, math.log(20), 0)
    yield Line("quiet, log-normal, 5 % x 20", flagged([find_change(v) for v in series(rng, count, DAYS) + outliers]), at_most=LEVEL)
    for length in (10, 20, 40, 90):
        for rare in (0.05, 0.2, 0.5):
            coarse = (rng.random((count, length)) < rare).astype(float)
            yield Line(f"quiet, {length} days, two values, {rare}", flagged([find_change(v) for v in coarse]), at_most=LEVEL)
    for phi in (0.3, 0.5):
        for length in (20, 40, 90):
            found = [find_change(values) for values in series(rng, count, length, phi)]
            yield Line(f"quiet, {length} days, AR(1) {phi}", flagged(found), at_most=0.08 if length < DAYS else 0.06)


def shifted_durations(rng: np.random.Generator, count: int) -> Iterator[Line]:
    shifts = [(1.5, 45, 0.9), (1.5, 23, None), (1.5, 75, None), (1.0, 45, None), (1.0, 23, None), (2.0, 84, None)]
    for shift, at, bar in shifts:
        found = [find_change(values) for values in series(rng, count, DAYS) + shift * (np.arange(DAYS) >= at)]
        yield Line(f"{shift} sd from day {at} of 90, called", flagged(found))
        yield Line(f"{shift} sd from day {at} of 90, called within 5 days", flagged(found, at), at_least=bar)
    for phi in (0.3, 0.5):
        found = [find_change(values) for values in series(rng, count, DAYS, phi) + 1.5 * (np.arange(DAYS) >= 45)]
        yield Line(f"1.5 sd from day 45 of 90, AR(1) {phi}, called", flagged(found))
        yield Line(f"1.5 sd from day 45 of 90, AR(1) {phi}, called within 5 days", flagged(found, 45))
    for length in (20, 40):
        found = [find_change(values) for values in series(rng, count, length) + 1.5 * (np.arange(length) >= length // 2)]
        yield Line(f"1.5 sd in the middle of {length}, called", flagged(found))
    for first, last in ((30, 60), (40, 50)):
        bump = 1.5 * ((np.arange(DAYS) >= first) & (np.arange(DAYS) < last))
        found = [find_change(values) for values in series(rng, count, DAYS) + bump]
        yield Line(f"1.5 sd up on day {first} and down again on day {last}, called", flagged(found))
    found = [find_change(values) for values in series(rng, count, DAYS) + 3 * np.arange(DAYS) / DAYS]
    yield Line("3 sd up in a straight line over 90 days, called a step", flagged(found))


def quiet_rates(rng: np.random.Generator, count: int) -> Iterator[Line]:
    for rate in (0.5, 0.8, 0.9, 0.95, 0.99):
        for length, least, most in ((90, 1, 1), (90, 1, 10), (90, 5, 10), (20, 1, 10), (40, 1, 3)):
            totals = rng.integers(least, most + 1, (count, length))
            found = list(map(find_rate_change, rng.binomial(totals, rate), totals))
            yield Line(f"quiet rate {rate}, {length} days of {least} to {most}", flagged(found), at_most=LEVEL)
    for rate in (0.8, 0.95):
        for rho in (0.1, 0.3):
            totals = rng.integers(1, 11, (count, DAYS))
            daily = rng.beta(rate * (1 / rho - 1), (1 - rate) * (1 / rho - 1), (count, DAYS))
            found = list(map(find_rate_change, rng.binomial(totals, daily), totals))
            yield Line(f"quiet rate {rate}, days correlated within by {rho}", flagged(found), at_most=LEVEL)
    for same in (0.3, 0.5):
        successes, is_same = rng.binomial(1, 0.8, (count, DAYS)), rng.random((count, DAYS)) < same
        for day in range(1, DAYS):
            successes[:, day] = np.where(is_same[:, day], successes[:, day - 1], successes[:, day])
        found = [find_rate_change(one, np.ones(DAYS, dtype=np.int64)) for one in successes]
        yield Line(f"quiet rate .8, 1 a day, like the day before in {same}", flagged(found), at_most=0.06)
    totals = rng.integers(1, 11, (count, DAYS))
    successes = rng.binomial(totals, 0.97)
    for row in range(count):
        bad = rng.integers(0, DAYS, 2)
        totals[row, bad], successes[row, bad] = 10, 0
    yield Line("quiet rate .97, two days of 10 failures", flagged(list(map(find_rate_change, successes, totals))), at_most=LEVEL)


def shifted_rates(rng: np.random.Generator, count: int) -> Iterator[Line]:
    steps = [(0.95, 0.4, 47, 60, 1), (0.95, 0.85, 45, 90, 5), (0.95, 0.7, 45, 90, 5), (0.9, 0.6, 70, 90, 3), (0.9, 0.6, 45, 90, 2)]
    for before, after, at, length, most in steps:
        totals = rng.integers(1, most + 1, (count, length))
        rates = np.where(np.arange(length) >= at, after, before)
        found = list(map(find_rate_change, rng.binomial(totals, rates), totals))
        what = f"rate {before} to {after} from day {at} of {length}, 1 to {most} a day"
        yield Line(f"{what}, called", flagged(found))
        yield Line(f"{what}, within 5 days", flagged(found, at))


def trend_share(weekly: Values, family: int) -> tuple[float, float]:
    """Share of the series called rising or falling, judged in families of that many; and of the families with any such."""
    slopes = [fit_slope(values) for values in weekly]
    families = [slopes[start : start + family] for start in range(0, len(slopes) - family + 1, family)]
    calls = [[v in ("rising", "falling") for v in judge_slopes(some, DURATION_FLOOR / WEEKS)[1]] for some in families]
    return float(np.mean(calls)), float(np.mean([any(some) for some in calls]))


def trends(rng: np.random.Generator, count: int) -> Iterator[Line]:
    for phi, alone, among in ((0.0, 0.06, 0.005), (0.5, None, None)):
        weekly = 0.3 * series(rng, count, WEEKS, phi)
        yield Line(f"no trend, AR(1) {phi}, one service: called", trend_share(weekly, 1)[0], at_most=alone)
        share, any_of = trend_share(weekly, 40)
        yield Line(f"no trend, AR(1) {phi}, each of 40 services: called", share, at_most=among)
        yield Line(f"no trend, AR(1) {phi}, any of 40 services: called", any_of)
    for slope, bar in ((0.02, None), (0.05, None), (0.1, 0.85), (0.15, 0.95)):
        weekly = 0.3 * series(rng, count, WEEKS) + slope * np.arange(WEEKS)
        yield Line(f"{slope} a week in sd .3, one service: called", trend_share(weekly, 1)[0], at_least=bar)
        fitted = [fit_slope(values) for values in weekly]
        covered = float(np.mean([s is not None and s.low <= slope <= s.high for s in fitted]))
        yield Line(f"{slope} a week in sd .3, in the interval", covered, at_least=0.93)
    quiet = 0.1 * series(rng, count, WEEKS)
    yield Line("no trend in sd .1 (half of the floor), one service: called", trend_share(quiet, 1)[0], at_most=0.06)


PARTS: tuple[Callable[[np.random.Generator, int], Iterator[Line]], ...] = (
    quiet_durations,
    shifted_durations,
    quiet_rates,
    shifted_rates,
    trends,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=FULL_SERIES, help="series a line")
    count = parser.parse_args().series
    started, lines = time.monotonic(), []
    for part in PARTS:
        for line in part(np.random.default_rng(20260310), count):
            lines.append(line.judged_by(count))
            print(lines[-1], flush=True)
    missed = sum(not line.holds() for line in lines)
    print(f"{len(lines)} lines of {count:,} series in {time.monotonic() - started:.0f} s; bars missed: {missed}")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
