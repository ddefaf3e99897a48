"""Whether memory that leaks is found, and none that does not: on made-up memory of which the truth is known.

Run as `python -m benchmarks.calibration.leaks [--runs N]`. All goes through the pure function of insights.forecasts. Quiet memory
is looked at once, at the end of a day and of a week, which the bars are for; and every hour of a day, which is counted apart.
Exits with 1 if a bar is missed.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from tasks.insights.hosts.leaks import HOURS, Trend, find_trend
from tasks.insights.statistics.intervals import Values
from tests.memory_series import HARDER, QUIET, Memory, autocorrelated, leaking, lows

FLAGGED = 0.02
DAY, WEEK = 24, 168
BARS = {(0.5, DAY): 0.95, (0.1, WEEK): 0.80}
"""The least share found, of leaks by so many percent an hour, within so many hours; alone and with a sawtooth."""
BARRED = ("leak", "leak, sawtooth")
CASES = ((0.5, DAY), (0.2, DAY), (0.1, DAY), (0.5, WEEK), (0.1, WEEK), (0.05, WEEK))


def trend(series: Values, hour: int) -> Trend | None:
    """What is found after so many hours."""
    known = series[max(0, hour - HOURS) : hour]
    return find_trend(np.concatenate([np.full(HOURS - len(known), np.nan), known]))


def leaks(series: Values, hour: int) -> bool:
    found = trend(series, hour)
    return found is not None and found.is_leak


def look_once(seed: int, kind: Memory, hours: int) -> tuple[bool, float, float]:
    """Whether it is flagged at the end, and the interval of the growth per hour (%)."""
    found = trend(lows(kind, hours, seed), hours)
    assert found is not None
    return found.is_leak, found.growth.low / 0.24, found.growth.high / 0.24


def look_hourly(seed: int, kind: Memory, hours: int) -> int:
    """How many of the looks at the last 24 hours flag it."""
    series = lows(kind, hours, seed)
    return sum(leaks(series, hour) for hour in range(hours - 23, hours + 1))


def look_after_restart(seed: int, percent: float) -> int:
    """A host whose leaking process is restarted after two days: the looks until the finding ends, of 6; -1: never found."""
    rng = np.random.default_rng(seed)
    hours = np.arange(60 * 12) / 12
    used = 1 + percent / 100 * np.where(hours < 48, hours, hours - 48) + autocorrelated(rng, len(hours), 0.9)
    series = used.reshape(-1, 12).min(axis=1)
    return next((n for n in range(6) if not leaks(series, 49 + n)), 6) if leaks(series, 48) else -1


def over(runs: int, one: Callable[[int], object]) -> list:
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(one, range(runs), chunksize=8))


def quiet_holds(runs: int) -> bool:
    is_met = True
    print(f"{'flagged without a leak':<34} {'1 day':>7} {'7 days':>7} {'any of 24 looks':>16} {'each look':>10}")
    for name, kind in {**QUIET, **HARDER}.items():
        shares = [np.mean([flag for flag, *_ in over(runs, partial(look_once, kind=kind, hours=hours))]) for hours in (DAY, WEEK)]
        looks = np.array(over(runs, partial(look_hourly, kind=kind, hours=2 * DAY)))
        verdict = ("holds" if max(shares) <= FLAGGED else "BROKEN") if name in QUIET else "no bar"
        is_met &= verdict != "BROKEN"
        print(f"{name:<34} {shares[0]:>7.3f} {shares[1]:>7.3f} {np.mean(looks > 0):>16.3f} {looks.mean() / 24:>10.4f}  {verdict}")
    return is_met


def leaks_hold(runs: int) -> bool:
    is_met = True
    print(f"{'leaks':<34} {'% an hour':>9} {'within':>7} {'found':>7} {'interval holds':>15}")
    for percent, hours in CASES:
        for name, kind in leaking(percent).items():
            seen = over(runs, partial(look_once, kind=kind, hours=hours))
            found, held = np.mean([flag for flag, *_ in seen]), np.mean([low <= percent <= high for _, low, high in seen])
            bar = BARS.get((percent, hours)) if name in BARRED else None
            verdict = "no bar" if bar is None else "holds" if found >= bar else "BROKEN"
            is_met &= verdict != "BROKEN"
            print(f"{name:<34} {percent:>9.2f} {hours:>5} h {found:>7.3f} {held:>15.3f}  {verdict}")
    return is_met


def restarts_hold(runs: int) -> bool:
    """Processes are other series once they are restarted; of hosts the memory falls."""
    ends = np.array(over(runs, partial(look_after_restart, percent=0.5)))
    ends = ends[ends >= 0]
    is_met = bool(np.all(ends <= 1))
    print(f"restart of what leaked on a host: found in {len(ends) / runs:.3f} before, ended at the next hour in", end=" ")
    print(f"{np.mean(ends == 0):.3f}, one later in {np.mean(ends == 1):.3f}  {'holds' if is_met else 'BROKEN'}")
    return is_met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    options = parser.parse_args()
    is_met = quiet_holds(options.runs) & leaks_hold(options.runs) & restarts_hold(options.runs)
    print(f"bars: {'met' if is_met else 'missed'}")
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
