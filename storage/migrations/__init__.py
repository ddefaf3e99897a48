"""Numbered migrations: `NNNN_name.sql`, one transaction each, recorded in `ops.schema_migrations`; and what is declared."""

from datetime import datetime
from pathlib import Path

import duckdb

from storage.errors import GovpulseError
from storage.migrations.declared import declare
from storage.relations import values_of
from storage.sql_files import sql_beside
from storage.transaction import transaction

FOLDER = Path(__file__).parent


def migrations(folder: Path = FOLDER) -> dict[int, Path]:
    """Every migration of `folder` by its number, in order."""
    return {int(path.name.split("_", 1)[0]): path for path in sorted(folder.glob("[0-9]*_*.sql"))}


def migrate(con: duckdb.DuckDBPyConnection, now: datetime, folder: Path = FOLDER, until: int | None = None) -> list[str]:
    """Apply what `con`'s warehouse has not been through yet, up to the migration `until`, and behind the last one add what the
    catalogue declares; returns the names applied and added.

    Raises:
        GovpulseError: the warehouse has been through a migration that this govpulse does not know.
    """
    known = migrations(folder)
    applied = _applied(con)
    unknown = {number: name for number, name in applied.items() if number not in known}
    if unknown:
        newest = unknown[max(unknown)]
        raise GovpulseError(
            f"the warehouse was written by a newer govpulse (migration {newest}); upgrade govpulse; nothing was changed"
        )
    due = {number: path for number, path in known.items() if number not in applied and (until is None or number <= until)}
    done = [_apply(con, number, path, now) for number, path in due.items()]
    return done + declare(con) if folder == FOLDER and until is None else done


def _applied(con: duckdb.DuckDBPyConnection) -> dict[int, str]:
    exists = con.execute(sql_beside(__file__, "is_begun")).fetchall()[0][0]
    return dict(values_of(con, "ops.schema_migrations", "version", "name")) if exists else {}


def _apply(con: duckdb.DuckDBPyConnection, number: int, path: Path, now: datetime) -> str:
    with transaction(con):
        con.execute(path.read_text())
        con.execute(sql_beside(__file__, "enter_migration"), {"number": number, "name": path.stem, "now": now})
    return path.stem
