"""MySQL and MariaDB through PyMySQL: one REPEATABLE READ, read-only snapshot of all datasets, streamed in batches.

The server's protocol says every value as text. It is taken as it comes, so that a day that is none, or a number that no type of
ours holds, costs its row and not the batch; the contract casts and judges at the loader's door.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pymysql

from storage.catalogue import DATASETS, LISTINGS
from storage.errors import GovpulseError
from tasks.sources.address import Address
from tasks.sources.database.isolation import read_isolated, read_whole
from tasks.sources.database.mysql_connection import FAILURES, begin_snapshot, connect, execute, explain, is_fault_of_row
from tasks.sources.database.mysql_reading import (
    INSTANTS,
    PROBES,
    SENT_ROWS,
    TYPE_NAMES,
    Comparable,
    MysqlReading,
    any_of,
    as_text,
    select_text,
    text_literal,
)
from tasks.sources.database.narrowing import IN_THE_KEY, UnreadableRowError
from tasks.sources.database.readable_text import mend_text
from tasks.sources.database.session import Day, Horizon, Span, in_span
from tasks.sources.database.since import BEGINNING, earliest, place_since
from tasks.sources.instants import KNOWN_DAYS, UTC_ZONE, Zones, as_instant, in_utc, local_floor, only_instants
from tasks.sources.mapping import Mapping, offered_columns

FIRST_KNOWN, LAST_KNOWN = (datetime.fromisoformat(day) for day in KNOWN_DAYS)
FORMS = {"datetime": "%Y-%m-%d %H:%M:%S%.f", "timestamp": "%Y-%m-%d %H:%M:%S%.f+00:00"}
"""How we have the server say instants, those of a type that has a zone in UTC."""


class MysqlSession:
    """A snapshot of a MySQL or MariaDB database through a mapping; see Session."""

    def __init__(self, address: Address, mapping: Mapping, connection: Any, horizon: Horizon) -> None:
        self.address, self.mapping, self.connection, self.horizon = address, mapping, connection, horizon
        self.datasets = mapping.datasets
        self.types: dict[str, dict[str, str]] = {}
        self.comparable: dict[str, Comparable] = {}

    def check(self, dataset: str) -> dict[str, str]:
        file = self.mapping.file(dataset)
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {self._mapped(dataset)} LIMIT 0")
                cursor.fetchall()
                types = {column[0]: TYPE_NAMES.get(column[1], "unknown") for column in cursor.description}
        except FAILURES as error:
            raise GovpulseError(f"mapping {file} does not fit {self.address}: {explain(self.address, error)}") from error
        self.mapping.check_columns(dataset, list(types))
        if dataset not in LISTINGS and types["updated_at"] not in INSTANTS:
            said = types["updated_at"]
            raise GovpulseError(f"mapping {file}: updated_at is of type {said}; make it a datetime, so that changes can be found")
        self.types[dataset] = types
        return types

    def count_days(self, dataset: str, since: datetime | None) -> list[Day]:
        zone = self._zone_of_changes(dataset)
        first, last = KNOWN_DAYS
        bounds = [f"updated_at BETWEEN TIMESTAMP'{first} 00:00:00' AND TIMESTAMP'{last} 00:00:00'"]
        bounds += [f"updated_at >= {self._literal(dataset, since)}"] if since else []
        columns = {"day": "DATE(updated_at)", "rows": "COUNT(*)", "newest": "MAX(updated_at)"}
        sql = f"{select_text(columns, self._mapped(dataset, since))} WHERE {' AND '.join(bounds)} GROUP BY 1 ORDER BY 1"
        tables = self._read(dataset, sql, {"day": zone, "newest": zone})
        rows = [row for table in tables for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]
        found = [(as_instant(day), int(count), as_instant(newest)) for day, count, newest in rows if day and newest]
        return [Day(day, count, newest or day) for day, count, newest in found if day]

    def read_changed(self, dataset: str, span: Span) -> Iterator[pa.Table]:
        return self._read_isolated(dataset, self._in_span(dataset, span), span.start)

    def read_all(self, dataset: str) -> Iterator[pa.Table]:
        return self._read_isolated(dataset)

    def read_keys(self, dataset: str, keys: Sequence[str]) -> Iterator[pa.Table]:
        key = DATASETS[dataset].key[0]
        if keys:
            where = any_of(key, self._types_of(dataset)[key], keys, self._comparable(dataset))
            yield from self._read_isolated(dataset, where, most=len(keys))

    def peek(self, dataset: str, rows: int) -> Iterator[pa.Table]:
        return self._read_isolated(dataset, limit=rows)

    def list_rows(self, dataset: str) -> Iterator[pa.Table]:
        types, key = self._types_of(dataset), DATASETS[dataset].key[0]
        columns = {"key": as_text(key, types[key]), "updated_at": as_text("updated_at", types["updated_at"])}
        zones = {"updated_at": self._zone_of_changes(dataset)}
        for table in self._read(dataset, select_text(columns, self._mapped(dataset)), zones):
            yield table.set_column(1, "updated_at", only_instants(table["updated_at"]))

    def _mapped(self, dataset: str, since: datetime | None = None) -> str:
        start = earliest(since, self.mapping.zones_of(dataset)["updated_at"]) if dataset not in LISTINGS else BEGINNING
        return f"({place_since(self.mapping.select(dataset), 'mysql', _instant(start.astimezone(UTC)))}\n) AS mapped"

    def _types_of(self, dataset: str) -> dict[str, str]:
        if dataset not in self.types:
            self.check(dataset)
        return self.types[dataset]

    def _in_span(self, dataset: str, span: Span) -> str:
        return in_span(span, lambda instant: self._literal(dataset, instant))

    def _literal(self, dataset: str, instant: datetime) -> str:
        return f"TIMESTAMP'{local_floor(instant, self._zone_of_changes(dataset))}:00'"

    def _zone_of_changes(self, dataset: str) -> ZoneInfo:
        """A `timestamp` is an instant, which the server says in the zone of the session."""
        is_instant = self._types_of(dataset)["updated_at"] == "timestamp"
        return UTC_ZONE if is_instant else self.mapping.zones_of(dataset)["updated_at"]

    def _comparable(self, dataset: str) -> Comparable:
        """Found out by trying; no row is read for it."""
        if dataset not in self.comparable:
            key, mapped = DATASETS[dataset].key[0], self._mapped(dataset)
            tried = (how for how, text in PROBES.items() if self._takes(f"`{key}` IN ({text_literal(text)})", key, mapped))
            self.comparable[dataset] = next(tried, "none")
        return self.comparable[dataset]

    def _takes(self, condition: str, key: str, mapped: str) -> bool:
        try:
            execute(self.connection, f"SELECT `{key}` FROM {mapped} WHERE {condition} LIMIT 0")
        except pymysql.Error:
            return False
        return True

    def _read_isolated(
        self, dataset: str, where: str = "", since: datetime | None = None, limit: int | None = None, most: int | None = None
    ) -> Iterator[pa.Table]:
        """The rows; those that the database cannot read, refused."""
        key, found, mapped = DATASETS[dataset].key[0], self._types_of(dataset), self._mapped(dataset, since)
        types = {name: found[name] for name in offered_columns(dataset, found)}
        zones = self.mapping.zones_of(dataset)
        instants = {name: kind for name, kind in types.items() if name in zones}
        stream = partial(self._stream, dataset)
        reading = MysqlReading(dataset, key, types, mapped, stream, where, limit, self._comparable(dataset))
        for table in read_whole(reading) if dataset in LISTINGS else read_isolated(reading, most):
            yield in_utc(typed(table, instants), zones, self.mapping.zero_days)

    def _read(self, dataset: str, sql: str, zones: Zones) -> Iterator[pa.Table]:
        """Of keys and change instants; whatever else the mapping has is not looked at."""
        try:
            for batch in self._stream(dataset, sql, SENT_ROWS):
                yield in_utc(pa.Table.from_batches([batch]), zones, self.mapping.zero_days)
        except UnreadableRowError as fault:
            raise fault.of_no_row(IN_THE_KEY) from fault

    def _stream(self, dataset: str, sql: str, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Text that is none is mended. Of a statement that dies, the rows that have come are handed on first."""
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description]
            yield from _batches(names, cursor.fetchall_unbuffered(), batch_rows)
        except FAILURES as error:
            said = explain(self.address, error)
            text = f"cannot read {dataset} from {self.address} through mapping {self.mapping.file(dataset)}: {said}"
            raise (UnreadableRowError(text, said) if is_fault_of_row(error) else GovpulseError(text)) from error
        except GeneratorExit:
            abandon(self.connection)
            raise
        finally:
            with suppress(*FAILURES):
                cursor.close()


