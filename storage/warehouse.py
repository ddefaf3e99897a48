"""The private warehouse: one process at a time, in its turn, for a short while.

`warehouse(...)` is the only way in: it waits for the lock, attaches the file, brings it to the newest migration, and closes it
again. The rest of the code says `raw.scans`, whatever the ATTACH string is.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from storage.access import close
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.installation import read_marks, settle_installation
from storage.journal.noting import journaled
from storage.limits import Limits
from storage.lock import fair_lock
from storage.migrations import migrate
from storage.quoting import quote_text
from storage.sql_files import sql_beside
from storage.wholeness.checking import refuse_what_is_not_whole
from storage.wholeness.mark import watched
from storage.wholeness.torn_blocks import put_back_torn

STORAGE_VERSION = "v1.2.0"
"""The file format: the oldest that has what we use, so that users' own DuckDB 1.x clients can open what we publish."""


REMEDY = "`govpulse salvage` keeps what can be read, `govpulse restore` restores a backup"
"""Where the warehouse is damaged. No other file: a backup has everything in it that is private."""


@contextmanager
def warehouse(home: Home, limits: Limits = Limits()) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the migrated warehouse, exclusively, inside the block.

    Raises:
        GovpulseError: its turn did not come, the file or its log is damaged or not the one that was there, a folder is another
            installation's or not mounted, a newer govpulse wrote it, or the disk is full.
    """
    with turn(home, limits), opened(home, limits) as con:
        yield con


@contextmanager
def turn(home: Home, limits: Limits = Limits()) -> Iterator[None]:
    """The warehouse is nobody else's inside the block: it may be opened, or read by a process of ours."""
    home.make_folders()
    lock = home.private / "warehouse.lock"
    with fair_lock(lock, limits.lock_timeout_seconds):
        close(lock)
        shutil.rmtree(home.spill, ignore_errors=True)  # what is in it belonged to one that was killed
        put_back_torn(home.warehouse)
        yield


@contextmanager
def opened(home: Home, limits: Limits = Limits()) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the migrated warehouse, for who has the turn."""
    home.has_warehouse()
    marks = read_marks(home)
    refuse_what_is_not_whole(home.warehouse)
    con = connect(limits, spill=home.spill)
    try:
        attach(con, home.warehouse, "warehouse", remedy=REMEDY)
        close(home.warehouse)
        with watched(con, home.warehouse):
            con.execute("USE warehouse")
            migrate(con, datetime.now(UTC))
            settle_installation(con, home, marks, datetime.now(UTC))
            with journaled(con, home):
                yield con
    except duckdb.Error as error:
        if not is_about_the_file(error):
            raise
        raise GovpulseError(f"cannot use {home.warehouse}: {explain(error, REMEDY)}") from error
    finally:
        con.close()


def connect(limits: Limits = Limits(), spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB to attach files to, in UTC, within `limits`, without reaching for the network."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": limits.threads,
        "memory_limit": limits.memory,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,  # a table that is not there is no variable of ours
    }
    if spill is not None:
        config["temp_directory"] = str(spill)
    con = duckdb.connect(":memory:", config=config)
    con.execute("SET TimeZone = 'UTC'")
    return con


def memory_limit(con: duckdb.DuckDBPyConnection) -> tuple[str, int]:
    """How much memory `con` may use, as DuckDB writes it and in bytes."""
    ((said, size),) = con.execute(sql_beside(__file__, "statements/memory_limit")).fetchall()
    return said, int(size)


def attach(con: duckdb.DuckDBPyConnection, path: Path, alias: str, *, read_only: bool = False, remedy: str = "") -> None:
    """Attach the DuckDB file `path` as `alias`.

    Args:
        remedy: what to do where it is damaged.

    Raises:
        GovpulseError: the file is damaged, of a newer format, held by another program, or not writable.
    """
    options = "READ_ONLY" if read_only else f"STORAGE_VERSION '{STORAGE_VERSION}'"
    try:
        con.execute(f"ATTACH {quote_text(str(path))} AS {alias} ({options})")
    except duckdb.Error as error:
        raise GovpulseError(f"cannot open {path}: {explain(error, remedy)}") from error


def is_about_the_file(error: BaseException | None) -> bool:
    """Whether the disk or the file failed, not the SQL. DuckDB 2 reports a corrupt block as an Error, a stream as an OSError."""
    file_errors = (duckdb.IOException, duckdb.FatalException, duckdb.SerializationException)
    is_streamed = isinstance(error, OSError) and str(error).startswith(("IO Error", "FATAL Error", "Serialization Error"))
    return isinstance(error, file_errors) or type(error) is duckdb.Error or is_streamed


def explain(error: BaseException, remedy: str = "") -> str:
    """What is wrong with a file, and what to do about it."""
    text = first_line(error)
    if "version number" in text:
        return "it was written by a newer DuckDB; upgrade govpulse; nothing was changed"
    if "lock on file" in text:
        return f"another program has it open ({text}); close it"
    if isinstance(error, duckdb.IOException) and os.strerror(errno.EACCES) in text:
        return "permission denied"
    return f"{text}; if the disk is not full, the file is damaged{': ' if remedy else ''}{remedy}"
