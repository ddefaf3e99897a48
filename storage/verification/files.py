"""Files of the home are what was written."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime
from pathlib import Path

import duckdb

from storage.backups.exporting import drop_from_memory, is_damaged, sha256_of
from storage.backups.manifest import Stored, damaged_manifests, is_there, manifests_in
from storage.backups.whole_files import damage_in, whole_files
from storage.duckdb_file.headers import UnknownFormatError
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.intake.landed_file import check_content, check_pages
from storage.journal.files import damage_in_journal, segments
from storage.limits import Limits
from storage.relations import values_of
from storage.sqlite_files import damage as sqlite_damage
from storage.verification.result import DAYS, CheckResult, Due, keep, note_verified, verified_until
from storage.warehouse import turn, warehouse
from storage.wholeness.mark import wal_of

BLOCKS_A_HOLD = 4096
"""A GB, which takes a second or two while others wait."""
SALVAGE = "; `govpulse salvage` keeps what can be read"
ASIDE = "; `govpulse up` sets it aside and creates a new one"
MADE_ANEW = "; the next insights run recreates it"
WHAT = "files"


def verify_files(home: Home, limits: Limits, now: datetime, *, deep: bool = False) -> list[CheckResult]:
    """Verify the files of the home, those of the warehouse and of its backups among them: the part whose turn it is, or with `deep`
    all. How it came out is kept in `ops.checks`, if the warehouse opens."""
    try:
        with warehouse(home, limits) as con:
            last, models = verified_until(con, WHAT), _models(con)
    except GovpulseError as error:
        return [CheckResult("warehouse", False, str(error)), *_beside(home, Due(None), [], deep=True)]
    due = Due(None if deep else 0 if last is None else (last + 1) % DAYS)
    found = [_blocks(home, limits, due), *_beside(home, due, models, deep=deep)]
    is_sound = all(check.is_ok for check in found)
    with nullcontext() if is_sound else suppress(GovpulseError), warehouse(home, limits) as con:  # damaged, it may take no notes
        keep(con, found, now)
        if due.part is not None:
            note_verified(con, WHAT, due.part, now)
    return found


def _beside(home: Home, due: Due, models: Sequence[tuple[str, str]], *, deep: bool) -> list[CheckResult]:
    """What lies beside the warehouse."""
    found = [_published(home, due), _landing(home), _journal(home), _learned(home, models), _prefect(home, deep)]
    return [*found, *_backups(home, due)]


def _models(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return sorted(values_of(con, "ops.anomaly_models", "file", "sha256"))


def _blocks(home: Home, limits: Limits, due: Due) -> CheckResult:
    """The blocks of the warehouse, by their checksums, and its log. Nobody has the file open meanwhile: to close it here would let
    go of DuckDB's lock on it."""
    from storage.duckdb_file.blocks import blocks_in, damage_of
    from storage.duckdb_file.wal import wal_state

    wal, damaged, read, share = wal_of(home.warehouse), 0, 0, range(1)
    at = 0
    while at < len(share):
        with turn(home, limits):
            share = due.share(blocks_in(home.warehouse.stat().st_size))
            damage = damage_of(home.warehouse, share[at : at + BLOCKS_A_HOLD])
            state = wal_state(wal).state if wal.exists() and wal.stat().st_size else ""
        if damage.headers or state == "damaged":
            return CheckResult("blocks of the warehouse", False, f"its {'header' if damage.headers else 'log'} is damaged{SALVAGE}")
        damaged, read, at = damaged + len(damage.blocks), read + damage.looked_at, at + BLOCKS_A_HOLD
    said = f"{damaged:,} of {read:,} blocks are damaged"
    return CheckResult("blocks of the warehouse", not damaged, said + (SALVAGE if damaged else ""))


def _published(home: Home, due: Due) -> CheckResult:
    from storage.duckdb_file.blocks import blocks_in, damage_of

    if not home.published.exists():
        return CheckResult("published file", True, "none yet")
    try:
        damage = damage_of(home.published, due.share(blocks_in(home.published.stat().st_size)))
    except (UnknownFormatError, OSError) as error:
        return CheckResult("published file", False, f"{first_line(error)}{MADE_ANEW}")
    said = f"{len(damage.headers) + len(damage.blocks):,} of {damage.looked_at:,} blocks are damaged"
    return CheckResult("published file", damage.is_none, said + ("" if damage.is_none else MADE_ANEW))


def _landing(home: Home) -> CheckResult:
    """Files that wait for the loader, which sets damaged ones aside."""
    files, damaged = 0, []
    for path in sorted(home.landing.glob("*/*.parquet")):
        try:
            check_content(path)
            check_pages(path)
            files += 1
        except FileNotFoundError:
            continue
        except GovpulseError as error:
            damaged.append(str(error))
    return CheckResult("landing files", not damaged, "; ".join(damaged) or f"{files:,} files waiting, none damaged")


def _journal(home: Home) -> CheckResult:
    """All of it, for it is as long as a few days."""
    damaged = damage_in_journal(home)
    return CheckResult("journal", not damaged, _few(damaged) or f"{len(segments(home)):,} segments, none damaged")


def _learned(home: Home, models: Sequence[tuple[str, str]]) -> CheckResult:
    damaged = [name for name, content in models if _is_other(home.models / name, content)]
    said = f"{', '.join(damaged)} damaged{MADE_ANEW}" if damaged else f"{len(models):,} models, none damaged"
    return CheckResult("models", not damaged, said)


def _is_other(path: Path, content: str) -> bool:
    try:
        return sha256_of(path) != content
    except FileNotFoundError:
        return False


def _prefect(home: Home, deep: bool) -> CheckResult:
    fault = sqlite_damage(home.prefect / "prefect.db", thorough=deep)
    return CheckResult("prefect.db", fault is None, f"{fault}{ASIDE}" if fault else "intact")


def _backups(home: Home, due: Due) -> Iterator[CheckResult]:
    """Files of backups. A damaged one is set aside, so that the next backup writes it again."""
    folder = home.backups
    manifests = manifests_in(folder).values()
    files = {file.path: file for manifest in manifests for file in manifest.files}
    missing = [path for path, file in files.items() if not is_there(folder, file)]
    damaged = [path for path, file in files.items() if path not in missing and due.has(path) and _is_damaged(folder, file)]
    for path in damaged:
        (folder / path).rename(folder / f"{path}.damaged")
    wrong = [*(f"{name} is damaged" for name in damaged_manifests(folder)), *(f"{path} is missing" for path in missing)]
    wrong += [f"{path} was damaged and is set aside" for path in damaged]
    wrong += [f"{path.name} is damaged, {fault}" for path in whole_files(home) if due.has(path.name) and (fault := damage_in(path))]
    yield CheckResult("backups", not wrong, _few(wrong) or f"{len(manifests):,} backups with {len(files):,} files")


def _is_damaged(folder: Path, file: Stored) -> bool:
    """As it is on the disk, not in memory."""
    drop_from_memory(folder / file.path)
    return is_damaged(folder, file)


def _few(said: Sequence[str], most: int = 5) -> str:
    return "; ".join(said[:most]) + (f"; and {len(said) - most} more" if len(said) > most else "")
