"""SQLite through ADBC: one read transaction of all datasets, in batches.

SQLite types values, not columns, and the driver takes a column's type from its first rows. So every column is read as text, under
a first row of empty texts that fixes the type and is dropped; the contract casts and judges at the loader's door.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import adbc_driver_sqlite.dbapi as sqlite
import pyarrow as pa
from adbc_driver_manager import Error as AdbcError

from storage.catalogue import DATASETS
from storage.errors import GovpulseError, first_line
from tasks.sources.address import Address
from tasks.sources.database.readable_text import mend_text
from tasks.sources.database.session import Day, Horizon, Span
from tasks.sources.instants import KNOWN_DAYS, Zones, as_instant, in_utc, local_floor, only_instants
from tasks.sources.mapping import Mapping, contract_columns

BATCH_ROWS = 65_536
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
        return dict.fromkeys(found, "as each value has it")

    def count_days(self, dataset: str, since: datetime | None) -> list[Day]:
        text, day = "CAST(updated_at AS TEXT)", "substr(CAST(updated_at AS TEXT), 1, 10)"
        known = f"{day} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND {day} BETWEEN '{KNOWN_DAYS[0]}' AND '{KNOWN_DAYS[1]}'"
        where = f"{known} AND ({IS_IN_SPAN})"
        counted = f"SELECT {day}, CAST(count(*) AS TEXT), max({text}) FROM {self._mapped(dataset)} WHERE {where} GROUP BY 1"
        sql = f"SELECT '' AS day, '' AS rows, '' AS newest UNION ALL SELECT * FROM ({counted} ORDER BY 1)"
        zone = self._zone_of_changes(dataset)
        tables = self._read(dataset, sql, {"day": zone, "newest": zone}, self._bounds(dataset, Span(since)))
        found = [(as_instant(day), int(rows), as_instant(newest)) for table in tables for day, rows, newest in _rows(table)]
        return [Day(day, rows, newest or day) for day, rows, newest in found if day]

    def read_changed(self, dataset: str, span: Span) -> Iterator[pa.Table]:
        sql = f"{self._select(contract_columns(dataset), self._mapped(dataset))} WHERE {IS_IN_SPAN}"
        return self._read(dataset, sql, self.mapping.zones_of(dataset), self._bounds(dataset, span))

    def read_all(self, dataset: str) -> Iterator[pa.Table]:
        return self._read(dataset, self._select(contract_columns(dataset), self._mapped(dataset)), self.mapping.zones_of(dataset))

    def read_keys(self, dataset: str, keys: Sequence[str]) -> Iterator[pa.Table]:
        key = DATASETS[dataset].key[0]
        select = self._select(contract_columns(dataset), self._mapped(dataset))
        sql = f"{select} WHERE CAST({key} AS TEXT) IN (SELECT value FROM json_each(?1))"
        return self._read(dataset, sql, self.mapping.zones_of(dataset), (json.dumps(list(keys)),))

    def peek(self, dataset: str, rows: int) -> Iterator[pa.Table]:
        select = self._select(contract_columns(dataset), f"(SELECT * FROM {self._mapped(dataset)} LIMIT {rows})")
        return self._read(dataset, select, self.mapping.zones_of(dataset))

    def list_rows(self, dataset: str) -> Iterator[pa.Table]:
        key = DATASETS[dataset].key[0]
        mapped = f"(SELECT {key} AS key, updated_at FROM {self._mapped(dataset)}) AS keys"
        zones = {"updated_at": self._zone_of_changes(dataset)}
        for table in self._read(dataset, self._select(["key", "updated_at"], mapped), zones):
            yield table.set_column(1, "updated_at", only_instants(table["updated_at"]))

    def _mapped(self, dataset: str) -> str:
        return f"({self.mapping.select(dataset)}\n) AS mapped"

    def _select(self, columns: list[str], relation: str) -> str:
        header = ", ".join(f"'' AS {name}" for name in columns)
        as_text = ", ".join(f"CAST({name} AS TEXT)" for name in columns)
        return f"SELECT {header} UNION ALL SELECT {as_text} FROM {relation}"

    def _bounds(self, dataset: str, span: Span) -> tuple[str, str]:
        zone = self._zone_of_changes(dataset)
        return (
            local_floor(span.start, zone) if span.start else "",
            local_floor(span.end, zone) if span.end else "",
        )

    def _zone_of_changes(self, dataset: str) -> ZoneInfo:
        return self.mapping.zones_of(dataset)["updated_at"]

    def _read(self, dataset: str, sql: str, zones: Zones, parameters: tuple[str, ...] = ()) -> Iterator[pa.Table]:
        try:
            self.cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
            self.cursor.execute(sql, parameters)
            is_first = True
            for batch in self.cursor.fetch_record_batch():
                rows, is_first = (batch.slice(1) if is_first else batch), False
                if rows.num_rows:
                    yield in_utc(mend_text(rows), zones, self.mapping.zero_days)
        except (AdbcError, OSError) as error:
            where = f"{self.address} through mapping {self.mapping.file(dataset)}"
            raise GovpulseError(f"cannot read {dataset} from {where}: {_explain(error)}") from error


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


def _explain(error: Exception) -> str:
    return first_line(error).rpartition("[SQLite] ")[2]
