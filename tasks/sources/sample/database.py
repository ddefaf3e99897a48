"""The sample governance database: a SQLite file in the racine schema, messes and labelled incidents included.

Writes the file whole, or brings one that exists up to a later instant. What the rows say is made in rows.py.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.access import close_folder
from storage.durable import sync_file
from storage.errors import GovpulseError
from storage.home import Home
from storage.sql_files import sql_beside
from tasks.sources.sample.rows import GROWING, SETTLED_DAYS, rows_at
from tasks.sources.sample.words import SampleRow
from tasks.sources.sample.world import SERVER_ZONE, World, milliseconds

SAMPLE_ZONE = SERVER_ZONE
"""The time zone of the server that the sample pretends to come from."""
GENERATOR = "1"
NOTE = "Made-up sample data: no person, system or event in it is real."
LARGEST_SCALE = 100.0
"""The ids of a day's scans leave room for ten thousand."""
_COUNTED = {"racine_activities": "acts", "scan": "scans", "version_deployments": "deployments", "sample_labels": "incidents"}
META = "sample_meta"
_LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class SampleResult:
    """A sample as it now is: where it lies, the time it spans, its rows by table, and the incidents that have begun."""

    path: str
    start: datetime
    until: datetime
    rows: dict[str, int]
    incidents: int

    def __str__(self) -> str:
        counts = ", ".join(f"{self.rows[table]:,} {said}" for table, said in _COUNTED.items())
        return f"{self.path}: made-up sample data from {self.start:%Y-%m-%d} to {self.until:%Y-%m-%d %H:%M} UTC, {counts}"


