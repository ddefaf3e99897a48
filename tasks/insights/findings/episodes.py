"""A finding goes on from one as_of to the next: how the rows of one subject change when one more as_of is computed.

A row stands for the as_ofs that found the same thing: the first, the last, and the first after them that did not. What is in
between is not kept, so an as_of that lies inside a row does not take it apart.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Any

FindingRow = dict[str, Any]
"""A row of insights.performance_insights."""


def revise(rows: Sequence[FindingRow], found: FindingRow | None, as_of: datetime, computed: Sequence[datetime]) -> list[FindingRow]:
    """The rows of one kind, subject and labels after computing `as_of`, for the first time or again.

    Args:
        rows: its rows so far, in the order of time.
        found: what `as_of` found, as a row of its own; None if it found nothing.
        computed: every other as_of that was computed, ascending.
    """
    others = [row for row in (_without(row, as_of, computed) for row in rows) if row is not None]
    if found is None:
        return [_missed(row, as_of) for row in others]
    if any(row["first_found_at"] <= as_of <= row["as_of"] for row in others):
        return others
    earlier = [row for row in others if row["as_of"] < as_of]
    later = others[len(earlier) :]
    new = found | {"ended_at": _after(as_of, computed)}
    if earlier and _goes_on(earlier[-1], as_of, found["started_at"]):
        new = _joined(earlier.pop(), new)
    if later and _goes_on(new, later[0]["first_found_at"], later[0]["started_at"]):
        new = _joined(new, later.pop(0))
    return [*earlier, new, *later]


def _without(row: FindingRow, as_of: datetime, computed: Sequence[datetime]) -> FindingRow | None:
    """The row as far as other as_ofs vouch for it."""
    is_first, is_last = row["first_found_at"] == as_of, row["as_of"] == as_of
    if is_first and is_last:
        return None
    if is_last:
        return row | {"as_of": _before(as_of, computed), "ended_at": _after(as_of, computed)}
    if is_first:
        return row | {"first_found_at": _after(as_of, computed)}
    return row


def _missed(row: FindingRow, as_of: datetime) -> FindingRow:
    is_sooner = row["as_of"] < as_of and (row["ended_at"] is None or as_of < row["ended_at"])
    return row | {"ended_at": as_of} if is_sooner else row


def _goes_on(row: FindingRow, as_of: datetime, started_at: datetime) -> bool:
    """Whether what `as_of` found is that row: it had not ended by then, or not before the finding starts."""
    ended_at = row["ended_at"]
    return ended_at is None or as_of <= ended_at or started_at < ended_at


def _joined(row: FindingRow, following: FindingRow) -> FindingRow:
    """One row of two: what it is from the first, how it stands from the other."""
    return following | {name: row[name] for name in ("insight_id", "started_at", "first_found_at")}


def _before(as_of: datetime, computed: Sequence[datetime]) -> datetime:
    return computed[bisect_left(computed, as_of) - 1]


def _after(as_of: datetime, computed: Sequence[datetime]) -> datetime | None:
    at = bisect_right(computed, as_of)
    return computed[at] if at < len(computed) else None
