"""How often insights.application_health betrays an operation that is sound, and how soon it finds one that is not.

Run as `python -m benchmarks.calibration.application_health [--worlds N] [--weeks N] [--barred]`. A world is 20 operations with 20
to 2,000 requests an hour over so many weeks: daily and weekly rhythm, log-normal durations that rise with the load, levels that go
up and down from day to day by some per cent, single requests that take twentyfold, and error rates that scatter. Durations and
errors go through the functions that the findings use. Then every hour of the judged weeks is made bad once, for itself alone. In
less than 24 weeks of all worlds luck is allowed for (benchmarks/bars.py). Exits with 1 if a bar is missed.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import starmap
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.bars import most_a_week
from tasks.insights.application_health import P95_NEEDS
from tasks.insights.health.excess import DAYS, HOURS, Usual, q_over_operations
from tasks.insights.health.runs import FAILED, RECENT, SLOW, SURE, hour_tails, judge, judge_days, usual_of
from tasks.insights.statistics.quantiles import quantile_ranks

FALSE_A_WEEK, FOUND, FULL_WEEKS = 1.0, 0.90, 24
SCATTER = 0.025
"""Standard deviation of the share found between worlds of one judged week: .023 in 12 of them. Hours are no trials, for those of an
operation are alike; so three standard errors of the worlds are granted."""
RATES, FEW = np.geomspace(20, 2000, 20), np.geomspace(2, 10, 20)
"""Requests an hour; of those with few the days are judged."""
WEEK = 7 * HOURS
BEGIN = 2 * WEEK + DAYS * HOURS + RECENT
"""The first hour judged: a week is the least baseline, and four weeks of shares stand against it."""
POOL_NEEDS, FAR, LARGE, RISE = 60, 1.5, 1.3, 0.01
"""As in the SELECTs of the table and of the findings."""
SIZES = ((30, 60), (60, 100), (100, 200), (200, 500), (500, 10**9))
BARRED = 100
"""Requests in the hour, from which on the bar for what is found holds."""

Array = NDArray[np.float64]
Change = Callable[[Array], Array]
Found = dict[tuple[str, tuple[int, int]], tuple[int, int]]
"""Hours or days that were found bad, and all, by what was done to them and their requests."""
QUIETS = {"levels by 5 %": 0.05, "levels by 10 %": 0.1}
CHANGES: dict[str, Change] = {
    "all take twice as long": lambda values: 2 * values,
    "the slower fifth twice": lambda values: _slower(values, 0.2),
    "the slower tenth twice": lambda values: _slower(values, 0.1),
}


class World(NamedTuple):
    """What happened, of shape (operations, hours); durations as a list of hours an operation."""

    requests: NDArray[np.int64]
    failed: NDArray[np.int64]
    durations: list[list[Array]]


class Hours(NamedTuple):
    """What the table says of the hours, of shape (operations, hours)."""

    slow: NDArray[np.int64]
    very_slow: NDArray[np.int64]
    p95_low: Array


class Score(NamedTuple):
    """Findings in sound weeks, and what was made bad and found, of operations with many requests and with few."""

    weeks: float
    false: dict[str, int]
    found: Found
    few: Found


def _slower(values: Array, share: float) -> Array:
    return np.where(values >= np.quantile(values, 1 - share), 2 * values, values)


def rhythm(hours: int) -> Array:
    """The load of each hour, of mean 1: high by day, low by night and at the week-end."""
    hour, day = np.arange(hours) % HOURS, np.arange(hours) // HOURS % 7
    load = (0.15 + np.exp(-(((hour - 13) / 4.0) ** 2))) * np.where(day < 5, 1, 0.35)
    return load / load.mean()


def levels(draw: np.random.Generator, days: int, deviation: float) -> Array:
    """The logarithm of each day's level: each day is like the day before, with a correlation of .7."""
    steps, level = draw.normal(0, deviation, days), np.zeros(days)
    for day in range(days):
        level[day] = steps[day] if day == 0 else 0.7 * level[day - 1] + np.sqrt(0.51) * steps[day]
    return level