@contextmanager
def open_mysql(
    address: Address,
    mapping: Mapping,
    *,
    statement_timeout_seconds: float,
    fallback_overlap_seconds: float,
    lock_timeout_seconds: float,
) -> Iterator[MysqlSession]:
    """A snapshot of the database, with the horizon read before it.

    Raises:
        ConfigurationError: the URL is none.
        GovpulseError: the database cannot be reached.
    """
    connection = connect(address, statement_timeout_seconds)
    try:
        limits = {"statement": statement_timeout_seconds, "lock": lock_timeout_seconds}
        horizon = begin_snapshot(address, connection, limits, timedelta(seconds=fallback_overlap_seconds))
        yield MysqlSession(address, mapping, connection, horizon)
    finally:
        abandon(connection)


def abandon(connection: Any) -> None:
    """End the connection, and with it what it is still sending: the driver would read that to its end first."""
    result = connection._result
    with suppress(pymysql.Error):
        connection.close()
    if result is not None:
        result.unbuffered_active = False


def _batches(names: Sequence[str], rows: Iterator[tuple[bytes | None, ...]], most: int) -> Iterator[pa.RecordBatch]:
    failure = None
    while failure is None:
        held: list[tuple[bytes | None, ...]] = []
        try:
            held.extend(islice(rows, most))
        except FAILURES as error:
            failure = error
        if held:
            yield from _batch(names, held).to_batches()
        elif failure is None:
            return
    raise failure


