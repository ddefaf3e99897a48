"""Before DuckDB gets the warehouse: whether its log is whole, and whether file and log are those that belong together.

DuckDB would drop commits of a damaged log, or write those of another file's into this one, without a word.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from storage.duckdb_file.headers import Header, header_of
from storage.errors import GovpulseError
from storage.wholeness.mark import EDGE, NAME, Mark, disagreement, forget_mark, is_announced, read_mark, wal_of
from storage.wholeness.torn_blocks import begun_from

if TYPE_CHECKING:
    from storage.duckdb_file.wal import WalState

SALVAGE = "nothing was changed; `govpulse salvage` keeps what can be read"
ANOTHER = f"`govpulse restore` restores a backup; if this file is the one you want, delete {NAME} beside it"


def refuse_what_is_not_whole(file: Path) -> None:
    """Look at the log and the mark of the warehouse `file`; a transaction that a killed writer left unfinished is none
    of our business.

    Raises:
        GovpulseError: the log is damaged, shortened or another file's, or the file is another than it was; nothing was changed.
    """
    wal = wal_of(file)
    if not file.exists():
        if wal.exists() and wal.stat().st_size:
            raise GovpulseError(f"{file} is missing, but its log {wal.name} is there; put the file back, or move the log away")
        forget_mark(file)
        return
    header, mark = header_of(file), read_mark(file)
    if is_announced(header, mark):
        wal.unlink(missing_ok=True)
    found = _state(wal)
    if found is not None and found.state == "unknown":
        raise GovpulseError(f"cannot open {file}: its log has a version that this govpulse does not know; nothing was changed")
    pairing = _pairing(wal, header, mark, found)
    if problem := _damage(wal, found) if pairing in ("", "cut") else "":
        raise GovpulseError(f"cannot open {file}: {problem}")
    if pairing:
        raise GovpulseError(f"cannot open {file}: {_said(pairing, wal, mark, _length(found))}")


def foreign(file: Path) -> str:
    """What is wrong where `file` and its log, damaged as they may be, are not those which were there; empty where they are."""
    wal, mark = wal_of(file), read_mark(file)
    pairing = _pairing(wal, header_of(file), mark, _state(wal))
    return _said(pairing, wal, mark, 0) if pairing.startswith("foreign") and not _is_unreadable(wal) else ""


def is_shortened(file: Path) -> bool:
    """Whether less of its log is there than was committed."""
    wal = wal_of(file)
    return _pairing(wal, header_of(file), read_mark(file), _state(wal)) == "cut"


def _is_unreadable(wal: Path) -> bool:
    """Whether the very beginning of the log is damaged, so that nothing can be said of whose it is."""
    found = _state(wal)
    return found is not None and found.state == "damaged" and not found.commits


def _state(wal: Path) -> "WalState | None":
    if not wal.exists() or not wal.stat().st_size:
        return None
    from storage.duckdb_file.wal import wal_state  # NumPy, for the one time in many that there is a log

    return wal_state(wal)


def _length(found: "WalState | None") -> int:
    """Bytes of the log that are whole commits."""
    return found.committed_until if found is not None and found.commits else 0


def _pairing(wal: Path, header: Header | None, mark: Mark | None, found: "WalState | None") -> str:
    edges = _edges(wal, mark) if found is not None else (b"", b"")
    begun = begun_from(wal.with_suffix(""))
    return disagreement(header, mark, edges, _length(found), found.checkpoint if found else None, begun)


def _damage(wal: Path, found: "WalState | None") -> str:
    if found is None or found.state != "damaged":
        return ""
    behind = f", and {found.commits_behind:,} after it" if found.commits_behind else ""
    at = f"damaged at byte {found.whole_until:,}; {found.commits:,} commits before that can be read{behind}"
    return f"its log {wal.name} is {at}; {SALVAGE}"


def _edges(wal: Path, mark: Mark | None) -> tuple[bytes, bytes]:
    descriptor = os.open(wal, os.O_RDONLY)
    try:
        end = mark.length if mark else 0
        edge = min(EDGE, end)
        return os.pread(descriptor, EDGE, 0), os.pread(descriptor, edge, end - edge)
    finally:
        os.close(descriptor)


def _said(disagreement: str, wal: Path, mark: Mark | None, length: int) -> str:
    noted = mark.length if mark else 0
    return {
        "": "",
        "cut": f"its log {wal.name} was shortened: {noted:,} bytes were committed, {length:,} are left; {SALVAGE}",
        "foreign log": f"its log {wal.name} belongs to another file; put that file back, or move the log away. {ANOTHER}",
        "foreign file": f"it is an older file than the one last used here. {ANOTHER}",
    }[disagreement]
