"""How often the 95 % intervals hold the truth, by the binomial exactly or by simulation.

Run as `python -m benchmarks.calibration.intervals [--samples N]`.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import binom, norm

from tasks.insights.statistics.intervals import wilson_high, wilson_low, with_exact_interval
from tasks.insights.statistics.kaplan_meier import censored_median
from tasks.insights.statistics.quantiles import list_interval
from tasks.insights.statistics.shrinkage import fit_prior, shrink

NUMBERS, RATES = range(5, 51), np.linspace(0.5, 0.97, 189)
Interval = Callable[[pl.Series, pl.Series], tuple[pl.Series, pl.Series]]


@dataclass(frozen=True)
class Coverage:
    """How often an interval held; `bar` where there is one."""

    what: str
    share: float
    bar: float | None = None


def wilson(successes: pl.Series, n: pl.Series) -> tuple[pl.Series, pl.Series]:
    frame = pl.DataFrame({"k": successes, "n": n})
    bounds = frame.select(low=wilson_low(pl.col("k"), pl.col("n")), high=wilson_high(pl.col("k"), pl.col("n")))
    return bounds["low"], bounds["high"]


def exact(successes: pl.Series, n: pl.Series) -> tuple[pl.Series, pl.Series]:
    low, high = with_exact_interval("rate", successes, n)
    return low, high


def of_rates() -> Iterator[Coverage]:
    """Exact, of every n from 5 to 50 and rate from .5 to .97."""
    for name, interval, bars in (("Wilson", wilson, (0.93, None)), ("Clopper-Pearson", exact, (0.93, 0.93))):
        covered = np.array([_of_rate(interval, n) for n in NUMBERS])
        yield Coverage(f"{name}, the worst n, on average over the rates", covered.mean(axis=1).min(), bars[0])
        yield Coverage(f"{name}, the worst n and rate", covered.min(), bars[1])


def _of_rate(interval: Interval, n: int) -> np.ndarray:
    successes = np.arange(n + 1)
    low, high = (end.to_numpy()[:, None] for end in interval(pl.Series(successes), pl.Series(np.full(n + 1, n))))
    return (binom.pmf(successes[:, None], n, RATES) * ((low <= RATES) & (high >= RATES))).sum(axis=0)


def of_quantiles(samples: int) -> Iterator[Coverage]:
    """Of log-normal durations."""
    for q, sizes in ((0.5, (6, 8, 15, 30, 100)), (0.9, (40, 100, 300))):
        for n in sizes:
            drawn = np.sort(np.random.default_rng(n).lognormal(size=(samples, n)), axis=1)
            low, high = list_interval(pl.Series(drawn.tolist()), q)
            truth = float(np.exp(norm.ppf(q)))
            yield Coverage(
                f"{'median' if q == 0.5 else '90th percentile'}, n = {n}", ((low <= truth) & (truth <= high)).mean(), 0.94
            )


def of_recovery(samples: int) -> Iterator[Coverage]:
    """Of log-normal times, a tenth and three tenths of them censored at random; those with 6 that ended."""
    for n in (6, 10, 20, 100):
        for censored in (0.1, 0.3):
            draw, covered = np.random.default_rng(n), []
            for _ in range(samples // 4):
                lasting, seen = draw.lognormal(size=n), draw.exponential(1.6 / censored, size=n)
                found = censored_median(lasting[lasting <= seen], seen[lasting > seen])
                if found.low is not None:
                    covered.append(found.low <= 1.0 <= (np.inf if found.high is None else found.high))
            yield Coverage(f"recovery median, n = {n}, about {censored:.0%} censored", float(np.mean(covered)), 0.93)


def of_shrunk_rates(samples: int) -> Iterator[Coverage]:
    """Of services with 3 to 60 deployments, whose rates are Beta distributed; and how much closer they come."""
    for a, b, groups in ((18, 2, 40), (18, 2, 5), (90, 10, 40), (4, 1, 40), (4, 1, 5)):
        draw, covered, raw, better = np.random.default_rng(groups), [], [], []
        for _ in range(samples // 10):
            truth, n = draw.beta(a, b, groups), draw.integers(3, 61, groups)
            successes = draw.binomial(n, truth)
            prior = fit_prior(successes, n)
            assert prior is not None
            mean, low, high = shrink(prior, successes, n)
            covered.append(np.mean((low <= truth) & (truth <= high)))
            raw.append(np.mean((successes / n - truth) ** 2))
            better.append(np.mean((mean - truth) ** 2))
        saved = 1 - np.mean(better) / np.mean(raw)
        yield Coverage(
            f"shrunk rate, {groups} services of Beta({a}, {b}), {saved:.0%} less squared error", float(np.mean(covered)), 0.93
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=20_000, help="simulated samples of each kind")
    samples = parser.parse_args().samples
    allowance = 3 * np.sqrt(0.95 * 0.05 / (samples / 10))
    held = True
    for found in (*of_rates(), *of_quantiles(samples), *of_recovery(samples), *of_shrunk_rates(samples)):
        is_exact = found.what.startswith(("Wilson", "Clopper"))
        holds = found.bar is None or found.share >= found.bar - (0 if is_exact else allowance)
        held &= holds
        bar = "" if found.bar is None else f"  {'holds' if holds else 'BROKEN'}, at least {found.bar}"
        print(f"{found.what:72}{found.share:>8.4f}{bar}")
    sys.exit(not held)


if __name__ == "__main__":
    main()
