"""SQLite files that others write: whether one is damaged, and writing one anew without its holes.

Nobody else may be using the file but for `damage`, which reads beside others as any reader does.
"""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from storage.access import owner_only
from storage.durable import sync_file, sync_folder
from storage.errors import GovpulseError, first_line
from storage.printable import printable

MAGIC = b"SQLite format 3\x00"
HEADER_BYTES = 100
SIDE_FILES = ("-wal", "-shm")
BUSY_SECONDS = 10.0
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
OF_THE_DISK = (
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
)
"""What an error says of the disk, the rights or the memory, and not of what is in the file."""
REWRITE_SECONDS = 120.0
STEPS_BETWEEN_LOOKS = 10_000


def damage(path: Path, *, thorough: bool = False) -> str | None:
    """What is wrong with the SQLite file at `path`, in a few words; None where it is sound, locked by others, or not there.

    Args:
        thorough: compare the indexes with their tables, too: some five times as long.

    Raises:
        GovpulseError: it cannot be read, whatever is in it.
    """
    check = "integrity_check" if thorough else "quick_check"
    try:
        with path.open("rb") as file:  # before SQLite has it open: closing it would give up SQLite's locks
            fault = header_fault(file.read(HEADER_BYTES))
        return fault or _fault(path, check)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GovpulseError(f"cannot read {path}: {error.strerror or error}") from error


def header_fault(header: bytes) -> str | None:
    """What is wrong with the first hundred bytes: SQLite opens some files that it can then neither write nor understand."""
    if not header:
        return "it is empty"
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        return "it does not begin as a database does"
    page_size, number = int.from_bytes(header[16:18], "big"), header[18:20]
    is_sized = page_size == 1 or (page_size >= 512 and page_size & (page_size - 1) == 0)
    is_known = set(number) <= {1, 2} and header[21:24] == bytes((64, 32, 32))
    in_use = int.from_bytes(header[44:48], "big") in range(1, 5) and int.from_bytes(header[56:60], "big") in range(1, 4)
    return None if is_sized and is_known and in_use else "its header is damaged"


def _fault(path: Path, check: str) -> str | None:
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as con:
            con.text_factory = bytes
            said = con.execute(f"PRAGMA {check}(1)").fetchone()[0].decode(errors="replace")
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in BUSY:
            return None
        if code in OF_THE_DISK:
            raise GovpulseError(f"cannot read {path}: {first_line(error)}") from error
        return printable(first_line(error))
    return None if said == "ok" else printable(said.splitlines()[-1])


def holes(path: Path) -> float:
    """Share of the file's pages that hold nothing.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as con:
        free, pages = (con.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
    return free / pages if pages else 0.0


def rewrite(path: Path, within_seconds: float = REWRITE_SECONDS) -> None:
    """Write the file anew without its holes, beside it, and put that in its place. A crash leaves one of the two whole.

    Raises:
        sqlite3.Error: it cannot be read or written, or that takes too long; the old file stays.
        OSError: the same.
    """
    fresh, ends = rewriting(path), time.monotonic() + within_seconds
    fresh.unlink(missing_ok=True)
    try:
        os.close(owner_only(str(fresh), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as con:
            con.execute("PRAGMA locking_mode = EXCLUSIVE")
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            con.set_progress_handler(lambda: time.monotonic() > ends, STEPS_BETWEEN_LOOKS)
            con.execute("VACUUM INTO ?", [str(fresh)])
        if any(path.with_name(path.name + end).exists() for end in SIDE_FILES):
            raise sqlite3.OperationalError("others have it open")
        _put_in_place(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def rewriting(path: Path) -> Path:
    """Where it is written anew."""
    return path.with_name(path.name + ".rewriting")


def _put_in_place(fresh: Path, path: Path) -> None:
    sync_file(fresh)
    os.replace(fresh, path)
    sync_folder(path.parent)
