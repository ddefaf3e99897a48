"""The warehouse out of what is left of it: a new file with everything that can be read, and a list of what cannot.

All is done on a copy. What can be put right exactly is; where no block stays damaged, the copy itself becomes the new file. Else
the tables are made by the migrations, and filled with the rows that can be read. What the log has lost of people's acts, loads and
alerts the journal has, and gives back.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from storage.access import FOLDER, close
from storage.duckdb_file.headers import HEADER, UnknownFormatError
from storage.duckdb_file.wal import WalState, wal_state
from storage.durable import sync_file, sync_folder
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.installation import new_timeline
from storage.journal.replay import Replayed, replay
from storage.limits import Limits
from storage.migrations import FOLDER as MIGRATIONS
from storage.migrations import migrate, migrations
from storage.migrations.declared import make_as_stored
from storage.relations import column_names, empty, has_rows, table_names, values_of
from storage.rewriting import rewrite
from storage.salvage.reading import Loss, copy_table
from storage.salvage.repair import go_back, guess_metadata, repair_file, repair_log
from storage.transaction import NUMBERED
from storage.warehouse import attach, connect
from storage.wholeness.checking import foreign, is_shortened
from storage.wholeness.mark import announce, mark_of, read_mark, wal_of

MIGRATIONS_DONE = "ops.schema_migrations"
GUESSED = "one byte of the metadata was repaired by the likeliest guess, without proof"
OLDER = "a header cannot be repaired; if it was the newer one, this is the warehouse as of its last checkpoint but one"


@dataclass(frozen=True)
class Salvage:
    """What was found, and what became of it.

    Attributes:
        headers, blocks, records: how many were put right; records are of the log.
        left: blocks that could not be.
        losses: rows that cannot be read.
        commits_cut: commits that were found in the log behind a place that cannot be read; more may have been there.
        bytes_cut: of the log, that could not be read or are missing.
        said: what else was done.
        replayed: what the journal gave back.
        set_aside: where the damaged files are now.
    """

    headers: int = 0
    blocks: int = 0
    records: int = 0
    left: int = 0
    losses: tuple[Loss, ...] = ()
    commits_cut: int = 0
    bytes_cut: int = 0
    said: tuple[str, ...] = ()
    replayed: Replayed = field(default_factory=Replayed)
    set_aside: Path | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing was damaged."""
        return not (self.headers or self.blocks or self.records or self.left or self.bytes_cut)


def salvage(home: Home, limits: Limits, now: datetime, *, keeps: bool = True) -> Salvage:
    """Make the warehouse anew from what can be read of it, for who has the turn, and set the damaged files aside.

    Args:
        keeps: put the new file in place; else only find out.

    Raises:
        GovpulseError: nothing can be read, the file is none of ours, or file and log do not belong together; nothing was changed.
    """
    with _working(home) as folder:
        copy, fresh = folder / "damaged.duckdb", folder / "fresh.duckdb"
        try:
            found = _examined(home, copy)
        except UnknownFormatError as error:
            raise GovpulseError(f"cannot salvage {home.warehouse}: {error}; restore a backup") from error
        if found.is_sound:
            return found
        losses, said = ((), ()) if not found.left and _checkpointed(copy, fresh, limits) else _read(copy, fresh, limits)
        replayed = _brought_up_to_date(home, limits, fresh, losses, now, keeps=keeps)
        done = replace(found, losses=losses, said=(*found.said, *said), replayed=replayed)
        return _put_in_place(home, fresh, done, now) if keeps else done


