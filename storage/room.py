"""Room on the disk: how much there is, a reserve for the time when there is none, and what to say then.

The reserve is a file that holds nothing. A full disk would stop the sample that shows it and the alert that tells of it; so who
meets one deletes the file, and goes on. It is made again when there is room for several of it.
"""

import errno
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from storage.access import owner_only
from storage.errors import GovpulseError, describe
from storage.home import Home

logger = logging.getLogger(__name__)
T = TypeVar("T")

RESERVE_BYTES = 64 * 2**20
"""A sample and its load, an evaluation and its notifications, and what Prefect writes of these runs came to some 10 MB in a small
warehouse; the rest is for the checkpoint of a large one."""
MADE_AT_TIMES = 3
"""So many times its size have to be free before it is made, so that it is not what fills the disk."""
LEAST_BYTES = 16 * 2**20
"""With less free the disk counts as full: SQLite and DuckDB need some to fail cleanly."""
FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_SAID = ("No space left on device", "database or disk is full", "Disk quota exceeded")


class NoRoomError(GovpulseError):
    """The disk is full, or too full for what was to be written. Its text names the disk, and what to do."""


def is_about_room(error: BaseException | None) -> bool:
    """Whether a full disk is why, as the system, SQLite, DuckDB and Polars say it."""
    while error is not None:
        is_told = isinstance(error, OSError) and error.errno in FULL
        if is_told or isinstance(error, NoRoomError) or any(said in str(error) for said in FULL_SAID):
            return True
        error = error.__cause__ or error.__context__
    return False


def require_room(path: Path, needed_bytes: int, what: str = "this") -> None:
    """Refuse to begin what cannot be finished.

    Args:
        path: where it is to be written; it need not be there yet.
        needed_bytes: how much that will be.
        what: what needs it, such as `the compaction`.

    Raises:
        NoRoomError: so much is not free. Names the disk.
    """
    if shutil.disk_usage(_existing(path)).free < needed_bytes:
        raise NoRoomError(f"{what} needs {in_units(needed_bytes)}: {remedy(path)}")


def remedy(path: Path) -> str:
    """What to do about the disk that holds `path`, and how full it is."""
    folder = _existing(path)
    usage, disk = shutil.disk_usage(folder), mount_point(folder)
    where = "" if disk == folder else f", which holds {folder}"
    return f"free space on {disk} ({in_units(usage.free)} of {in_units(usage.total)} free){where}"


def mount_point(path: Path) -> Path:
    """Where the disk that holds `path` is mounted."""
    folder = path.resolve()
    while not folder.is_mount() and folder != folder.parent:
        folder = folder.parent
    return folder


def in_units(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def error_of_disk(error: Exception, path: Path) -> Exception:
    """`error`, with what to do where a full disk is why and it does not say so.

    Args:
        path: a folder on the disk that was written to, where the error names none.
    """
    if not is_about_room(error) or "free space on " in str(error):
        return error
    named = getattr(error, "filename", None)
    place = Path(os.fsdecode(named)) if isinstance(named, str | bytes) else path
    return NoRoomError(f"the disk is full ({describe(error)}); {remedy(place)}")


def is_short(home: Home) -> bool:
    """Whether there is too little room for more than a sample and an alert."""
    return not home.reserve.exists() and shutil.disk_usage(_existing(home.root)).free < RESERVE_BYTES + LEAST_BYTES


def mind_the_disk(home: Home) -> None:
    """Give the reserve up where the disk is full, make it where there is room, and say so.

    Raises:
        OSError: the home cannot be looked at.
    """
    free = shutil.disk_usage(_existing(home.root)).free
    if free < LEAST_BYTES:
        give_up_reserve(home)
    elif free >= MADE_AT_TIMES * RESERVE_BYTES and not home.reserve.exists():
        _make_reserve(home)


def give_up_reserve(home: Home) -> bool:
    """Delete the reserve; returns whether there is room now, were it that somebody else has deleted it just before."""
    try:
        home.reserve.unlink()
    except OSError:
        return shutil.disk_usage(_existing(home.root)).free >= LEAST_BYTES
    logger.warning("The disk is full: the reserve of %s was given up; %s", in_units(RESERVE_BYTES), remedy(home.root))
    return True


def with_reserve(home: Home, action: Callable[[], T]) -> T:
    """Do it; where the disk is full, once more without the reserve."""
    try:
        return action()
    except Exception as error:
        if not is_about_room(error) or not give_up_reserve(home):
            raise
    return action()


def _make_reserve(home: Home) -> None:
    """Under another name until it has its size; where that fails there is none. Copies that were not finished go."""
    part = home.reserve.with_name(f".reserve.{os.getpid()}")
    for orphan in home.private.glob(".reserve.*"):
        if time.time() - orphan.stat().st_mtime > 60:
            orphan.unlink(missing_ok=True)
    try:
        descriptor = owner_only(str(part), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        finally:
            os.close(descriptor)
        os.replace(part, home.reserve)
    except OSError:
        part.unlink(missing_ok=True)


def _existing(path: Path) -> Path:
    """The nearest folder on the way to `path` that is there."""
    folder = path.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder
