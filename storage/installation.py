"""Whose a home is: a random id, in a small file in its root and in each of the folders that may be a volume of its own, and in the
warehouse.

By it a volume that is not mounted, or another installation's, is told from one that is new. The root's file also names the folders
in which the id lay: one that has neither its id nor what it is for is not there. Who copies a home copies its id, and goes on.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from storage.durable import write_durably
from storage.errors import GovpulseError
from storage.home import INSTALLATION, Home
from storage.relations import values_of
from storage.write import enter, update

MARKED = ("private", "backups", "journal")
"""The folders of a home that bear its id, as far as there are."""
RANDOM_BYTES = 16


@dataclass(frozen=True)
class Marks:
    """What the files say.

    Attributes:
        installation: the id; None where no folder has one.
        root: the lines of the root's file: the id, and the folders in which it lay.
        folders: by name of those that are there, the id in each.
    """

    installation: str | None
    root: tuple[str, ...]
    folders: dict[str, str | None]


def has_own_warehouse(home: Home) -> bool:
    """Whether there is a warehouse yet, and every folder is the home's own.

    Raises:
        GovpulseError: there was a warehouse, or a folder is another installation's or not mounted.
    """
    is_there = home.has_warehouse()
    read_marks(home)
    return is_there


def read_marks(home: Home) -> Marks:
    """The ids of the home's folders.

    Raises:
        GovpulseError: a folder is not mounted, or as `read_own_marks`.
    """
    marks = read_own_marks(home)
    for name in marks.root[1:]:
        if marks.folders.get(name) is None and _is_bare(home, name):
            raise GovpulseError(
                f"{home.root / name} has lost its id and its content; mount its disk{_or_restore(name)}. If"
                f" they are gone for good, delete {home.root / INSTALLATION}"
            )
    return marks


def read_own_marks(home: Home) -> Marks:
    """The same, where folders may be empty: for who puts a backup back.

    Raises:
        GovpulseError: a folder is another installation's, or an id cannot be read.
    """
    root = _lines(home.root / INSTALLATION)
    folders = {name: next(iter(_lines(home.root / name / INSTALLATION)), None) for name in MARKED if (home.root / name).is_dir()}
    known = {name: found for name, found in folders.items() if found}
    installation = root[0] if root else next(iter(known.values()), None)
    for name, found in known.items():
        if found != installation:
            others = home.root if root else home.root / next(iter(known))
            raise GovpulseError(
                f"{home.root / name} belongs to a different installation than {others}; mount the right disk, or"
                f" move away what does not belong to this one.{_to_go_on(home)}"
            )
    return Marks(installation, root, folders)


def settle_installation(con: duckdb.DuckDBPyConnection, home: Home, marks: Marks, now: datetime) -> None:
    """Hold the warehouse's id against that of the folders, and give it to those that have none, for who has the warehouse's turn.

    Raises:
        GovpulseError: the warehouse is another installation's, or an id cannot be written; then nothing is used.
    """
    found = values_of(con, "ops.installation", "installation")
    inside = found[0][0] if found else None
    if inside and marks.installation and inside != marks.installation:
        raise GovpulseError(
            f"{home.warehouse} belongs to a different installation than {home.root}; put the right one back, or"
            f" restore a backup with `govpulse restore`.{_to_go_on(home)}"
        )
    installation = marks.installation or inside or secrets.token_hex(RANDOM_BYTES)
    _mark(home, marks, installation)
    if inside is None:
        timeline = secrets.token_hex(RANDOM_BYTES)
        enter(con, "ops.installation", {"installation": installation, "timeline": timeline, "created_at": now})


def new_timeline(con: duckdb.DuckDBPyConnection) -> str:
    """From here on the warehouse is another than the one that went on from the same backup; returns the timeline's id."""
    timeline = secrets.token_hex(RANDOM_BYTES)
    update(con, "ops.installation", {"timeline": timeline})
    return timeline


def _is_bare(home: Home, name: str) -> bool:
    """Whether the folder has nothing of what it is for. The warehouse says itself whose it is."""
    folder = home.root / name
    if folder == home.private:
        return not home.warehouse.exists()
    return not folder.is_dir() or not any(path.is_file() for path in folder.iterdir())


def _or_restore(name: str) -> str:
    return ", or restore a backup with `govpulse restore`" if name == "private" else ""


def _to_go_on(home: Home) -> str:
    return f" To keep everything that is there, delete the files `{INSTALLATION}` in {home.root} and in its folders"


def _mark(home: Home, marks: Marks, installation: str) -> None:
    """The root last: what it names is there."""
    for name, found in marks.folders.items():
        if found is None:
            _write(home.root / name / INSTALLATION, (installation,))
    lines = (installation, *marks.folders)
    if lines != marks.root:
        _write(home.root / INSTALLATION, lines)


def _lines(path: Path) -> tuple[str, ...]:
    """Of a file with an id; none where there is none."""
    try:
        lines = tuple(path.read_bytes().decode().split("\n")[:-1])
        if lines and len(bytes.fromhex(lines[0])) == RANDOM_BYTES:
            return lines
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise GovpulseError(f"cannot read the id of this installation in {path}: {_explain(error)}") from error
    raise GovpulseError(f"cannot read the id of this installation in {path}: {_explain(None)}")


def _explain(error: Exception | None) -> str:
    return getattr(error, "strerror", None) or "it is not an id; delete the file, and govpulse writes the right one"


def _write(path: Path, lines: tuple[str, ...]) -> None:
    """Whole or not at all; what a killed writer left goes."""
    try:
        write_durably(path, "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise GovpulseError(f"cannot write the id of this installation to {path}: {error.strerror or error}") from error
