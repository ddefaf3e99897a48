"""SQLite through ADBC: one read transaction of all datasets, in batches.

SQLite types values, not columns, and the driver takes a column's type from its first rows. So every column is read as text, under
a first row of empty texts that fixes the type and is dropped; the contract casts and judges at the loader's door.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import adbc_driver_sqlite.dbapi as sqlite
import pyarrow as pa
from adbc_driver_manager import Error as AdbcError
from adbc_driver_manager import ProgrammingError

from storage.catalogue import DATASETS, LISTINGS
from storage.errors import GovpulseError, first_line
from storage.quoting import quote_text
from tasks.sources.address import Address
from tasks.sources.database.isolation import read_isolated, read_whole
from tasks.sources.database.narrowing import IN_THE_KEY, UnreadableRowError
from tasks.sources.database.readable_text import mend_text
from tasks.sources.database.session import Day, Horizon, Span
from tasks.sources.database.since import BEGINNING, earliest, place_since
from tasks.sources.database.sqlite_reading import BATCH_ROWS, SqliteReading, as_text, select_text
from tasks.sources.instants import KNOWN_DAYS, Zones, as_instant, in_utc, local_floor, only_instants
from tasks.sources.mapping import Mapping, contract_columns, offered_columns

FAULTS_OF_THE_FILE = (
    "attempt to write", "bad parameter", "database disk image", "database is locked", "database schema", "database table is locked",
    "disk I/O error", "file is not a database", "interrupted", "locking protocol", "no such", "out of memory", "unable to open",
)  # fmt: skip
"""How the messages of SQLite begin that have nothing to do with a row; the driver hands on no code."""
# An instant with an offset, or one that is no text, does not compare as text: such a row is read every time, not lost.
OLDER_THAN = """
    (CAST(updated_at AS TEXT) < {bound} AND CAST(updated_at AS TEXT) GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
    AND substr(CAST(updated_at AS TEXT), 11) NOT GLOB '*[-+A-SU-Za-z]*')
