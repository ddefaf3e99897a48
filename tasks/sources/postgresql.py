"""PostgreSQL through ADBC: one REPEATABLE READ, read-only snapshot of all datasets, streamed in batches.

The driver reads with COPY in binary, which takes no bind parameters. What a statement is confined to (instants, keys, ranges) is
written into it as literals that are made here and quoted; nothing that a person wrote gets there.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as postgresql
import pyarrow as pa
from adbc_driver_manager import Error as AdbcError

from storage.catalogue import DATASETS
from storage.errors import GovpulseError
from storage.warehouse import quote_text
from tasks.sources.address import Address
from tasks.sources.arrow import in_utc
from tasks.sources.horizon import Transactions, see_horizon
from tasks.sources.instants import local_floor
from tasks.sources.mapping import Mapping, contract_columns, instant_columns
from tasks.sources.session import Day, Horizon, Span

BATCH_BYTES = 8 * 2**20
LOCK_TIMEOUT_SECONDS = 30
FOLDER = Path(__file__).parent
PLAIN = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string,
    pa.types.is_date, pa.types.is_timestamp,
)  # fmt: skip
"""Types that DuckDB takes in as they are; anything else comes as PostgreSQL's own text."""
JSON_OR_UUID = ("arrow.json", "arrow.uuid")


class PostgresqlSession:
    """A snapshot of a PostgreSQL database through a mapping; see Session."""

    def __init__(self, address: Address, mapping: Mapping, cursor: Any, horizon: Horizon) -> None:
        self.address, self.mapping, self.cursor, self._horizon = address, mapping, cursor, horizon
        self.schemas: dict[str, pa.Schema] = {}

    @property
    def horizon(self) -> Horizon:
        return self._horizon

    def check(self, dataset: str) -> dict[str, str]:
        file = self.mapping.file(dataset)
        try:
            with self._savepoint():
                schema = self._schema(f"SELECT * FROM {self._mapped(dataset)} LIMIT 0")
        except AdbcError as error:
            raise GovpulseError(f"mapping {file} does not fit {self.address}: {self._explain(error)}") from error
        self.mapping.check_columns(dataset, schema.names)
        if not _is_instant(schema.field("updated_at").type):
            said = _type_name(schema.field("updated_at"))
            raise GovpulseError(f"mapping {file}: updated_at is of type {said}; make it a timestamp, to tell what changed")
        self.schemas[dataset] = schema
        return {field.name: _type_name(field) for field in schema}

    def count_days(self, dataset: str, since: datetime | None) -> list[Day]:
        bound = f"updated_at >= {self._literal(dataset, since)} AND " if since else ""
        sql = (
            "SELECT CAST(CAST(updated_at AS date) AS timestamp) AS day, max(updated_at) AS newest, count(*) AS rows"
            f" FROM {self._mapped(dataset)} WHERE {bound}isfinite(updated_at) GROUP BY 1 ORDER BY 1"
        )
        # Days are few, which the planner cannot know of an expression: it would sort all rows.
        self.cursor.execute("SET LOCAL enable_sort = off")
        rows = [row for table in self._read(dataset, sql, ("day", "newest")) for row in table.to_pylist()]
        self.cursor.execute("SET LOCAL enable_sort = on")
        return [Day(row["day"], row["rows"], row["newest"]) for row in rows]

    def read_changed(self, dataset: str, span: Span) -> Iterator[pa.Table]:
        sql = f"SELECT {self._select(dataset)} FROM {self._mapped(dataset)} {self._where(dataset, span)}"
        return self._read(dataset, sql, instant_columns(dataset))

    def read_keys(self, dataset: str, keys: Sequence[str]) -> Iterator[pa.Table]:
        literals = self._key_literals(dataset, keys)
        if literals:
            key, listed = DATASETS[dataset].key[0], ", ".join(literals)
            sql = f"SELECT {self._select(dataset)} FROM {self._mapped(dataset)} WHERE {key} IN ({listed})"
            yield from self._read(dataset, sql, instant_columns(dataset))

    def peek(self, dataset: str, rows: int) -> Iterator[pa.Table]:
        sql = f"SELECT {self._select(dataset)} FROM {self._mapped(dataset)} LIMIT {rows}"
        return self._read(dataset, sql, instant_columns(dataset))

    def list_rows(self, dataset: str) -> Iterator[pa.Table]:
        key = f"CAST({DATASETS[dataset].key[0]} AS text) AS key"
        return self._read(dataset, f"SELECT {key}, updated_at FROM {self._mapped(dataset)}", ("updated_at",))

    def _mapped(self, dataset: str) -> str:
        return f"({self.mapping.select(dataset)}\n) AS mapped"

    def _select(self, dataset: str) -> str:
        fields = (self.schemas[dataset].field(name) for name in contract_columns(dataset))
        return ", ".join(field.name if _is_plain(field.type) else f"CAST({field.name} AS text) AS {field.name}" for field in fields)

    def _where(self, dataset: str, span: Span) -> str:
        bounds = [f"updated_at >= {self._literal(dataset, span.start)}"] if span.start else []
        bounds += [f"updated_at < {self._literal(dataset, span.end)}"] if span.end else []
        if not bounds:
            return ""
        return f"WHERE ({' AND '.join(bounds)})" + ("" if span.end else " OR updated_at IS NULL")

    def _literal(self, dataset: str, instant: datetime) -> str:
        """In the type of updated_at, so that an index on it can serve."""
        if getattr(self.schemas[dataset].field("updated_at").type, "tz", None):
            return f"TIMESTAMPTZ '{instant.astimezone(UTC).isoformat()}'"
        return f"TIMESTAMP '{local_floor(instant, self.mapping.zones[dataset])}'"

    def _key_literals(self, dataset: str, keys: Sequence[str]) -> list[str]:
        """Literals that PostgreSQL takes in the key's own type; a key that no longer has that type is in no row."""
        kind = self.schemas[dataset].field(DATASETS[dataset].key[0]).type
        return [quote_text(key) for key in keys if _fits(key, kind)]

    def _schema(self, sql: str) -> pa.Schema:
        self.cursor.execute(sql)
        return self.cursor.fetch_arrow_table().schema

    def _read(self, dataset: str, sql: str, instants: Sequence[str]) -> Iterator[pa.Table]:
        zone = self.mapping.zones[dataset]
        try:
            with self._savepoint():
                self.cursor.execute(sql)
                for batch in self.cursor.fetch_record_batch():
                    yield in_utc(pa.Table.from_batches([batch]), instants, zone)
        except (AdbcError, OSError) as error:
            raise GovpulseError(f"cannot read {dataset} from {self.address}: {self._explain(error)}") from error

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        """One dataset's failure must not end the snapshot of the others."""
        self.cursor.execute("SAVEPOINT dataset")
        try:
            yield
        except AdbcError:
            with suppress(AdbcError):
                self.cursor.execute("ROLLBACK TO SAVEPOINT dataset")
            raise
        self.cursor.execute("RELEASE SAVEPOINT dataset")

    def _explain(self, error: Exception) -> str:
        return explain(self.address, error)


@contextmanager
def open_postgresql(
    address: Address, mapping: Mapping, *, statement_timeout_seconds: float, fallback_overlap_seconds: float
) -> Iterator[PostgresqlSession]:
    """A snapshot of the database, with the horizon read before it.

    Raises:
        ConfigurationError: the URL is none.
        GovpulseError: the database cannot be reached.
    """
    address.check()
    try:
        connection = postgresql.connect(address.url, autocommit=True)
    except AdbcError as error:
        raise GovpulseError(f"cannot connect to {address}: {explain(address, error)}") from None
    cursor = connection.cursor()
    try:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        horizon = _begin(address, cursor, statement_timeout_seconds, timedelta(seconds=fallback_overlap_seconds))
        yield PostgresqlSession(address, mapping, cursor, horizon)
    finally:
        for thing in (cursor, connection):
            with suppress(AdbcError):
                thing.close()


def _begin(address: Address, cursor: Any, statement_timeout_seconds: float, fallback: timedelta) -> Horizon:
    """Set the session up, read the horizon, then begin the snapshot: what commits in between is read, and read again later."""
    try:
        for setting in (
            "application_name = 'govpulse'",
            "client_encoding = 'UTF8'",
            f"statement_timeout = {int(statement_timeout_seconds * 1000)}",
            f"lock_timeout = {LOCK_TIMEOUT_SECONDS * 1000}",
        ):
            cursor.execute(f"SET {setting}")
        cursor.execute((FOLDER / "horizon.sql").read_text())
        horizon = see_horizon(Transactions(**cursor.fetch_arrow_table().to_pylist()[0]), fallback)
        cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    except AdbcError as error:
        raise GovpulseError(f"cannot read {address}: {explain(address, error)}") from error
    return horizon


def explain(address: Address, error: Exception) -> str:
    """What PostgreSQL said, in one line and without secrets."""
    text = str(error)
    for prefix in ("ERROR:  ", "FATAL:  ", "[libpq] "):
        text = text.rpartition(prefix)[2]
    return address.without_secrets((text.strip() or "no message").splitlines()[0])


def _is_plain(kind: pa.DataType) -> bool:
    return getattr(kind, "extension_name", "") in JSON_OR_UUID or any(is_one(kind) for is_one in PLAIN)


def _is_instant(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _type_name(field: pa.Field) -> str:
    return ((field.metadata or {}).get(b"POSTGRESQL:type") or str(field.type).encode()).decode().strip("'")


def _fits(key: str, kind: pa.DataType) -> bool:
    if pa.types.is_integer(kind):
        return key.lstrip("-").isdecimal() and abs(int(key)) < 2 ** (kind.bit_width - 1)
    if getattr(kind, "extension_name", "") == "arrow.uuid":
        with suppress(ValueError):
            return str(uuid.UUID(key)) == key
        return False
    return True
