"""What a read of PostgreSQL says, whole and narrowed to some of its rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from storage.quoting import quote_text
from tasks.sources.database.narrowing import EVERYTHING, Between, Change, Only, gather
from tasks.sources.instants import KNOWN_DAYS

BATCH_BYTES = 8 * 2**20
SENT_BYTES = 2**18
"""Of a batch of the driver's: what it loses at most where a statement dies."""
ONE_ROW = 1
IN_ORDER = "max_parallel_workers_per_gather = 0"
"""Workers would come to the rows in another order each time."""
Stream = Callable[[str, int, Sequence[str]], Iterator[pa.RecordBatch]]
"""SQL, bytes of a batch, settings -> batches."""


@dataclass(frozen=True)
class PostgresqlReading:
    """See Reading.

    Attributes:
        columns: what is selected, as SQL.
        found: the key as SQL, in the type in which its literals are compared.
        change: the Arrow type of updated_at.
        where: to what the whole read is confined, as SQL.
        limit: how many of its rows are wanted; None: all.
    """

    dataset: str
    key: str
    columns: str
    mapped: str
    found: str
    change: pa.DataType
    stream: Stream
    where: str = ""
    limit: int | None = None

    def rows(self, only: Only = EVERYTHING) -> Iterator[pa.Table]:
        conditions = [f"({self.where})"] if self.where else []
        conditions += [] if only.between is None else self._in_time(only.between)
        conditions += [] if only.keys is None else [_any_of(self.found, only.keys)]
        conditions += [f"({_any_of(self.found, only.but)}) IS NOT TRUE"] if only.but else []
        limit = "" if self.limit is None or only is not EVERYTHING else f" LIMIT {self.limit}"
        sql = f"SELECT {self.columns} FROM {self.mapped}{_where(conditions)}{limit}"
        settings = () if only is EVERYTHING else (IN_ORDER,)
        batches = self.stream(sql, ONE_ROW if only.row_by_row else SENT_BYTES, settings)
        return gather(batches, BATCH_BYTES, BATCH_BYTES)

    def listing(self) -> Iterator[pa.Table]:
        where, limit = _where([self.where] if self.where else []), "" if self.limit is None else f" LIMIT {self.limit}"
        sql = f"SELECT CAST({self.found} AS text) AS key, updated_at FROM {self.mapped}{where}{limit}"
        return gather(self.stream(sql, BATCH_BYTES, (IN_ORDER,)), BATCH_BYTES, BATCH_BYTES)

    def said(self, change: Change) -> str | None:
        unit = "D" if pa.types.is_date(self.change) else self.change.unit
        instant = np.array(change, f"datetime64[{unit}]")
        first, last = (np.datetime64(day) for day in KNOWN_DAYS)
        if not first <= instant <= last:
            return None
        return str(instant).replace("T", " ") + ("+00:00" if getattr(self.change, "tz", None) else "")

    def _in_time(self, between: Between) -> list[str]:
        """None where a bound is an instant that no text says; the keys tell the rows, too."""
        first, last = self.said(between.first), self.said(between.last)
        if first is None or last is None:
            return []
        kind = "TIMESTAMPTZ" if getattr(self.change, "tz", None) else "TIMESTAMP"
        bounds = f"updated_at BETWEEN {kind} '{first}' AND {kind} '{last}'"
        return [f"({bounds} OR updated_at IS NULL)" if between.or_none else bounds]


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _any_of(found: str, keys: Sequence[str | None]) -> str:
    named = ", ".join(quote_text(key) for key in keys if key is not None)
    either = [f"{found} IN ({named})"] if named else []
    return f"({' OR '.join([*either, f'{found} IS NULL'] if None in keys else either)})"
