"""Prefect's database before a server opens it: set aside where it is damaged, written anew where much of it is holes.

For whoever holds the server's lock. What a server needs in it (deployments, automations, the work pool, limits) comes back with the
ordinary start; runs, logs and artifacts until then lie in what was set aside, which a server can be pointed at by hand.
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from storage.access import FOLDER
from storage.durable import sync_folder
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.room import LEAST_BYTES, NoRoomError, require_room
from storage.sqlite_files import SIDE_FILES, damage, holes, rewrite, rewriting

logger = logging.getLogger(__name__)

OWN_DATABASE = ("PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL")
"""Where an operator says that Prefect's database is elsewhere: it is theirs to care for."""
KEPT = 3
"""Damaged databases: one shows what the disk does, and a disk that goes on doing it must not be filled with them."""
REWRITE_AT_HOLES = 0.25
DAMAGE_SAID = ("database disk image is malformed", "file is not a database", "malformed database schema")
"""How SQLite says it, in the log of a server and in its answers."""
SERVER_SAYS = "500 Internal Server Error"
"""All that a client of the server learns of it."""
LONGEST_SAID = max(map(len, DAMAGE_SAID)) - 1
"""A look may end in the middle of the words."""


def prefect_database(home: Home) -> Path:
    """Where our own server has its database."""
    return home.prefect / "prefect.db"


def is_elsewhere(environment: Mapping[str, str]) -> bool:
    """Whether the server is told to use another database than that of the home."""
    return any(environment.get(name) for name in OWN_DATABASE)


def set_aside_folder(home: Home) -> Path:
    """Where damaged databases go, each into a folder called after the instant."""
    return home.prefect / "set-aside"


def prepare_database(home: Home, environment: Mapping[str, str], *, thorough: bool = False) -> bool:
    """Make the database fit for a server, and say what was done; returns whether it was set aside.

    Args:
        thorough: look at the indexes, too, for something has been found wrong.

    Raises:
        GovpulseError: it cannot be read, or not be set aside.
    """
    path = prefect_database(home)
    if is_elsewhere(environment):
        return False
    rewriting(path).unlink(missing_ok=True)  # of a start that was killed
    if found := damage(path, thorough=thorough):
        folder = _set_aside(home, datetime.now(UTC))
        logger.warning(
            "Prefect's database was damaged (%s) and was set aside in %s: it holds the runs and logs until now,"
            " schedules are registered again",
            found,
            folder,
        )
        return True
    if path.is_file():
        _fill_holes(path)
    return False


def explain_failure(home: Home, error: BaseException, since: datetime) -> BaseException:
    """`error`, or why it came about where the cause is that our own server's database is damaged or cannot grow.

    Args:
        since: when what failed began.
    """
    path = prefect_database(home)
    try:
        require_room(home.prefect, LEAST_BYTES, "Prefect's database")
        found = damage(path, thorough=any(said in str(error) for said in DAMAGE_SAID))
    except GovpulseError as unreadable:
        return unreadable
    if found:
        return GovpulseError(f"Prefect's database {path} is damaged ({found}); start this again: that sets it aside")
    if SERVER_SAYS in str(error) and any(name >= folder_name(since) for name in _folders(home)):
        return GovpulseError(f"Prefect's database was damaged and has been set aside in {set_aside_folder(home)}; start this again")
    return error


class DamageWatch:
    """Looks whether a running server says that its database is damaged, and whether that is so."""

    def __init__(self, home: Home, log: Path) -> None:
        self.path, self.log = prefect_database(home), log
        self.read_to = 0

    def sees_damage(self) -> bool:
        """Whether what the log says since the last look is true: anybody may bring such words into it."""
        return self._is_said() and bool(damage(self.path, thorough=True))

    def _is_said(self) -> bool:
        """A log that is shorter than it was is a new one."""
        size = self.log.stat().st_size
        if size == self.read_to:
            return False
        with self.log.open("rb") as file:
            file.seek(max(0, self.read_to - LONGEST_SAID) if size > self.read_to else 0)
            new = file.read(size - file.tell())
        self.read_to = size
        return any(said.encode() in new for said in DAMAGE_SAID)


def drop_set_aside(home: Home) -> int:
    """Delete the damaged databases: nobody can tell whom they hold. Returns how many there were."""
    folders = _folders(home)
    for name in folders:
        shutil.rmtree(set_aside_folder(home) / name)
    return len(folders)


def folder_name(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%fZ}"


def _folders(home: Home) -> list[str]:
    folder = set_aside_folder(home)
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def _set_aside(home: Home, now: datetime) -> Path:
    """The side files first: killed in between, the next start finds the database damaged once more."""
    path, folder = prefect_database(home), set_aside_folder(home) / folder_name(now)
    try:
        folder.mkdir(FOLDER, parents=True)
        for end in (*SIDE_FILES, ""):
            part = path.with_name(path.name + end)
            if part.exists():
                os.replace(part, folder / part.name)
        sync_folder(folder)
        sync_folder(home.prefect)
        for old in _folders(home)[:-KEPT]:
            shutil.rmtree(folder.with_name(old))
    except OSError as error:
        raise GovpulseError(f"{path} is damaged and cannot be set aside in {folder}: {error.strerror or error}") from error
    return folder


def _fill_holes(path: Path) -> None:
    """Where that fails the server works as well, in a larger file."""
    try:
        share, before = holes(path), path.stat().st_size
        if share <= REWRITE_AT_HOLES:
            return
        require_room(path, round(before * (1 - share) * 1.1), "the new file")
        rewrite(path)
    except (sqlite3.Error, OSError, NoRoomError) as error:
        logger.warning("%s could not be written anew without its holes: %s", path, first_line(error))
