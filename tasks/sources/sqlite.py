"""SQLite through ADBC, read-only, in batches.

SQLite types values, not columns, and the driver takes a column's type from its first rows. So every column is read as text, under
a first row of empty texts that fixes the type and is dropped; the contract casts and judges at the loader's door.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import adbc_driver_sqlite.dbapi as sqlite
import polars as pl
from adbc_driver_manager import Error as AdbcError

from storage.catalogue import DATASETS
from storage.errors import GovpulseError, first_line
from tasks.sources.instants import local_floor, to_utc
from tasks.sources.request import Request

BATCH_ROWS = 65_536
# An instant with an offset, or one that is no text, does not compare as text: such a row is read every time, not lost.
UNCHANGED = """
    CAST(updated_at AS TEXT) < ?1 AND CAST(updated_at AS TEXT) GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
    AND substr(CAST(updated_at AS TEXT), 11) NOT GLOB '*[-+A-SU-Za-z]*'
"""


def read_sqlite(request: Request) -> Iterator[pl.DataFrame]:
    """Batches of the dataset's rows.

    Raises:
        GovpulseError: the file is missing or no database, or the mapping does not fit it; names file and column.
    """
    columns = _contract_columns(request.dataset)
    path = _path(request.url)
    try:
        with closing(sqlite.connect(f"file:{quote(str(path))}?mode=ro")) as connection, closing(connection.cursor()) as cursor:
            _check_database(cursor)
            _check_mapping(cursor, request, columns)
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
            cursor.execute(_statement(request, columns), _parameters(request))
            yield from _batches(cursor, request)
    except (AdbcError, OSError) as error:
        raise GovpulseError(f"cannot read {request.dataset} from {path}: {_first_line(error)}") from error


def _path(url: str) -> Path:
    path = Path(url.removeprefix("sqlite:///") if url.startswith("sqlite:") else url)
    if not path.is_file():
        raise GovpulseError(f"the source database {path} does not exist; set [source] url")
    return path


def _contract_columns(dataset: str) -> list[str]:
    return [name for name in DATASETS[dataset].column_names if name not in ("source", "extracted_at")]


def _check_database(cursor: Any) -> None:
    """Read the file for the first time, so that a file that is no database is not blamed on the mapping."""
    cursor.execute("SELECT count(*) FROM sqlite_master")
    cursor.fetchall()


def _check_mapping(cursor: Any, request: Request, columns: list[str]) -> None:
    file = request.mapping.selects[request.dataset]
    try:
        cursor.execute(f"SELECT * FROM ({request.mapping.select(request.dataset)}\n) AS mapped LIMIT 0")
    except AdbcError as error:
        raise GovpulseError(f"mapping {file.parent.name}/{file.name} does not fit this database: {_first_line(error)}") from error
    found = [column[0] for column in cursor.description]
    missing = [name for name in columns if name not in found]
    if missing:
        raise GovpulseError(f"mapping {file.parent.name}/{file.name} does not yield {', '.join(missing)}")
    cursor.fetchall()


def _statement(request: Request, columns: list[str]) -> str:
    header = ", ".join(f"'' AS {name}" for name in columns)
    as_text = ", ".join(f"CAST({name} AS TEXT)" for name in columns)
    key = DATASETS[request.dataset].key[0]
    changed = f"WHERE ({UNCHANGED}) IS NOT TRUE OR CAST({key} AS TEXT) IN (SELECT value FROM json_each(?2))"
    return f"SELECT {header} UNION ALL SELECT {as_text} FROM ({request.mapping.select(request.dataset)}\n) AS mapped {changed}"


def _parameters(request: Request) -> tuple[str, str]:
    since = local_floor(request.since, request.mapping.zones[request.dataset]) if request.since else ""
    return since, json.dumps(request.open_keys)


def _batches(cursor: Any, request: Request) -> Iterator[pl.DataFrame]:
    instants = [column.name for column in DATASETS[request.dataset].columns if column.type == "TIMESTAMPTZ"]
    is_first = True
    for batch in cursor.fetch_record_batch():
        frame = pl.DataFrame(pl.from_arrow(batch))
        frame, is_first = (frame.slice(1) if is_first else frame), False
        if frame.height:
            yield to_utc(frame, [name for name in instants if name in frame.columns], request.mapping.zones[request.dataset])


def _first_line(error: Exception) -> str:
    return first_line(error).rpartition("[SQLite] ")[2]
