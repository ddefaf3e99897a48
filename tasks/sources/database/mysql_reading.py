"""What a read of MySQL or MariaDB says, whole and narrowed to some of its rows; how columns of each type are said as text."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from pymysql.constants import FIELD_TYPE

from storage.catalogue import DATASETS
from tasks.sources.database.narrowing import EVERYTHING, Between, Change, Only, gather

BATCH_ROWS = 65_536
SENT_ROWS = 4_096
MOST_BYTES = 2**25
TYPE_NAMES = {
    FIELD_TYPE.DECIMAL: "decimal", FIELD_TYPE.NEWDECIMAL: "decimal", FIELD_TYPE.TINY: "tinyint", FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint", FIELD_TYPE.LONG: "int", FIELD_TYPE.LONGLONG: "bigint", FIELD_TYPE.FLOAT: "float",
    FIELD_TYPE.DOUBLE: "double", FIELD_TYPE.NULL: "null", FIELD_TYPE.TIMESTAMP: "timestamp", FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date", FIELD_TYPE.TIME: "time", FIELD_TYPE.DATETIME: "datetime", FIELD_TYPE.YEAR: "year",
    FIELD_TYPE.BIT: "bit", FIELD_TYPE.JSON: "json", FIELD_TYPE.ENUM: "char", FIELD_TYPE.SET: "char", FIELD_TYPE.STRING: "char",
    FIELD_TYPE.VARCHAR: "varchar", FIELD_TYPE.VAR_STRING: "varchar", FIELD_TYPE.TINY_BLOB: "text", FIELD_TYPE.BLOB: "text",
    FIELD_TYPE.MEDIUM_BLOB: "text", FIELD_TYPE.LONG_BLOB: "text", FIELD_TYPE.GEOMETRY: "geometry",
}  # fmt: skip
"""The protocol's, as the documentation calls them. It does not tell a text from bytes."""
INSTANTS = ("timestamp", "datetime", "date")
WHOLE = ("tinyint", "smallint", "mediumint", "int", "bigint", "year")
TEXTS = ("char", "varchar", "text")
INTEGER = re.compile("-?[0-9]{1,20}")
Comparable = Literal["any", "ascii", "none"]
"""Which texts a column can be compared with in its own character set and collation; MySQL refuses a statement with others."""
PROBES: dict[Comparable, str] = {"any": "\N{DUCK}", "ascii": "a"}
Stream = Callable[[str, int], Iterator[pa.RecordBatch]]
"""SQL, rows of a batch -> batches."""


@dataclass(frozen=True)
class MysqlReading:
    """See Reading.

    Attributes:
        types: of the columns of the contract that the mapping yields.
        where: to what the whole read is confined, as SQL.
        limit: how many of its rows are wanted; None: all.
        comparable: with which texts the key can be compared.
    """

    dataset: str
    key: str
    types: Mapping[str, str]
    mapped: str
    stream: Stream
    where: str = ""
    limit: int | None = None
    comparable: Comparable = "none"

    def rows(self, only: Only = EVERYTHING) -> Iterator[pa.Table]:
        conditions = [] if only.between is None else [self._in_time(only.between)]
        conditions += [] if only.keys is None else [self._any_of(only.keys)]
        conditions += [f"({self._any_of(only.but)}) IS NOT TRUE"] if only.but else []
        texts = {column.name for column in DATASETS[self.dataset].columns if column.type == "VARCHAR"}
        columns = {name: as_text(name, kind, is_text=name in texts) for name, kind in self.types.items()}
        sql = self._sql(columns, conditions, self.limit if only is EVERYTHING else None)
        return gather(self.stream(sql, 1 if only.row_by_row else SENT_ROWS), MOST_BYTES, BATCH_ROWS)

    def listing(self) -> Iterator[pa.Table]:
        columns = {"key": as_text(self.key, self.types[self.key]), "updated_at": self._changed()}
        return gather(self.stream(self._sql(columns, [], self.limit), SENT_ROWS), MOST_BYTES, BATCH_ROWS)

    def said(self, change: Change) -> str | None:
        return str(change)

    def _changed(self) -> str:
        return as_text("updated_at", self.types["updated_at"])

    def _sql(self, columns: Mapping[str, str], conditions: Sequence[str], limit: int | None) -> str:
        whole = " AND ".join([*([f"({self.where})"] if self.where else []), *conditions])
        rest = (f" WHERE {whole}" if whole else "") + ("" if limit is None else f" LIMIT {limit}")
        return f"{select_text(columns, self.mapped)}{rest}"

    def _in_time(self, between: Between) -> str:
        """As text, because MySQL compares no instant with a day that is none."""
        first, last = text_literal(str(between.first)), text_literal(str(between.last))
        bounds = f"CAST({self._changed()} AS CHAR) BETWEEN {first} AND {last}"
        return f"({bounds} OR updated_at IS NULL)" if between.or_none else f"({bounds})"

    def _any_of(self, keys: Sequence[str | None]) -> str:
        either = [any_of(self.key, self.types[self.key], [key for key in keys if key is not None], self.comparable)]
        return f"({' OR '.join([*either, f'`{self.key}` IS NULL'] if None in keys else either)})"


def select_text(columns: Mapping[str, str], relation: str) -> str:
    """A SELECT of `columns`, by name as SQL."""
    return f"SELECT {', '.join(f'{sql} AS `{name}`' for name, sql in columns.items())} FROM {relation}"


def as_text(name: str, kind: str, *, is_text: bool = True) -> str:
    """SQL: a value so that the server sends it as the text that we want; most it sends so by itself, bytes as they are.

    Args:
        is_text: it is to be a text, of which a number that is whole says no fractions.
    """
    if kind == "bit":
        return f"CAST(`{name}` + 0 AS CHAR)"
    if kind == "float":  # of which it says six digits
        return f"CAST(`{name}` + 0e0 AS CHAR)"
    if kind == "timestamp":
        return f"CONCAT(CAST(`{name}` AS CHAR), '+00:00')"
    if kind == "decimal" and is_text:
        whole = f"TRUNCATE(`{name}`, 0)"
        return f"CASE WHEN `{name}` = {whole} THEN CAST({whole} AS CHAR) ELSE CAST(`{name}` AS CHAR) END"
    return f"`{name}`"


def any_of(name: str, kind: str, keys: Sequence[str], comparable: Comparable) -> str:
    """SQL: whether the key is one of these texts, exactly; in its own type too, so that an index can serve.

    A text equals others in a collation, and a whole number equals a text as a double.
    """
    if kind in WHOLE:
        keys = [key for key in keys if INTEGER.fullmatch(key)]
        return f"`{name}` IN ({', '.join(keys)})" if keys else "FALSE"
    if not keys:
        return "FALSE"
    exact = f"CAST(CONVERT({as_text(name, kind)} USING utf8mb4) AS BINARY) IN ({', '.join(_bytes(key) for key in keys)})"
    if kind not in TEXTS or comparable == "none" or (comparable == "ascii" and not all(key.isascii() for key in keys)):
        return f"({exact})"
    return f"(`{name}` IN ({', '.join(text_literal(key) for key in keys)}) AND {exact})"


def text_literal(text: str) -> str:
    """A text, whatever is in it and whatever a backslash means to the server."""
    return f"_utf8mb4 {_bytes(text)}"


def _bytes(text: str) -> str:
    return f"X'{text.encode(errors='replace').hex()}'"