"""
IS_IN_SPAN = f"{OLDER_THAN.format(bound='?1')} IS NOT TRUE AND (?2 = '' OR {OLDER_THAN.format(bound='?2')} IS TRUE)"


class SqliteSession:
    """A snapshot of a SQLite file through a mapping; see Session. It has no clock, and one writer at a time."""

    horizon = Horizon()

    def __init__(self, address: Address, mapping: Mapping, cursor: Any) -> None:
        self.address, self.mapping, self.cursor, self.datasets = address, mapping, cursor, mapping.datasets
        self.columns: dict[str, list[str]] = {}

    def check(self, dataset: str) -> dict[str, str]:
        file = self.mapping.file(dataset)
        try:
            self.cursor.execute(f"SELECT * FROM {self._mapped(dataset)} LIMIT 0")
        except AdbcError as error:
            raise GovpulseError(f"mapping {file} does not fit this database: {_explain(error)}") from error
        found = [column[0] for column in self.cursor.description]
        self.cursor.fetchall()
        self.mapping.check_columns(dataset, found)
        # Of columns with one name SQLite gives the first, and calls the second `name:1`.
        twice = [name for name in contract_columns(dataset) if f"{name}:1" in found]
        if twice:
            raise GovpulseError(f"mapping {file} yields {', '.join(twice)} more than once")
        self.columns[dataset] = offered_columns(dataset, found)
        return dict.fromkeys(found, "as each value has it")

    def count_days(self, dataset: str, since: datetime | None) -> list[Day]:
        text, day = "CAST(updated_at AS TEXT)", "substr(CAST(updated_at AS TEXT), 1, 10)"
        known = f"{day} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND {day} BETWEEN '{KNOWN_DAYS[0]}' AND '{KNOWN_DAYS[1]}'"
        where = f"{known} AND ({IS_IN_SPAN})"
        counted = f"SELECT {day}, CAST(count(*) AS TEXT), max({text}) FROM {self._mapped(dataset, since)} WHERE {where} GROUP BY 1"
        sql = f"SELECT '' AS day, '' AS rows, '' AS newest UNION ALL SELECT * FROM ({counted} ORDER BY 1)"
        zone = self._zone_of_changes(dataset)
        tables = self._read(dataset, sql, {"day": zone, "newest": zone}, self._bounds(dataset, Span(since)))
        found = [(as_instant(day), int(rows), as_instant(newest)) for table in tables for day, rows, newest in _rows(table)]
        return [Day(day, rows, newest or day) for day, rows, newest in found if day]

    def read_changed(self, dataset: str, span: Span) -> Iterator[pa.Table]:
        return self._read_isolated(dataset, IS_IN_SPAN, self._bounds(dataset, span), since=span.start)

    def read_all(self, dataset: str) -> Iterator[pa.Table]:
        return self._read_isolated(dataset)

    def read_keys(self, dataset: str, keys: Sequence[str]) -> Iterator[pa.Table]:
        where = f"{as_text(DATASETS[dataset].key[0])} IN (SELECT value FROM json_each(?1))"
        return self._read_isolated(dataset, where, (json.dumps(list(keys)),), most=len(keys))

    def peek(self, dataset: str, rows: int) -> Iterator[pa.Table]:
        return self._read_isolated(dataset, limit=rows)

    def list_rows(self, dataset: str) -> Iterator[pa.Table]:
        columns = {"key": as_text(DATASETS[dataset].key[0]), "updated_at": "CAST(updated_at AS TEXT)"}
        zones = {"updated_at": self._zone_of_changes(dataset)}
        for table in self._read(dataset, select_text(columns, self._mapped(dataset)), zones):
            yield table.set_column(1, "updated_at", only_instants(table["updated_at"]))

    def _offered(self, dataset: str) -> list[str]:
        if dataset not in self.columns:
            self.check(dataset)
        return self.columns[dataset]

    def _mapped(self, dataset: str, since: datetime | None = None) -> str:
        start = earliest(since, self._zone_of_changes(dataset)) if dataset not in LISTINGS else BEGINNING
        select = place_since(
            self.mapping.select(dataset), "sqlite", quote_text(start.isoformat(" ", "minutes").removesuffix("+00:00"))
        )
        return f"({select}\n) AS mapped"

    def _bounds(self, dataset: str, span: Span) -> tuple[str, str]:
        zone = self._zone_of_changes(dataset)
        return (
            local_floor(span.start, zone) if span.start else "",
            local_floor(span.end, zone) if span.end else "",
        )

    def _zone_of_changes(self, dataset: str) -> ZoneInfo:
        return self.mapping.zones_of(dataset)["updated_at"]

    def _read_isolated(
        self,
        dataset: str,
        where: str = "",
        parameters: tuple[str, ...] = (),
        since: datetime | None = None,
        limit: int | None = None,
        most: int | None = None,
    ) -> Iterator[pa.Table]:
        """The rows; those that the database cannot read, refused."""
        key, stream = DATASETS[dataset].key[0], partial(self._stream, dataset)
        columns, mapped = self._offered(dataset), self._mapped(dataset, since)
        reading = SqliteReading(dataset, key, columns, mapped, stream, where, parameters, limit)
        for table in read_whole(reading) if dataset in LISTINGS else read_isolated(reading, most):
            yield in_utc(table, self.mapping.zones_of(dataset), self.mapping.zero_days)

    def _read(self, dataset: str, sql: str, zones: Zones, parameters: tuple[str, ...] = ()) -> Iterator[pa.Table]:
        """Of keys and change instants; whatever else the mapping has is not looked at."""
        try:
            for batch in self._stream(dataset, sql, parameters, BATCH_ROWS):
                yield in_utc(pa.Table.from_batches([batch]), zones, self.mapping.zero_days)
        except UnreadableRowError as fault:
            raise fault.of_no_row(IN_THE_KEY) from fault

    def _stream(self, dataset: str, sql: str, parameters: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Text that is none is mended, so that batches may be put together, and its rows told."""
        try:
            self.cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(batch_rows)})
            self.cursor.execute(sql, tuple(parameters))
            is_first = True
            for batch in self.cursor.fetch_record_batch():
                rows, is_first = (batch.slice(1) if is_first else batch), False
                if rows.num_rows:
                    yield from mend_text(rows).to_batches()
        except (AdbcError, OSError) as error:
            said = _explain(error)
            text = f"cannot read {dataset} from {self.address} through mapping {self.mapping.file(dataset)}: {said}"
            raise (UnreadableRowError(text, said) if is_fault_of_row(error, said) else GovpulseError(text)) from error


@contextmanager
def open_sqlite(address: Address, mapping: Mapping, lock_timeout_seconds: float = 30.0) -> Iterator[SqliteSession]:
    """A snapshot of the database file, for whose writer we wait so long.

    Raises:
        GovpulseError: the file is missing or no database.
    """
    path = Path(address.path)
    if not path.is_file():
        raise GovpulseError(f"the source database {address} does not exist; set [source] url")
    try:
        with (
            closing(sqlite.connect(f"file:{quote(str(path))}?mode=ro", autocommit=False)) as connection,
            closing(connection.cursor()) as cursor,
        ):
            cursor.execute(f"PRAGMA busy_timeout = {int(lock_timeout_seconds * 1000)}")
            cursor.fetchall()
            # The first look begins the read transaction, and a file that is no database is not blamed on the mapping.
            cursor.execute("SELECT count(*) FROM sqlite_master")
            cursor.fetchall()
            yield SqliteSession(address, mapping, cursor)
    except (AdbcError, OSError) as error:
        raise GovpulseError(f"cannot read {address}: {_explain(error)}") from error


def _rows(table: pa.Table) -> Iterator[tuple[str, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def is_fault_of_row(error: Exception, said: str) -> bool:
    """Whether the statement died of what stands in a row: it had begun, and what SQLite says is not of the file or the machine."""
    return not isinstance(error, ProgrammingError) and not said.startswith(FAULTS_OF_THE_FILE)


def _explain(error: Exception) -> str:
    """SQLite's own message, the same whether the first row or a later one was at fault."""
    return first_line(error).rpartition("[SQLite] ")[2].rpartition("Failed to step query: ")[2]
