"""What a read of SQLite says, whole and narrowed to some of its rows."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from storage.catalogue import DATASETS
from storage.quoting import quote_text
from tasks.sources.database.narrowing import EVERYTHING, Between, Change, Only, gather

BATCH_ROWS = 65_536
SENT_ROWS = 4_096
"""Of a batch of the driver's: what it loses at most where a statement dies."""
MOST_BYTES = 2**26
Stream = Callable[[str, Sequence[str], int], Iterator[pa.RecordBatch]]
"""SQL, parameters, rows of a batch -> batches."""


@dataclass(frozen=True)
class SqliteReading:
    """See Reading.

    Attributes:
        columns: those of the contract that the mapping yields.
        where, parameters: to what the whole read is confined, as SQL.
        limit: how many of its rows are wanted; None: all.
    """

    dataset: str
    key: str
    columns: Sequence[str]
    mapped: str
    stream: Stream
    where: str = ""
    parameters: tuple[str, ...] = ()
    limit: int | None = None

    def rows(self, only: Only = EVERYTHING) -> Iterator[pa.Table]:
        found = as_text(self.key)
        conditions = [] if only.between is None else [_in_time(only.between)]
        conditions += [] if only.keys is None else [_any_of(found, only.keys)]
        conditions += [f"({_any_of(found, only.but)}) IS NOT TRUE"] if only.but else []
        texts = {column.name for column in DATASETS[self.dataset].columns if column.type == "VARCHAR"}
        columns = {name: as_text(name) if name in texts else f"CAST({name} AS TEXT)" for name in self.columns}
        sql = self._sql(columns, conditions, self.limit if only is EVERYTHING else None)
        return gather(self.stream(sql, self.parameters, 1 if only.row_by_row else SENT_ROWS), MOST_BYTES, BATCH_ROWS)

    def listing(self) -> Iterator[pa.Table]:
        columns = {"key": as_text(self.key), "updated_at": "CAST(updated_at AS TEXT)"}
        return gather(self.stream(self._sql(columns, [], self.limit), self.parameters, BATCH_ROWS), MOST_BYTES, BATCH_ROWS)

    def said(self, change: Change) -> str | None:
        return str(change)

    def _sql(self, columns: dict[str, str], conditions: Sequence[str], limit: int | None) -> str:
        whole = " AND ".join([*([f"({self.where})"] if self.where else []), *conditions])
        rest = (f" WHERE {whole}" if whole else "") + ("" if limit is None else f" LIMIT {limit + 1}")
        return f"{select_text(columns, self.mapped)}{rest}"


def as_text(name: str) -> str:
    """SQL: a value as text; a number that is whole as whole numbers are written, though its type has fractions."""
    is_whole = f"typeof({name}) = 'real' AND {name} = CAST({name} AS INTEGER) AND abs({name}) < {2**53}"
    return f"CAST(CASE WHEN {is_whole} THEN CAST({name} AS INTEGER) ELSE {name} END AS TEXT)"


def select_text(columns: dict[str, str], relation: str) -> str:
    """A SELECT of `columns`, by name as SQL, under the first row of empty texts that fixes their types."""
    header = ", ".join(f"'' AS {name}" for name in columns)
    return f"SELECT {header} UNION ALL SELECT {', '.join(columns.values())} FROM {relation}"


def _in_time(between: Between) -> str:
    first, last = quote_text(str(between.first)), quote_text(str(between.last))
    bounds = f"CAST(updated_at AS TEXT) BETWEEN {first} AND {last}"
    return f"({bounds} OR updated_at IS NULL)" if between.or_none else bounds


def _any_of(found: str, keys: Sequence[str | None]) -> str:
    named = quote_text(json.dumps([key for key in keys if key is not None]))
    listed = f"{found} IN (SELECT value FROM json_each({named}))"
    return f"({listed} OR {found} IS NULL)" if None in keys else f"({listed})"
