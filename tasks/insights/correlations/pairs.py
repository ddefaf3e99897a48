"""Which series of a host are held against which, and what is reported of all of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.insights.correlations.innovations import Flags, Innovations
from tasks.insights.correlations.lags import correlate, link
from tasks.insights.statistics.intervals import Counts, Values

FALSE_DISCOVERIES = 0.05
STRETCHES_NEEDED = 8.0
"""A correlation carried by fewer is a few moments, such as a restart that moved everything at once."""


class Series(NamedTuple):
    """Series in a fixed order.

    Attributes:
        names: of each the place in the frame that it came from.
        families: of each; those of operations are alike in none.
    """

    names: Counts
    families: Sequence[str]
    innovations: Innovations

    def at(self, place: int) -> Innovations:
        """One series."""
        return Innovations(*(part[place : place + 1] for part in self.innovations))


class Tested(NamedTuple):
    """The pairs of one host, an array each: places of the two among their series, lag, p-value."""

    first: Counts
    second: Counts
    lag: Counts
    p_value: Values

    def kept(self, is_kept: Flags) -> "Tested":
        """Some of them."""
        return Tested(self.first[is_kept], self.second[is_kept], self.lag[is_kept], self.p_value[is_kept])


def within(host: Series) -> Tested:
    """A host's metrics against each other, but for those of one family; the first is the one that leads."""
    families = np.array(host.families)
    is_apart = np.triu(families[:, None] != families[None, :])
    tested = _tested(host, host, is_apart)
    is_led = tested.lag < 0
    first, second = np.where(is_led, tested.second, tested.first), np.where(is_led, tested.first, tested.second)
    return Tested(first, second, np.abs(tested.lag), tested.p_value)


def across(host: Series, operations: Series) -> Tested:
    """A host's metrics against what operations did; a lag below 0 says that the operation leads."""
    return _tested(host, operations, np.ones((len(host.names), len(operations.names)), dtype=np.bool_))


def correlations(host: Series, other: Series, found: Tested, q_values: Values) -> pl.DataFrame:
    """The correlation of each pair at its lag, but for those that a few moments carry.

    Returns:
        first and second (names), lag_minutes, correlation with its interval, samples, p_value, q_value.
    """
    pairs = list(zip(found.first.tolist(), found.second.tolist(), found.lag.tolist(), strict=True))
    values = [correlate(host.at(first), other.at(second), lag) for first, second, lag in pairs]
    columns = {
        "first": host.names[found.first],
        "second": other.names[found.second],
        "lag_minutes": found.lag,
        "correlation": np.array([each.value for each in values], dtype=np.float64),
        "correlation_low": np.array([each.low for each in values], dtype=np.float64),
        "correlation_high": np.array([each.high for each in values], dtype=np.float64),
        "samples": np.array([each.n for each in values], dtype=np.int64),
        "p_value": found.p_value,
        "q_value": q_values,
    }
    is_lasting = np.array([each.stretches >= STRETCHES_NEEDED for each in values], dtype=np.bool_)
    return pl.DataFrame(columns).filter(is_lasting)


def _tested(first: Series, second: Series, is_asked: Flags) -> Tested:
    links = link(first.innovations, second.innovations)
    places = np.nonzero(is_asked & np.isfinite(links.p_value))
    return Tested(places[0].astype(np.int64), places[1].astype(np.int64), links.lag[places], links.p_value[places])
