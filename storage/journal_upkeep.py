"""How much of the journal is kept: what the oldest backup that is kept does not have yet."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from storage.errors import GovpulseError
from storage.home import Home
from storage.journal_files import drop_segments_before, segment_after
from storage.warehouse import attach, connect


def drop_segments_in(home: Home, backups: Sequence[Path]) -> list[int]:
    """Delete the segments that each of these proven backups has already; returns which. Without a backup none goes."""
    numbers = [journal_number(backup) for backup in backups]
    return drop_segments_before(home, segment_after(home, min(numbers))) if numbers else []


def journal_number(file: Path) -> int:
    """The last entry of the journal that a warehouse file has; 0 where it does not say, for it is older than the journal."""
    con = connect()
    try:
        attach(con, file, "looked_at", read_only=True)
        found = con.execute("SELECT max(number) FROM looked_at.ops.journal").fetchall()[0][0]
        return int(found or 0)
    except (GovpulseError, duckdb.Error):
        return 0
    finally:
        con.close()