def simulate(draw: np.random.Generator, hours: int, deviation: float, rates: Array = RATES) -> World:
    load = rhythm(hours)
    requests = draw.poisson(rates[:, None] * load * draw.gamma(100, 1 / 100, (rates.size, hours)))
    durations = []
    for counts in requests:
        median, spread, rise = np.exp(draw.uniform(np.log(0.02), np.log(2))), draw.uniform(0.5, 1.0), draw.uniform(0, 0.3)
        centre = np.log(median) + rise * load / load.max() + levels(draw, hours // HOURS, deviation).repeat(HOURS)
        centre += draw.normal(0, 0.03, hours)
        values = np.exp(np.repeat(centre, counts) + spread * draw.normal(size=counts.sum()))
        values[draw.random(values.size) < 0.002] *= 20
        durations.append(np.split(values, np.cumsum(counts)[:-1]))
    errors = np.exp(draw.uniform(np.log(0.002), np.log(0.03), (rates.size, 1))) * draw.gamma(11, 1 / 11, requests.shape)
    return World(requests, draw.binomial(requests, errors), durations)


def baseline(hours: Sequence[Array]) -> Array:
    """baseline_p95_seconds of each hour, NaN without one."""
    pools = [np.concatenate(hours[max(hour - 1, 0) : hour + 2]) for hour in range(len(hours))]
    p95 = np.array([np.quantile(pool, 0.95) if pool.size >= POOL_NEEDS else np.nan for pool in pools])
    past = np.full((4, len(hours)), np.nan)
    for weeks in range(1, 5):
        past[weeks - 1, weeks * WEEK :] = p95[: -weeks * WEEK]
    return np.where(np.isfinite(past).any(axis=0), lower_median(past), whole_weeks(hours))


def lower_median(values: Array) -> Array:
    """Of each column, without those that are NaN; NaN where all are."""
    known, result = np.isfinite(values).any(axis=0), np.full(values.shape[1], np.nan)
    result[known] = np.nanquantile(values[:, known], 0.5, axis=0, method="inverted_cdf")
    return result


def whole_weeks(hours: Sequence[Array]) -> Array:
    """The baseline of hours that have no other; hour 0 is a Monday's."""
    pools = [np.concatenate(hours[first : first + WEEK]) for first in range(0, len(hours), WEEK)]
    p95 = np.array([np.quantile(pool, 0.95) if pool.size >= POOL_NEEDS else np.nan for pool in pools])
    past = np.full((4, len(pools)), np.nan)
    for weeks in range(1, 5):
        past[weeks - 1, weeks:] = p95[:-weeks]
    return lower_median(past).repeat(WEEK)[: len(hours)]


def describe(world: World, baselines: Array, change: Change | None = None) -> Hours:
    """What the table says where every hour's durations were changed."""
    slow, very_slow = (np.zeros(world.requests.shape, dtype=np.int64) for _ in range(2))
    p95_low = np.full(world.requests.shape, np.nan)
    for place, hours in enumerate(world.durations):
        for hour, usual in enumerate(baselines[place]):
            values = change(hours[hour]) if change and hours[hour].size else hours[hour]
            slow[place, hour], very_slow[place, hour] = np.sum(values > usual), np.sum(values > FAR * usual)
            rank = quantile_ranks(values.size, 0.95)[0] if values.size >= P95_NEEDS else None
            p95_low[place, hour] = np.partition(values, rank - 1)[rank - 1] if rank else np.nan
    return Hours(slow, very_slow, p95_low)


def usual_before(hits: NDArray[np.int64], totals: NDArray[np.int64]) -> Usual:
    """What is usual for each judged hour, of shape (judged hours, operations), from the weeks up to a day before it."""
    looks = range(BEGIN, totals.shape[1])
    spans = [slice(hour - RECENT + 1 - DAYS * HOURS, hour - RECENT + 1) for hour in looks]
    return Usual(*map(np.array, zip(*(usual_of(hits[:, span], totals[:, span]) for span in spans), strict=True)))


def count_false(tails: Array, is_large: NDArray[np.bool_]) -> int:
    """How many findings there are, looked for every hour with the product's own runs; one that goes on is one."""
    found, before = 0, set[int]()
    for end in range(RECENT, len(tails) + 1):
        now = set(judge(tails[end - RECENT : end], is_large[end - RECENT : end]))
        found, before = found + len(now - before), now
    return found


def is_found(tails: Array, quiet: Array, is_large: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether an hour would be sure if it alone were bad: its tail among the quiet ones of the others."""
    found = np.zeros(tails.shape, dtype=np.bool_)
    for place in range(tails.shape[1]):
        one = quiet.copy()
        one[:, place] = tails[:, place]
        found[:, place] = (q_over_operations(one)[:, place] <= SURE) & is_large[:, place]
    return found


def by_size(name: str, found: NDArray[np.bool_], requests: NDArray[np.int64]) -> Found:
    within = {size: (requests >= size[0]) & (requests < size[1]) for size in SIZES}
    return {(name, size): (int(found[chosen].sum()), int(chosen.sum())) for size, chosen in within.items()}


def judge_durations(world: World) -> tuple[int, Found]:
    baselines = np.array(list(map(baseline, world.durations)))
    totals, judged = np.where(np.isfinite(baselines), world.requests, 0), slice(BEGIN, None)
    quiet = describe(world, baselines)
    usuals = [usual_before(hits, totals) for hits in (quiet.slow, quiet.very_slow)]

    def tails_of(hours: Hours) -> tuple[Array, NDArray[np.bool_]]:
        hits = [each[:, judged].T for each in (hours.slow, hours.very_slow)]
        return hour_tails(hits, totals[:, judged].T, usuals, SLOW.needs), (hours.p95_low >= LARGE * baselines)[:, judged].T

    tails, is_large = tails_of(quiet)
    found: Found = {}
    for name, change in CHANGES.items():
        changed, matters = tails_of(describe(world, baselines, change))
        found |= by_size(name, is_found(changed, tails, matters), totals[:, judged].T)
    return count_false(tails, is_large), found


def judge_errors(world: World, draw: np.random.Generator) -> tuple[int, Found]:
    """Also with all operations at 1 %, and each hour once at 5 %."""
    judged, requests = slice(BEGIN, None), world.requests

    def tails_of(failed: NDArray[np.int64], usual: Usual) -> tuple[Array, NDArray[np.bool_]]:
        share = failed[:, judged].T / np.maximum(requests[:, judged].T, 1)
        return hour_tails([failed[:, judged].T], requests[:, judged].T, [usual], FAILED.needs), share >= usual.share + RISE

    false = count_false(*tails_of(world.failed, usual_before(world.failed, requests)))
    scatter = draw.gamma(11, 1 / 11, requests.shape)
    before, after = (draw.binomial(requests, rate * scatter) for rate in (0.01, 0.05))
    usual = usual_before(before, requests)
    bad, matters = tails_of(after, usual)
    found = is_found(bad, tails_of(before, usual)[0], matters)
    return false, by_size("errors from 1 to 5 %", found, requests[:, judged].T)


def judge_few(draw: np.random.Generator, hours: int, deviation: float) -> tuple[int, Found]:
    """Operations that are judged by the day, four times a day: what is found in sound ones, and of days that take twice as long."""
    world = simulate(draw, hours, deviation, FEW)
    baselines = np.array(list(map(baseline, world.durations)))
    totals, all_thin = np.where(np.isfinite(baselines), world.requests, 0), np.ones(FEW.size, dtype=np.bool_)
    quiet, twice = (describe(world, baselines, change) for change in (None, next(iter(CHANGES.values()))))
    false, found, tried, before = 0, 0, 0, set[int]()
    for end in range(BEGIN, hours, 6):
        span, today = slice(end - DAYS * HOURS - RECENT, end), slice(end - RECENT, end)
        hits = [each[:, span] for each in (quiet.slow, quiet.very_slow)]
        now = set(judge_days(hits, totals[:, span], all_thin, SLOW)[0])
        false, before = false + len(now - before), now
        for place in np.flatnonzero(totals[:, today].sum(axis=1) >= SLOW.needs):
            bad = [each.copy() for each in hits]
            for each, changed in zip(bad, (twice.slow, twice.very_slow), strict=True):
                each[place, -RECENT:] = changed[place, today]
            found += int(place) in judge_days(bad, totals[:, span], all_thin, SLOW)[0]
            tried += 1
    return false, {("2 to 10 an hour, a day twice", SIZES[0]): (found, tried)}


def judge_world(seed: int, weeks: int, quiet: str) -> Score:
    draw = np.random.default_rng(seed)
    hours = BEGIN + weeks * WEEK
    hours += -hours % HOURS
    world = simulate(draw, hours, QUIETS[quiet])
    false_slow, found = judge_durations(world)
    false_failed, failed = judge_errors(world, draw)
    false_few, few = judge_few(draw, hours, QUIETS[quiet])
    false = {"response_time_degradation": false_slow, "error_rate_rise": false_failed, "the same, by the day": false_few}
    return Score((hours - BEGIN) / WEEK, false, found | failed, few)


def show(quiet: str, scores: Sequence[Score]) -> bool:
    """Print a world's figures; returns whether they are within the bars."""
    weeks = sum(score.weeks for score in scores)
    is_full = weeks >= FULL_WEEKS
    false = {name: sum(score.false[name] for score in scores) for name in scores[0].false}
    for name, count in false.items():
        print(f"{quiet:<16} {name:<26} {count:>4} false in {weeks:.0f} weeks, {count / weeks:.2f} a week")
    most = most_a_week(FALSE_A_WEEK, weeks, is_full=is_full)
    least = FOUND if is_full else FOUND - 3 * SCATTER / np.sqrt(len(scores))
    good = sum(false.values()) <= most * weeks
    few = [sum(each) for each in zip(*(n for score in scores for n in score.few.values()), strict=True)]
    print(f"{quiet:<16} 2 to 10 an hour, a day twice as long: {few[0] / max(few[1], 1):.3f} of {few[1]:,}")
    for name in dict.fromkeys(name for name, _ in scores[0].found):
        counts = {size: [sum(each) for each in zip(*(s.found[name, size] for s in scores), strict=True)] for size in SIZES}
        many = [sum(each) for each in zip(*(counts[size] for size in SIZES if size[0] >= BARRED), strict=True)]
        shares = "  ".join(starmap("{}+: {:.3f}".format, ((size[0], k / max(n, 1)) for size, (k, n) in counts.items())))
        print(f"{quiet:<16} {name:<26} {shares}  from {BARRED} on: {many[0] / many[1]:.3f} of {many[1]:,}")
        good &= name not in CHANGES or many[0] >= least * many[1]
    print(f"{quiet:<16} at most {most:.3g} false a week of all kinds, at least {least:.3f} found: {'met' if good else 'missed'}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=6)
    parser.add_argument("--weeks", type=int, default=8, help="judged weeks of each")
    parser.add_argument("--barred", action="store_true", help="only what there is a bar for")
    options = parser.parse_args()
    missed, barred = False, next(iter(QUIETS))
    for quiet in [barred] if options.barred else QUIETS:
        with ProcessPoolExecutor(2) as pool:
            scores = list(pool.map(partial(judge_world, weeks=options.weeks, quiet=quiet), range(options.worlds)))
        missed |= not show(quiet, scores) and quiet == barred
    print(f"bars with {barred}: {'missed' if missed else 'met'}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
