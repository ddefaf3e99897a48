"""A row that the source itself cannot read costs that row, not the read.

Of which row a SELECT dies, the database does not say. But the key and the change instant of every row can be listed without
looking at the rest, and what has come is known. So the row is among those that are missing, and it is the first of them where the
listing goes the way of the read. That is tried, row by row; otherwise the rows are halved until the row stands alone. Then it is
refused with the database's own message, and the rest is read on, from the earliest instant on at which something is missing.
"""

from collections.abc import Generator, Iterator
from typing import cast

import polars as pl
import pyarrow as pa

from storage.errors import GovpulseError
from storage.intake.contract import UNREADABLE
from tasks.sources.database.narrowing import EVERYTHING, IN_THE_KEY, Between, Change, Only, Reading, UnreadableRowError
from tasks.sources.database.seen import Seen, as_rows
from tasks.sources.files.unreadable import shown
from tasks.sources.mapping import contract_columns

MOST_REFUSED = 1_000
"""Rows of one read: where there are more, the mapping is to blame."""
NEAR_ROWS = 4_096
"""Rows that are read one by one behind those that have come: more than a driver loses, and few enough to name their keys."""
MOST_RESTARTS = 16
"""How often the rest is read on in one go. With more such rows than that, one key after another costs the source less."""


def read_isolated(reading: Reading, most: int | None = None) -> Iterator[pa.Table]:
    """The rows; of those that the source cannot read key, change instant and, in the column `unreadable`, why.

    Args:
        most: of those that the source cannot read; by default MOST_REFUSED.

    Raises:
        GovpulseError: they cannot be told from the others, or there are more.
    """
    seen = Seen(reading.key)
    try:
        yield from seen.noting(reading.rows(EVERYTHING))
        return
    except UnreadableRowError as error:
        fault = error
    isolation = _Isolation(reading, fault, MOST_REFUSED if most is None else most)
    missing = seen.missing(isolation.list_rows())
    del seen
    yield from isolation.read(missing)
    yield isolation.refused()


def read_whole(reading: Reading) -> Iterator[pa.Table]:
    """The rows of a listing, of which one that is missing would count as gone: a fault ends the read.

    Raises:
        GovpulseError: one of them cannot be read.
    """
    try:
        yield from reading.rows(EVERYTHING)
    except UnreadableRowError as fault:
        raise GovpulseError(
            f"{fault}; {reading.dataset} were left as they were, because a missing row would count as deleted"
        ) from fault


class _Isolation:
    def __init__(self, reading: Reading, fault: UnreadableRowError, most: int) -> None:
        self.reading, self.fault, self.most = reading, fault, most
        self.faults: list[tuple[pl.DataFrame, str]] = []
        self.is_in_order, self.restarts = True, 0

    def list_rows(self) -> pl.DataFrame:
        try:
            listed = [as_rows(table["key"], table["updated_at"]) for table in self.reading.listing()]
        except UnreadableRowError as error:
            raise self.fault.of_no_row(IN_THE_KEY) from error
        return pl.concat(listed) if listed else pl.DataFrame(schema={"key": pl.String, "changed": pl.Int64})

    def read(self, rows: pl.DataFrame) -> Iterator[pa.Table]:
        """`rows`, of which none has come yet."""
        while not rows.is_empty():
            near = NEAR_ROWS if self.restarts < MOST_RESTARTS else rows.height
            for few in rows.head(near).iter_slices(NEAR_ROWS):
                yield from self._read_one_by_one(few)
            rows = rows.slice(near)
            same = rows["key"].is_in(self._refused_keys().implode(), nulls_equal=True)
            yield from self._read_one_by_one(rows.filter(same))
            rows = yield from self._read_on(rows.filter(~same))
        if not self.faults:
            raise self.fault

    def refused(self) -> pa.Table:
        names = contract_columns(self.reading.dataset)
        rows = pl.concat([row for row, _ in self.faults])
        said = [None if change is None else self.reading.said(change) for change in rows["changed"]]
        known = {self.reading.key: rows["key"].to_list(), "updated_at": said}
        nothing = [None] * rows.height
        columns = {name: pa.array(known.get(name, nothing), pa.string()) for name in names}
        reasons = [f"the database cannot read this row: {message}" for _, message in self.faults]
        return pa.table(columns | {UNREADABLE: pa.array(reasons, pa.string())})

    def _read_on(self, rows: pl.DataFrame) -> Generator[pa.Table, None, pl.DataFrame]:
        """All of `rows` in one go; returns those that are still to come where another one of them cannot be read."""
        if rows.is_empty():
            return rows
        seen = Seen(self.reading.key)
        try:
            yield from seen.noting(self.reading.rows(Only(between=_between(rows), but=tuple(self._refused_keys()))))
        except UnreadableRowError:
            self.restarts += 1
            return seen.missing(rows)
        self._refuse_loss(seen.missing(rows))
        return rows.clear()

    def _read_one_by_one(self, rows: pl.DataFrame) -> Iterator[pa.Table]:
        waiting, guess = [rows], None
        while waiting:
            rows = waiting.pop()
            if rows.is_empty():
                continue
            seen, only = Seen(self.reading.key), Only(tuple(rows["key"]), _between(rows), row_by_row=True)
            try:
                yield from seen.noting(self.reading.rows(only))
            except UnreadableRowError as fault:
                if rows.height == 1:
                    self._refuse(rows, only, fault)
                else:
                    waiting += self._split(seen.missing(rows))
                    guess = waiting[-1] if self.is_in_order else None
                continue
            self._refuse_loss(seen.missing(rows))
            self.is_in_order &= rows is not guess

    def _split(self, rows: pl.DataFrame) -> list[pl.DataFrame]:
        """In two, the one to be read first behind the other. Of doubles of which one has come, nobody can tell the other."""
        if rows.is_empty():
            raise self.fault
        first = 1 if self.is_in_order else (rows.height + 1) // 2
        return [rows.slice(first), rows.head(first)]

    def _refuse(self, row: pl.DataFrame, only: Only, fault: UnreadableRowError) -> None:
        if not self.faults:
            self._refuse_without_filter(only)
        self.faults.append((row, shown(fault.said)))
        if len(self.faults) > self.most:
            first = self.faults[0]
            raise GovpulseError(
                f"{self.fault}; more than {self.most:,} rows cannot be read,"
                f" the first of them {first[0]['key'][0]}: change the SELECT so that it yields NULL for what it cannot read"
            )

    def _refuse_without_filter(self, only: Only) -> None:
        """Where a database looks at every row before it chooses, each of them seems to be one that cannot be read."""
        try:
            for _ in self.reading.rows(Only(only.keys, only.between, but=only.keys or ())):
                pass
        except UnreadableRowError as error:
            why = "the SELECT is worked out for all rows before one can be chosen (LIMIT, DISTINCT, a window function)"
            raise self.fault.of_no_row(why) from error

    def _refuse_loss(self, lost: pl.DataFrame) -> None:
        if not lost.is_empty():
            raise self.fault

    def _refused_keys(self) -> pl.Series:
        return pl.concat([row["key"] for row, _ in self.faults]) if self.faults else pl.Series([], dtype=pl.String)


def _between(rows: pl.DataFrame) -> Between | None:
    changed = rows["changed"]
    if changed.null_count() == rows.height:
        return None
    first, last = cast("Change", changed.min()), cast("Change", changed.max())
    return Between(first, last, changed.null_count() > 0)
