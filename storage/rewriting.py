"""A warehouse file that nobody has open, written anew without what was deleted from it."""

import os
from pathlib import Path

from storage.access import close
from storage.limits import Limits
from storage.relations import copy_database
from storage.warehouse import attach, connect
from storage.wholeness.mark import wal_of


def rewrite(limits: Limits, file: Path) -> None:
    """Without what was deleted: somebody was forgotten, and stays readable in the file."""
    other = file.with_suffix(".rewritten")
    _drop(other)
    con = connect(limits)
    try:
        attach(con, file, "warehouse", read_only=True)
        attach(con, other, "rewritten")
        close(other)
        copy_database(con, "warehouse", "rewritten")
        con.execute("CHECKPOINT rewritten")
    except BaseException:
        con.close()
        _drop(other)
        raise
    con.close()
    os.replace(other, file)


def _drop(file: Path) -> None:
    for path in (file, wal_of(file)):
        path.unlink(missing_ok=True)
