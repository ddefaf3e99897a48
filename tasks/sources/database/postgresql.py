"""PostgreSQL through ADBC: one REPEATABLE READ, read-only snapshot of all datasets, streamed in batches.

The driver reads with COPY in binary, which takes no bind parameters. What a statement is confined to (instants, keys, ranges) is
written into it as literals that are made here and quoted; nothing that a person wrote gets there.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from adbc_driver_manager import Error as AdbcError
from adbc_driver_manager._reader import AdbcRecordBatchReader

from storage.catalogue import DATASETS, LISTINGS
from storage.errors import GovpulseError
from storage.quoting import quote_text
from tasks.sources.address import Address
from tasks.sources.database.isolation import read_isolated, read_whole
from tasks.sources.database.narrowing import IN_THE_KEY, UnreadableRowError
from tasks.sources.database.postgresql_connection import begin_snapshot, connect, explain, is_fault_of_row
from tasks.sources.database.postgresql_reading import BATCH_BYTES, PostgresqlReading
from tasks.sources.database.session import Day, Horizon, Span, in_span
from tasks.sources.database.since import BEGINNING, earliest, place_since
from tasks.sources.instants import KNOWN_DAYS, Zones, as_instant, in_utc, local_floor, only_instants
from tasks.sources.mapping import Mapping, contract_columns, offered_columns

PLAIN = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string,
    pa.types.is_date, pa.types.is_timestamp,
)  # fmt: skip
"""Types that DuckDB takes in as they are; anything else comes as PostgreSQL's own text."""
INTEGER_BITS = {"int2": 16, "int4": 32, "int8": 64}
INTEGER, UUID = re.compile("-?[0-9]{1,19}"), re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OWN_KEY_TYPES = ("text", "varchar", "uuid", *INTEGER_BITS)
"""Keys of these types are looked up in their own type, so that an index serves; those of all others as the text that is read."""
FAILURES = (AdbcError, pa.ArrowException, OSError)
"""What the driver raises: where a statement fails after its first rows, the error reaches us through Arrow."""


