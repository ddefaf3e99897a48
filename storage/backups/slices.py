"""What a warehouse is cut into for backups: tables whole, and of large ones each day (UTC) in slices that are quick to write."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

import duckdb

from storage.backups.manifest import Part
from storage.changes import between, bounds_of, day_column, generation, in_days, stored_tables
from storage.relations import count_rows, rows_by_day, values_of

WHOLE_ROWS = 200_000
"""A table with fewer is one file: many small ones cost more than they spare."""
NOTES = "ops.changes"
"""It changes with whatever changes, and has no note of itself."""
SLICE_ROWS = 2_000_000
"""A slice takes a second or so to write, and nobody else has the warehouse meanwhile."""


@dataclass(frozen=True)
class Slice:
    """Rows of a table that go into one file, as they were in a generation; without bounds all of them."""

    table: str
    start: datetime | None
    end: datetime | None
    generation: int

    @property
    def where(self) -> str:
        return "true" if self.start is None or self.end is None else between(self.table, self.start, self.end)


def slice_of(part: Part) -> Slice:
    """The slice that a part of a backup holds."""
    return Slice(part.table, part.start, part.end, part.generation)


Changes = Mapping[str, Mapping[str, int]]
"""By table: the generation in which each part of it changed last; part '' is all of it."""


def changes_of(con: duckdb.DuckDBPyConnection) -> Changes:
    """What `ops.changes` says."""
    found: dict[str, dict[str, int]] = {}
    for table, part, changed in values_of(con, "ops.changes", "table_name", "part", "generation"):
        found.setdefault(table, {})[part] = changed
    return found


def slices_of(con: duckdb.DuckDBPyConnection, known: Iterable[Slice]) -> list[Slice]:
    """How the warehouse that `con` holds is cut now, its empty tables left out.

    What has not changed since it was cut into `known` is cut as it was, and not looked at, however much it is.
    """
    changes, earlier = dict(changes_of(con)), _by_table(known)
    changes[NOTES] = {"": generation(con)}
    return [each for name in stored_tables() for each in _slices(con, name, changes.get(name, {}), earlier.get(name, []))]


def _by_table(known: Iterable[Slice]) -> dict[str, list[Slice]]:
    found: dict[str, list[Slice]] = {}
    for each in known:
        found.setdefault(each.table, []).append(each)
    return found


def _slices(con: duckdb.DuckDBPyConnection, name: str, changed: Mapping[str, int], earlier: list[Slice]) -> Iterator[Slice]:
    column, rows = day_column(name), _rows(con, name)
    if column is None or rows < WHOLE_ROWS:
        yield from [Slice(name, None, None, max(changed.values(), default=0))] if rows else []
        return
    whole = changed.get("", 0)
    days = _known_days(earlier) if all(each.start and each.generation >= whole for each in earlier) else {}
    kept = {day: cut for day, cut in days.items() if cut[0].generation >= changed.get(day.isoformat(), 0)}
    wanted = None if not days else [date.fromisoformat(day) for day in changed if day and date.fromisoformat(day) not in kept]
    cut = {day: list(_cut(name, day, rows)) for day, rows in _rows_by_day(con, name, column, wanted).items()}
    for day, slices in sorted((kept | cut).items()):
        generation = max(whole, changed.get(day.isoformat(), 0))
        yield from (slices if day in kept else [replace(each, generation=generation) for each in slices])


def _known_days(earlier: Iterable[Slice]) -> dict[date, list[Slice]]:
    days: dict[date, list[Slice]] = {}
    for each in earlier:
        if each.start is not None:
            days.setdefault(each.start.date(), []).append(each)
    return days


def _rows(con: duckdb.DuckDBPyConnection, name: str) -> int:
    return count_rows(con, name)


def _rows_by_day(con: duckdb.DuckDBPyConnection, name: str, column: str, wanted: list[date] | None) -> dict[date, int]:
    """Rows of those days, without days that have none; of all days where nobody says which."""
    if wanted is None:
        return rows_by_day(con, name, column)
    found = [(day, count_rows(con, name, in_days(name, [day]))) for day in wanted]
    return {day: rows for day, rows in found if rows}


def _cut(name: str, day: date, rows: int) -> Iterator[Slice]:
    start, end = bounds_of(day)
    count = -(-rows // SLICE_ROWS)
    edges = [start + (end - start) * number / count for number in range(count)] + [end]
    for begin, until in pairwise(edges):
        yield Slice(name, begin, until, 0)
