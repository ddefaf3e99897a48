"""What the campaigns kill, and have fail: each phase of what changes a home, by its name; and what the next run does.

A job returns once all that it did is for good: what it returns is its acknowledgment.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.cli.restore import fetch_all
from storage.backups.restore import restore
from storage.catalogue import TABLES
from storage.destination import open_destination
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import land, sweep_orphans
from storage.intake.loading import load_landing
from storage.journal.elsewhere import copy_journal
from storage.journal.files import begin_segment, damage_in_journal
from storage.limits import Limits
from storage.maintenance import apply_retention, compact
from storage.people.forgetting import forget_user
from storage.publishing.publishing import publish
from storage.salvage.salvaging import salvage
from storage.verification.files import verify_files
from storage.verification.keys import verify_keys
from storage.warehouse import turn, warehouse
from tasks.maintenance import copy_elsewhere, renew_backup
from tasks.silences import read_all_silences
from tests.campaigns.lives import TOLD_APART, evaluate, watch
from tests.journal_acts import COMPARED, at, frame, perform

KEPT = 2


def elsewhere(home: Home) -> str:
    return str(home.root.with_name("elsewhere"))


def sent(home: Home) -> Path:
    """What was delivered, a line each."""
    return home.root.with_name("sent")


def prepare(home: Home) -> None:
    """A home with something of everything, of which the second destination has a part, and some of which waits."""
    Path(elsewhere(home)).mkdir(exist_ok=True)
    for number in range(9):
        perform(home, "load", number)
    for number in (1, 2):
        _silence(home)
        _watch(home, number)
        renew_backup(home, Limits(), KEPT)
    copy_elsewhere(home, Limits(), elsewhere(home), KEPT)
    for number in (10, 11):
        perform(home, "load", number)
    _silence(home)
    _publish(home)
    copy_journal(home, open_destination(elsewhere(home)))
    _land(home, 21)


def _land(home: Home, number: int = 30) -> None:
    for dataset in ("activity", "scans"):
        land(home, dataset, frame(dataset, number), name=f"{dataset}-{number}", metadata={"source": "racine"})


def _load(home: Home) -> None:
    with warehouse(home) as con:
        load_landing(con, home)


def _silence(home: Home) -> None:
    """Another one each time."""
    with warehouse(home) as con:
        number = 40 + len(read_all_silences(con))
    perform(home, "silence", number)


def _watch(home: Home, number: int = 5) -> None:
    watch(home, number, (), lambda told: _tell(home, told))


def _evaluate(home: Home) -> None:
    with warehouse(home) as con:
        evaluate(con, 5, ())


def _tell(home: Home, told: str) -> None:
    with sent(home).open("a") as file:
        file.write(f"{told}\n")


def _begin(home: Home) -> None:
    begin_segment(home)


def _backup(home: Home) -> None:
    renew_backup(home, Limits(), KEPT)


def _copy(home: Home) -> None:
    copy_elsewhere(home, Limits(), elsewhere(home), KEPT)


def _copy_journal(home: Home) -> None:
    copy_journal(home, open_destination(elsewhere(home)))


def _verify(home: Home) -> None:
    checks = [*verify_keys(home, Limits(), datetime.now(UTC)), *verify_files(home, Limits(), datetime.now(UTC), deep=True)]
    if failed := [f"{check.name}: {check.detail}" for check in checks if not check.is_ok]:
        raise GovpulseError("; ".join(failed))


def _restore(home: Home) -> None:
    with turn(home):
        restore(home, Limits(), datetime.now(UTC))


def _fetch(home: Home) -> None:
    """Into a home of which nothing is left."""
    fetch_all(home, elsewhere(home))
    _restore(home)


def _forget(home: Home) -> None:
    with warehouse(home) as con:
        load_landing(con, home)
        forget_user(con, TOLD_APART[0], "root", datetime.now(UTC), hashes_ids=True)
        compact(con, home)
    _publish(home)
    _backup(home)


def _compact(home: Home) -> None:
    with warehouse(home) as con:
        compact(con, home)


def _publish(home: Home) -> None:
    with warehouse(home) as con:
        publish(con, home)


def _retain(home: Home) -> None:
    with warehouse(home) as con:
        apply_retention(con, {table.retention: 1 for table in TABLES.values() if table.retention}, at(24 * 60 + 6))


def _salvage(home: Home) -> None:
    with turn(home):
        salvage(home, Limits(), datetime.now(UTC))


PHASES: dict[str, Callable[[Home], None]] = {
    "land": _land,
    "load": _load,
    "journal entry": _silence,
    "evaluate": _evaluate,
    "deliver": _watch,
    "begin a segment": _begin,
    "backup": _backup,
    "second copy": _copy,
    "copy of the journal": _copy_journal,
    "verify": _verify,
    "restore": _restore,
    "fetch and restore": _fetch,
    "forget": _forget,
    "compact": _compact,
    "publish": _publish,
    "retain": _retain,
    "salvage": _salvage,
}


def next_run(home: Home, phase: str) -> dict[str, Any]:
    """The phase again, and what else runs; what is there then."""
    PHASES[phase](home)
    sweep_orphans(home, time.time() + 7200)
    _load(home)
    return look(home)


def look(home: Home) -> dict[str, Any]:
    """What is in the tables, without what is another each time; what is there twice; what is left over; what is damaged."""
    with warehouse(home) as con:
        tables = {name: str(con.sql(f"SELECT count(*), {_stable(name)} FROM {name}").fetchall()) for name in COMPARED}
        doubled = [name for name in COMPARED if TABLES[name].key and con.sql(_doubles(name)).fetchall()]
    return {"tables": tables, "doubled": doubled, "leftovers": leftovers(home), "damaged": damage_in_journal(home)}


def _stable(name: str) -> str:
    """SQL: the sum of what is the same each time: of raw the columns that are no instants."""
    columns = [each.name for each in TABLES[name].columns if each.type != "TIMESTAMPTZ"]
    return f"sum(hash({', '.join(columns)}))" if name.startswith("raw.") else "NULL"


def _doubles(name: str) -> str:
    return f"SELECT 1 FROM {name} GROUP BY {', '.join(TABLES[name].key)} HAVING count(*) > 1 LIMIT 1"


KNOWN = (
    "installation", "govpulse.duckdb", "private/warehouse.duckdb", "private/warehouse.mark", "private/warehouse.torn",
    "private/warehouse.lock",
    "private/backups.lock", "private/installation", "private/reserve", "private/person-secret", "backups/installation",
    "backups/manifest-*.json", "backups/content/*/*.parquet", "backups/person-secret", "journal/installation",
    "journal/*/entries.ndjson", "journal/*/landed/*/*.parquet", "landing/*/*.parquet", "quarantine/*/*.parquet",
    "private/set-aside/*/warehouse.duckdb", "private/set-aside/*/warehouse.duckdb.wal", "private/set-aside/*/warehouse.mark",
    "backups/content/landing/*", "backups/content/model/*",
)  # fmt: skip


def leftovers(home: Home) -> list[str]:
    """Files that are none of those which belong into a home, or which a backup does not need."""
    found = [path.relative_to(home.root) for path in home.root.rglob("*") if path.is_file()]
    return sorted(str(path) for path in found if not any(path.match(known) for known in KNOWN))


JOBS: dict[str, Callable[..., Any]] = {**PHASES, "prepare": prepare, "next run": next_run, "look": look}
