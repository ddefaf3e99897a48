"""Earlier values of hosts around the times at which they were anomalous: by the minute while samples are kept, then by the hour."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from storage.sql_files import sql_beside
from tasks.insights.detection.calendar import DAYS, WEEKS, rhythms
from tasks.insights.detection.planning import Plan
from tasks.insights.detection.reading import Stretch, instant_of, read_hours, read_stretches
from tasks.insights.detection.reconsidering import HOUR, Recalled
from tasks.insights.detection.recurrence import AFTER, BEFORE
from tasks.insights.detection.windows import DAY

APART = 6 * HOUR
"""Hours at most so far apart are recalled in one stretch."""
BY_THE_MINUTE = tuple(DAY * days for days in sorted({*range(1, DAYS + 1), *range(7, 7 * WEEKS + 1, 7)}))


@dataclass(frozen=True)
class Wanted:
    """Of a host the hours whose earlier occurrences are to be recalled, first and end, since the epoch."""

    plan: Plan
    first: int
    end: int


def wanted(plan: Plan, hours: Sequence[int]) -> list[Wanted]:
    """The hours in stretches."""
    cuts = np.flatnonzero(np.diff(hours) > APART) + 1
    return [Wanted(plan, int(part[0]), int(part[-1]) + HOUR) for part in np.split(np.array(hours), cuts) if len(part)]


def cells_of(stretches: Iterable[Wanted]) -> int:
    """How many cells are recalled by the minute, as an upper bound."""
    return sum(len(each.plan.series) * (each.end - each.first + BEFORE + AFTER) * len(BY_THE_MINUTE) for each in stretches)


def recall(con: duckdb.DuckDBPyConnection, stretches: Sequence[Wanted], end: int) -> Mapping[str, tuple[Recalled, ...]]:
    """By host what is known of the same times before; the minutes up to `end` from the plan's first on are known anyway."""
    found: dict[str, list[Recalled]] = {each.plan.host: [] for each in stretches}
    sql = sql_beside(__file__, "../anomaly_scores")
    for ago in BY_THE_MINUTE:
        asked = [each for each in _before(stretches, ago) if each.first < _first_of(stretches, each.host) or each.end > end]
        if asked:
            for stretch, values in zip(asked, read_stretches(con, sql, asked, instant_of(max(s.end for s in asked))), strict=True):
                found[stretch.host].append(Recalled(stretch.first, values, values, values))
    for ago in _long_ago(stretches):
        asked = list(_before(stretches, ago))
        for stretch, (least, mean, greatest) in zip(asked, read_hours(con, asked), strict=True):
            found[stretch.host].append(Recalled(stretch.first, least, mean, greatest))
    return {host: tuple(each) for host, each in found.items()}


def _first_of(stretches: Iterable[Wanted], host: str) -> int:
    return next(each.plan.first for each in stretches if each.plan.host == host)


def _before(stretches: Iterable[Wanted], ago: int) -> Iterator[Stretch]:
    for each in stretches:
        yield Stretch(each.plan.host, each.plan.series, each.first - BEFORE - ago, each.end + AFTER - ago)


def _long_ago(stretches: Iterable[Wanted]) -> list[int]:
    """Whole days before which there may be an earlier occurrence of a month, or of a week whose samples are gone."""
    days = {day for each in stretches for day in range(each.first // DAY, (each.end - 1) // DAY + 1)}
    monthly = {round(ago / DAY) * DAY for day in days for each in rhythms(day * DAY) if each.every == "month" for ago in each.ago}
    return sorted(monthly | {7 * DAY * week for week in range(1, WEEKS + 1)})
