"""Before DuckDB gets the warehouse: whether its log is whole, and whether file and log are those that belong together.

DuckDB would drop commits of a damaged log, or write those of another file's into this one, without a word.
"""

import os
from pathlib import Path

from storage.duckdb_file.headers import Header, header_of
from storage.errors import GovpulseError
from storage.warehouse_mark import EDGE, NAME, Mark, disagreement, forget_mark, read_mark, wal_of

SALVAGE = "nothing was changed; `govpulse salvage` keeps what can be read"
ANOTHER = f"`govpulse restore` puts a backup back; if this file is the one you want, delete {NAME} beside it"


def refuse_what_is_not_whole(file: Path) -> None:
    """Look at the log and the mark of the warehouse `file`; a transaction that a killed writer left unfinished is none of our business.

    Raises:
        GovpulseError: the log is damaged, shortened or another file's, or the file is another than it was; nothing was changed.
    """
    wal = wal_of(file)
    if not file.exists():
        if wal.exists() and wal.stat().st_size:
            raise GovpulseError(f"{file} is not there, but its log {wal.name} is; put the file back, or move the log away")
        forget_mark(file)
        return
    header, mark = header_of(file), read_mark(file)
    if wal.exists() and wal.stat().st_size:
        problem = _log_problem(file, wal, header, mark)
    else:
        problem = _said(disagreement(header, mark, (b"", b""), 0, None), wal, mark, 0)
    if problem:
        raise GovpulseError(f"cannot open {file}: {problem}")


def _log_problem(file: Path, wal: Path, header: Header | None, mark: Mark | None) -> str:
    from storage.duckdb_file.wal import wal_state  # NumPy, for the one time in many that there is a log

    found = wal_state(wal)
    if found.state == "unknown":
        return f"its log {wal.name} is of a version that this govpulse does not know; upgrade, nothing was changed"
    length = found.committed_until if found.commits else 0
    pairing = disagreement(header, mark, _edges(wal, mark), length, found.checkpoint)
    if found.state == "damaged" and pairing in ("", "cut"):
        behind = f", and {found.commits_behind:,} behind it" if found.commits_behind else ""
        at = f"damaged at byte {found.whole_until:,}; {found.commits:,} commits before that can be read{behind}"
        return f"its log {wal.name} is {at}; {SALVAGE}"
    return _said(pairing, wal, mark, length)


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
        "foreign log": f"its log {wal.name} is another file's; put back the file it belongs to, or move the log away. {ANOTHER}",
        "foreign file": f"it is an older file than the one that was last in use here. {ANOTHER}",
    }[disagreement]