def write_sample(
    path: Path, *, until: datetime, seed: int = 7, days: int = 120, scale: float = 1.0, start: datetime | None = None
) -> SampleResult:
    """Write a sample from `start` (the midnight `days` days before `until`, where it is None) up to `until`; replaces the file.

    The same arguments give the same rows.

    Args:
        days: also the length of one round of incidents, at least two weeks.
        scale: multiplies scans and activity, at most 100.

    Raises:
        GovpulseError: the file cannot be written, is there and no sample, or the arguments make no sample.
    """
    first = _midnight(start or until - timedelta(days=days))
    if days < 1 or not 0 < scale <= LARGEST_SCALE or first > until:
        raise GovpulseError(f"a sample needs at least one day, a scale in (0, {LARGEST_SCALE:g}] and a start before its end")
    _refuse_what_is_no_sample(path)
    world = World(seed, first, days, scale)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _one_line_errors(f"cannot write the sample {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            result = _write_whole(temporary, world, until)
            _replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return SampleResult(str(path), result.start, result.until, result.rows, result.incidents)


def _refuse_what_is_no_sample(path: Path) -> None:
    if not path.exists():
        return
    known = set(_tables_in(":memory:", sql_beside(__file__, "schema")))
    try:
        found = set(_tables_in(f"file:{quote(str(path))}?immutable=1"))
    except sqlite3.Error:
        found = set()
    if META not in found or found - known:
        raise GovpulseError(f"{path} exists and is not a sample; nothing was changed; give another file")


def _tables_in(database: str, schema: str = "") -> list[str]:
    with closing(sqlite3.connect(database, uri=True)) as con:
        con.executescript(schema)
        return _tables(con)


def _tables(database: sqlite3.Connection) -> list[str]:
    return [name for (name,) in database.execute(sql_beside(__file__, "tables.sqlite"))]


def advance_sample(path: Path, *, until: datetime) -> SampleResult:
    """Bring the sample at `path` to `until` in one transaction: what was running ends, what has begun since appears.

    Its seed, start, days and scale stay. A sample that already reaches `until` stays as it is.

    Raises:
        GovpulseError: the file is missing, no sample, or written by another version of the generator.
    """
    with _one_line_errors(f"cannot bring the sample {path} up to date"), closing(_open(path)) as database:
        with database:
            database.execute("BEGIN IMMEDIATE")
            world, reached = _read_world(database, path)
            if until > reached:
                _fill(database, world, until, first_day=max(0, world.day_of(milliseconds(reached)) - SETTLED_DAYS))
        return _describe(database, path)


def empty_sample(path: Path) -> None:
    """Take all rows out of the sample at `path`, and write its file anew; brought up to date, it has them again.

    Raises:
        GovpulseError: as `advance_sample`.
    """
    with _one_line_errors(f"cannot empty the sample {path}"), closing(_open(path)) as database:
        with database:
            database.execute("BEGIN IMMEDIATE")
            world, _ = _read_world(database, path)
            for table in _tables(database):
                database.execute(f"DELETE FROM {table}")
            _insert(database, META, _meta(world, world.start))
        database.execute("VACUUM")


def _midnight(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@contextmanager
def _one_line_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise GovpulseError(f"{what}: {error}; check the folder's space and permissions, or write the sample again") from error


def _write_whole(temporary: Path, world: World, until: datetime) -> SampleResult:
    """Without a journal: nobody sees the file before it is whole."""
    temporary.unlink(missing_ok=True)
    with closing(sqlite3.connect(temporary, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(sql_beside(__file__, "schema"))
        database.execute("BEGIN")
        _fill(database, world, until, first_day=0)
        database.execute("COMMIT")
        return _describe(database, temporary)


def _replace(temporary: Path, path: Path) -> None:
    """A journal that a killed writer left beside the old file would be played into the new one, so it goes first."""
    sync_file(temporary)
    path.with_name(path.name + "-journal").unlink(missing_ok=True)
    os.replace(temporary, path)


def _fill(database: sqlite3.Connection, world: World, until: datetime, first_day: int) -> None:
    for table in _tables(database):
        if table not in GROWING:
            database.execute(f"DELETE FROM {table}")
    for table, rows in rows_at(world, milliseconds(until), first_day):
        _insert(database, table, rows)
    _insert(database, META, _meta(world, until))


def _insert(database: sqlite3.Connection, table: str, rows: list[SampleRow]) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)


def _meta(world: World, until: datetime) -> list[SampleRow]:
    facts = {"seed": world.seed, "days": world.days, "scale": world.scale, "start": world.start.isoformat()}
    facts |= {"until": until.astimezone(UTC).isoformat(), "generator": GENERATOR, "server_zone": SERVER_ZONE, "note": NOTE}
    return [(key, str(value)) for key, value in facts.items()]


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise GovpulseError(f"there is no sample at {path}; write one with govpulse sample --to {path}")
    return sqlite3.connect(path, isolation_level=None, timeout=_LONGEST_WAIT_SECONDS)


def _read_world(database: sqlite3.Connection, path: Path) -> tuple[World, datetime]:
    """The world of the sample, and the instant that it has reached."""
    if META not in _tables(database):
        raise GovpulseError(f"{path} is not a sample; write one with govpulse sample --to another file")
    meta = dict(database.execute(sql_beside(__file__, "meta.sqlite")))
    if meta["generator"] != GENERATOR:
        raise GovpulseError(f"{path} is a sample of another version of govpulse; rewrite it with govpulse sample --to {path}")
    world = World(int(meta["seed"]), datetime.fromisoformat(meta["start"]), int(meta["days"]), float(meta["scale"]))
    return world, datetime.fromisoformat(meta["until"])


def _describe(database: sqlite3.Connection, path: Path) -> SampleResult:
    world, until = _read_world(database, path)
    counted = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone() for table in _tables(database)}
    rows = {table: int(count) for table, (count,) in counted.items()}
    return SampleResult(str(path), world.start, until, rows, rows["sample_labels"])


@task(name="prepare_sample", cache_policy=NO_CACHE)
def prepare_sample(home: str, *, until: datetime) -> SampleResult:
    """The embedded sample of the home folder, brought to `until`; written where there is none yet."""
    path = Home(Path(home)).sample
    close_folder(path.parent)
    return advance_sample(path, until=until) if path.exists() else write_sample(path, until=until)
