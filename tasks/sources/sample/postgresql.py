"""The sample in PostgreSQL: written as SQLite first, then copied into tables of PostgreSQL's own types."""

import re
import sqlite3
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as postgresql
import pyarrow as pa
from adbc_driver_manager import Error as AdbcError

from storage.errors import GovpulseError
from storage.sql_files import sql_beside
from tasks.sources.address import Address
from tasks.sources.database.postgresql_connection import explain
from tasks.sources.sample.database import SampleResult, write_sample

NATIVE = (
    (r"\b(\w+_at) TEXT", r"\1 timestamp"),
    (r"\b(involved_groups|activity_data|compliance_issues|classification_labels) TEXT", r"\1 jsonb"),
    (r"\b(is_\w+|breaking_changes) INTEGER", r"\1 boolean"),
)
"""SQLite's columns as a racine in PostgreSQL has them."""
COPY_ROWS = 50_000


def write_sample_to(address: Address, *, until: datetime, seed: int, days: int, scale: float) -> SampleResult:
    """Write a sample into a PostgreSQL database; replaces one that is there.

    Raises:
        ConfigurationError: the URL is none.
        GovpulseError: the database cannot be reached, or has tables of those names that are no sample.
    """
    address.check()
    with tempfile.TemporaryDirectory() as folder:
        try:
            with postgresql.connect(address.url) as target:  # first, for to make the sample takes a while
                result = write_sample(Path(folder) / "sample.sqlite", until=until, seed=seed, days=days, scale=scale)
                with closing(sqlite3.connect(result.path)) as source, closing(target.cursor()) as cursor:
                    _make_tables(cursor, list(result.rows))
                    for table in result.rows:
                        _copy(source, cursor, table)
                target.commit()
        except AdbcError as error:
            raise GovpulseError(f"cannot write the sample to {address}: {explain(address, error)}") from None
    return SampleResult(str(address), result.start, result.until, result.rows, result.incidents)


def _make_tables(cursor: Any, tables: list[str]) -> None:
    cursor.execute(sql_beside(__file__, "tables.postgresql"))
    there = {name for (name,) in cursor.fetchall()}
    if there & set(tables) and "sample_meta" not in there:
        raise GovpulseError(
            f"the database has a table {min(there & set(tables))} that is not part of a sample; give an empty database"
        )
    for table in tables:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in native_schema().split(";"):
        if statement.strip():
            cursor.execute(statement)


def native_schema() -> str:
    """The sample's DDL in PostgreSQL's types."""
    schema = re.sub(r"--.*", "", sql_beside(__file__, "schema"))
    for pattern, native in NATIVE:
        schema = re.sub(pattern, native, schema)
    return schema


def _copy(source: sqlite3.Connection, cursor: Any, table: str) -> None:
    """As text into a table for the time being, which PostgreSQL then casts."""
    rows = source.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in rows.description]
    while batch := rows.fetchmany(COPY_ROWS):
        cells = [
            pa.array([None if cell is None else str(cell) for cell in column], pa.string()) for column in zip(*batch, strict=True)
        ]
        cursor.adbc_ingest("copied", pa.table(dict(zip(names, cells, strict=True))), mode="create", temporary=True)
        casts = ", ".join(f'CAST("{name}" AS {kind})' for name, kind in _types(cursor, table).items())
        cursor.execute(f"INSERT INTO {table} SELECT {casts} FROM copied")
        cursor.execute(sql_beside(__file__, "drop_copied.postgresql"))


def _types(cursor: Any, table: str) -> dict[str, str]:
    cursor.execute(sql_beside(__file__, "types.postgresql"), (table,))
    return dict(cursor.fetchall())