class PostgresqlSession:
    """A snapshot of a PostgreSQL database through a mapping; see Session."""

    def __init__(self, address: Address, mapping: Mapping, cursor: Any, horizon: Horizon) -> None:
        self.address, self.mapping, self.cursor, self.horizon = address, mapping, cursor, horizon
        self.datasets = mapping.datasets
        self.schemas: dict[str, pa.Schema] = {}

    def check(self, dataset: str) -> dict[str, str]:
        file = self.mapping.file(dataset)
        try:
            with self._savepoint():
                schema = self._schema(f"SELECT * FROM {self._mapped(dataset)} LIMIT 0")
        except FAILURES as error:
            raise GovpulseError(f"mapping {file} does not fit {self.address}: {self._explain(error)}") from error
        self.mapping.check_columns(dataset, schema.names)
        twice = [name for name in contract_columns(dataset) if schema.names.count(name) > 1]
        if twice:
            raise GovpulseError(f"mapping {file} yields {', '.join(twice)} more than once")
        if dataset not in LISTINGS and not _is_instant(schema.field("updated_at").type):
            said = _type_name(schema.field("updated_at"))
            raise GovpulseError(f"mapping {file}: updated_at is of type {said}; make it a timestamp, so that changes can be found")
        self.schemas[dataset] = schema
        return {field.name: _type_name(field) for field in schema}

    def count_days(self, dataset: str, since: datetime | None) -> list[Day]:
        bound = f"updated_at >= {self._literal(dataset, since)} AND " if since else ""
        first, last = KNOWN_DAYS
        sql = (
            "SELECT CAST(CAST(updated_at AS date) AS timestamp) AS day, max(updated_at) AS newest, count(*) AS rows"
            f" FROM {self._mapped(dataset, since)} WHERE {bound}updated_at BETWEEN '{first}' AND '{last}' GROUP BY 1"
        )
        # Days are few, which the planner cannot know of an expression: it would sort all rows, on the source's disk.
        zone = self._zone_of_changes(dataset)
        tables = self._read(dataset, sql, {"day": zone, "newest": zone}, ["enable_sort = off"])
        rows = [{name: _as_instant(cell) for name, cell in row.items()} for table in tables for row in table.to_pylist()]
        days = [Day(row["day"], row["rows"], row["newest"] or row["day"]) for row in rows if row["day"]]
        return sorted(days, key=lambda day: day.start)

    def read_changed(self, dataset: str, span: Span) -> Iterator[pa.Table]:
        return self._read_isolated(dataset, self._in_span(dataset, span), span.start)

    def read_all(self, dataset: str) -> Iterator[pa.Table]:
        return self._read_isolated(dataset)

    def read_keys(self, dataset: str, keys: Sequence[str]) -> Iterator[pa.Table]:
        key = self._key(dataset)
        listed = ", ".join(quote_text(text) for text in keys if _may_be(text, _type_name(key)))
        if listed:
            yield from self._read_isolated(dataset, f"{self._found(dataset)} IN ({listed})", most=len(keys))

    def peek(self, dataset: str, rows: int) -> Iterator[pa.Table]:
        return self._read_isolated(dataset, limit=rows)

    def list_rows(self, dataset: str) -> Iterator[pa.Table]:
        sql = f"SELECT CAST({self._found(dataset)} AS text) AS key, updated_at FROM {self._mapped(dataset)}"
        for table in self._read(dataset, sql, {"updated_at": self._zone_of_changes(dataset)}):
            yield table.set_column(1, "updated_at", only_instants(table["updated_at"]))

    def _mapped(self, dataset: str, since: datetime | None = None) -> str:
        start = earliest(since, self._zone_of_changes(dataset)) if dataset not in LISTINGS else BEGINNING
        select = place_since(self.mapping.select(dataset), "postgresql", f"TIMESTAMPTZ '{start.isoformat()}'")
        return f"({select}\n) AS mapped"

    def _select(self, dataset: str) -> str:
        schema, key = self._schema_of(dataset), DATASETS[dataset].key
        fields = [schema.field(name) for name in offered_columns(dataset, schema.names)]
        is_own = [_is_plain(field) and (field.name not in key or _type_name(field) in OWN_KEY_TYPES) for field in fields]
        named = zip(fields, is_own, strict=True)
        return ", ".join(field.name if own else f"{_as_text(field)} AS {field.name}" for field, own in named)

    def _key(self, dataset: str) -> pa.Field:
        return self._schema_of(dataset).field(DATASETS[dataset].key[0])

    def _found(self, dataset: str) -> str:
        key = self._key(dataset)
        return str(key.name) if _type_name(key) in OWN_KEY_TYPES else _as_text(key)

    def _in_span(self, dataset: str, span: Span) -> str:
        return in_span(span, lambda instant: self._literal(dataset, instant))

    def _literal(self, dataset: str, instant: datetime) -> str:
        """In the type of updated_at, so that an index on it can serve."""
        if getattr(self._schema_of(dataset).field("updated_at").type, "tz", None):
            return f"TIMESTAMPTZ '{instant.astimezone(UTC).isoformat()}'"
        return f"TIMESTAMP '{local_floor(instant, self._zone_of_changes(dataset))}'"

    def _schema_of(self, dataset: str) -> pa.Schema:
        if dataset not in self.schemas:
            self.check(dataset)
        return self.schemas[dataset]

    def _schema(self, sql: str) -> pa.Schema:
        self.cursor.execute(sql)
        return self.cursor.fetch_arrow_table().schema

    def _zone_of_changes(self, dataset: str) -> ZoneInfo:
        return self.mapping.zones_of(dataset)["updated_at"]

    def _read_isolated(
        self, dataset: str, where: str = "", since: datetime | None = None, limit: int | None = None, most: int | None = None
    ) -> Iterator[pa.Table]:
        """The rows; those that the database cannot read, refused."""
        key, mapped = self._key(dataset).name, self._mapped(dataset, since)
        columns, stream = self._select(dataset), partial(self._stream, dataset)
        change = pa.timestamp("us") if dataset in LISTINGS else self._schema_of(dataset).field("updated_at").type
        reading = PostgresqlReading(dataset, key, columns, mapped, self._found(dataset), change, stream, where, limit)
        for table in read_whole(reading) if dataset in LISTINGS else read_isolated(reading, most):
            yield in_utc(table, self.mapping.zones_of(dataset), self.mapping.zero_days)

    def _read(self, dataset: str, sql: str, zones: Zones, settings: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Of keys and change instants; whatever else the mapping has is not looked at."""
        try:
            for batch in self._stream(dataset, sql, BATCH_BYTES, settings):
                yield in_utc(pa.Table.from_batches([batch]), zones, self.mapping.zero_days)
        except UnreadableRowError as fault:
            raise fault.of_no_row(IN_THE_KEY) from fault

    def _stream(self, dataset: str, sql: str, batch_bytes: int, settings: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            with self._savepoint():
                for setting in settings:
                    self.cursor.execute(f"SET LOCAL {setting}")
                self.cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(batch_bytes)})
                self.cursor.execute(sql)
                # pyarrow's own reader, which fetch_record_batch gives, keeps of an error its text only.
                handle = self.cursor.fetch_arrow()
                yield from AdbcRecordBatchReader._import_from_c(handle.address)
        except FAILURES as error:
            said = self._explain(error)
            text = f"cannot read {dataset} from {self.address} through mapping {self.mapping.file(dataset)}: {said}"
            raise (UnreadableRowError(text, said) if is_fault_of_row(error) else GovpulseError(text)) from error

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        """One dataset's failure, and what it set, must not outlive it in the snapshot of the others."""
        self.cursor.execute("SAVEPOINT dataset")
        try:
            yield
        finally:
            with suppress(*FAILURES):
                self.cursor.execute("ROLLBACK TO SAVEPOINT dataset")
                self.cursor.execute("RELEASE SAVEPOINT dataset")

    def _explain(self, error: Exception) -> str:
        return explain(self.address, error)


@contextmanager
def open_postgresql(
    address: Address,
    mapping: Mapping,
    *,
    statement_timeout_seconds: float,
    fallback_overlap_seconds: float,
    lock_timeout_seconds: float,
) -> Iterator[PostgresqlSession]:
    """A snapshot of the database, with the horizon read before it.

    Raises:
        ConfigurationError: the URL is none.
        GovpulseError: the database cannot be reached.
    """
    address.check()
    connection = connect(address)
    cursor = connection.cursor()
    try:
        limits = {"statement_timeout": statement_timeout_seconds, "lock_timeout": lock_timeout_seconds}
        horizon = begin_snapshot(address, cursor, limits, timedelta(seconds=fallback_overlap_seconds))
        yield PostgresqlSession(address, mapping, cursor, horizon)
    finally:
        for thing in (cursor, connection):
            with suppress(AdbcError):
                thing.close()


def _is_plain(field: pa.Field) -> bool:
    """The blanks that fill up a `character(n)` are none of its text, and its cast to text leaves them out."""
    is_json = getattr(field.type, "extension_name", "") == "arrow.json"
    return is_json or (_type_name(field) != "bpchar" and any(is_one(field.type) for is_one in PLAIN))


def _as_text(field: pa.Field) -> str:
    """SQL: a value as text; a number that is whole as whole numbers are written, though its type has fractions."""
    name = field.name
    if _type_name(field) == "numeric":
        return f"CAST(CASE WHEN {name} = trunc({name}) THEN trunc({name}) ELSE {name} END AS text)"
    return f"CAST({name} AS text)"


def _is_instant(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _type_name(field: pa.Field) -> str:
    return ((field.metadata or {}).get(b"POSTGRESQL:type") or str(field.type).encode()).decode().strip("'")


def _may_be(text: str, type_name: str) -> bool:
    """Whether PostgreSQL takes `text` in the key's type; a key of another type than before is in no row."""
    if type_name in INTEGER_BITS:
        limit = 2 ** (INTEGER_BITS[type_name] - 1)
        return INTEGER.fullmatch(text) is not None and -limit <= int(text) < limit
    return type_name != "uuid" or UUID.fullmatch(text) is not None


def _as_instant(cell: Any) -> Any:
    """A local time that does not exist came as text, and the others of its batch with it."""
    return as_instant(cell) if isinstance(cell, str) else cell