def _batch(names: Sequence[str], rows: Sequence[tuple[bytes | None, ...]]) -> pa.Table:
    columns = [pa.array(column, pa.binary()).view(pa.string()) for column in zip(*rows, strict=True)]
    return mend_text(pa.RecordBatch.from_arrays(columns, list(names)))


def typed(table: pa.Table, types: dict[str, str]) -> pa.Table:
    """Columns of instants as such, where all of a batch are some, of days that Python knows in every zone.

    What the server says is parsed at a seventh of what it costs to hold any text against the grammar, which has the rest.
    """
    for name, form in ((name, FORMS[kind]) for name, kind in types.items() if kind in FORMS):
        text = pl.Series(pl.from_arrow(table[name]))
        if text.dtype != pl.String:
            continue
        instants = text.str.to_datetime(form, time_unit="us", strict=False)
        is_known = instants.is_between(FIRST_KNOWN, LAST_KNOWN)
        if is_known.sum() == len(text) - text.null_count():
            instants = instants.dt.replace_time_zone("UTC") if types[name] == "timestamp" else instants
            table = table.set_column(table.schema.get_field_index(name), name, pa.chunked_array(instants.to_arrow()))
    return table


def _instant(instant: datetime) -> str:
    return f"TIMESTAMP'{instant.replace(tzinfo=None).isoformat(' ', 'seconds')}'"