@contextmanager
def _working(home: Home) -> Iterator[Path]:
    folder = home.private / "salvaging"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(FOLDER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _examined(home: Home, copy: Path) -> Salvage:
    """Copy file and log, and put right in the copies what can be."""
    if not home.warehouse.exists():
        raise GovpulseError(f"there is no {home.warehouse}; restore a backup")
    if problem := foreign(home.warehouse):
        raise GovpulseError(f"cannot salvage {home.warehouse}: {problem}")
    shutil.copyfile(home.warehouse, copy)
    wal, found = wal_of(copy), WalState("empty", 0)
    records = 0
    if wal_of(home.warehouse).exists():
        shutil.copyfile(wal_of(home.warehouse), wal)
        if wal_state(wal).state == "unknown":
            raise UnknownFormatError("its log has an unknown version")
        records, found = repair_log(wal)
    repaired = repair_file(copy, lambda: _main_header(copy.parent))
    noted = read_mark(home.warehouse)
    if repaired.may_be_older:
        wal.unlink(missing_ok=True)  # it belongs to the newer state
    missing = max(0, noted.length - found.committed_until) if noted and is_shortened(home.warehouse) else 0
    cut = found.bytes_behind if found.state == "damaged" else 0
    said = (OLDER,) if repaired.may_be_older else ()
    counts = (repaired.headers, repaired.blocks, records, len(repaired.left))
    return Salvage(*counts, (), found.commits_behind, max(cut, missing), said)


def _main_header(folder: Path) -> bytes:
    """That of a new file."""
    path = folder / "template.duckdb"
    con = connect()
    attach(con, path, "template")
    con.close()
    return path.read_bytes()[:HEADER]


def _checkpointed(copy: Path, fresh: Path, limits: Limits) -> bool:
    """All blocks are whole: the copy is the new file, once its log is in it. False where it does not open all the same."""
    con = connect(limits)
    try:
        attach(con, copy, "damaged")
        con.execute("CHECKPOINT damaged")
        con.execute("DETACH damaged")
    except (GovpulseError, duckdb.Error):
        return False
    finally:
        con.close()
    os.replace(copy, fresh)
    return True


def _read(copy: Path, fresh: Path, limits: Limits) -> tuple[tuple[Loss, ...], tuple[str, ...]]:
    """Fill a new file with the rows of the copy that can be read, by the newest state of it that opens."""
    problems: list[str] = []
    for said, prepare in _states(copy):
        if not prepare():
            continue
        try:
            losses = _filled(copy, fresh, limits)
        except (GovpulseError, duckdb.Error) as error:
            problems.append(first_line(error))
            fresh.unlink(missing_ok=True)
            wal_of(fresh).unlink(missing_ok=True)
            continue
        return losses, said
    raise GovpulseError(f"nothing can be read from it ({problems[0]}); restore a backup; nothing was changed")


def _states(copy: Path) -> list[tuple[tuple[str, ...], Callable[[], bool]]]:
    """What may be tried, the best first."""

    def without_log() -> bool:
        has_log = wal_of(copy).exists()
        wal_of(copy).unlink(missing_ok=True)
        return has_log

    return [
        ((), lambda: True),
        ((GUESSED,), lambda: guess_metadata(copy)),
        (("read as of its last checkpoint, without its log",), without_log),
        (("read as of its last checkpoint but one",), lambda: go_back(copy)),
    ]


def _filled(copy: Path, fresh: Path, limits: Limits) -> tuple[Loss, ...]:
    con = connect(limits, spill=copy.parent / "spill")
    con.execute("SET preserve_insertion_order = true")
    try:
        attach(con, copy, "damaged", read_only=True)
        attach(con, fresh, "fresh")
        con.execute("USE fresh")
        _make_tables(con)
        losses = [loss for name in table_names(con, "damaged") for loss in _copied(con, name)]
        con.execute("USE memory")
        con.execute("DETACH fresh")
    finally:
        con.close()
    return tuple(losses)


def _make_tables(con: duckdb.DuckDBPyConnection) -> None:
    """By the migrations that the damaged file has been through, or by all where it does not say."""
    applied = _applied(con)
    with _chosen(applied or {*migrations()}) as folder:
        migrate(con, datetime.now(UTC), folder)
    for name in table_names(con, "fresh"):
        if applied or name != MIGRATIONS_DONE:
            empty(con, f"fresh.{name}")  # what migrations put in comes from the damaged file


@contextmanager
def _chosen(numbers: set[int]) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        for number, path in migrations(MIGRATIONS).items():
            if number in numbers:
                shutil.copyfile(path, Path(folder) / path.name)
        yield Path(folder)


def _copied(con: duckdb.DuckDBPyConnection, name: str) -> list[Loss]:
    if name == MIGRATIONS_DONE and has_rows(con, f"fresh.{name}"):
        return []
    make_as_stored(con, name, f"damaged.{name}", "fresh")
    old, new = (column_names(con, name, database) for database in ("damaged", "fresh"))
    return copy_table(con, name, [column for column in new if column in old])


def _applied(con: duckdb.DuckDBPyConnection) -> set[int]:
    with suppress(duckdb.IOException, duckdb.CatalogException):
        return {number for (number,) in values_of(con, f"damaged.{MIGRATIONS_DONE}", "version")}
    return set()


def _brought_up_to_date(home: Home, limits: Limits, fresh: Path, losses: Sequence[Loss], now: datetime, *, keeps: bool) -> Replayed:
    """Play what the journal has and the file has not. Where the file has lost which entry was its last, nothing is played.

    What is called alike in the file and in a backup need not be the same any more: the next backup is written whole.
    """
    con = connect(limits, spill=fresh.parent / "spill")
    try:
        attach(con, fresh, "warehouse")
        con.execute("USE warehouse")
        migrate(con, now)
        new_timeline(con)
        says = not any(loss.table == NUMBERED for loss in losses)
        replayed = replay(con, home, keeps=keeps) if says else Replayed()
        con.execute("CHECKPOINT")
    finally:
        con.close()
    if replayed.needs_rewriting:
        rewrite(limits, fresh)
    return replayed


def _put_in_place(home: Home, fresh: Path, done: Salvage, now: datetime) -> Salvage:
    """Killed anywhere in between, the damaged file is still there, or the new one beside the old log, which the mark tells."""
    aside = home.set_aside / f"{now:%Y%m%dT%H%M%SZ}"
    aside.mkdir(FOLDER, parents=True, exist_ok=True)
    for path in (home.warehouse, wal_of(home.warehouse), mark_of(home.warehouse)):
        if path.exists():
            os.link(path, aside / path.name)
    close(fresh)
    sync_file(fresh)
    announce(home.warehouse, fresh)
    os.replace(fresh, home.warehouse)
    wal_of(home.warehouse).unlink(missing_ok=True)
    sync_folder(home.private)
    return replace(done, set_aside=aside)
