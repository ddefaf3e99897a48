"""Whatever is no longer what was written is noticed, or it is nothing that anybody reads."""

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta

import duckdb
import pytest

from storage.backups.manifest import manifests_in
from storage.changes import change
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.publishing.publishing import publish
from storage.transaction import transaction
from storage.verification.files import verify_files
from storage.verification.keys import verify_keys
from storage.verification.result import DAYS, Due, note_verified, verified_until
from storage.warehouse import warehouse
from storage.wholeness.mark import wal_of
from tests.backups import NOW, back_up_now, file_of, flip
from tests.homes import migrated_home

MODEL = """
INSERT INTO ops.anomaly_models SELECT 'h1', $now, $now, 1, 1, '[]', 'trees', 0, 1, '{}', 'h1.model', sha256('a model'), $now
"""
WRITE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from storage.home import Home
from storage.transaction import transaction
from storage.warehouse import warehouse
with warehouse(Home(Path(sys.argv[1]))) as con:
    for number in range(20):
        with transaction(con):
            con.execute("INSERT INTO ops.computations VALUES ('x', now(), NULL, ?, 0.1, now())", [number])
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def home(tmp_path, samples):
    """One with something of everything that is verified."""
    home = migrated_home(tmp_path / "home")
    land(home, "system_metrics", samples(20_000))
    with warehouse(home) as con:
        load_landing(con, home)
        home.models.mkdir()
        (home.models / "h1.model").write_bytes(b"a model")
        with transaction(con):
            change(con, "ops.anomaly_models", MODEL, {"now": NOW})
        publish(con, home)
    back_up_now(home)
    land(home, "system_metrics", samples(300, host="h2"))
    with closing(sqlite3.connect(home.prefect / "prefect.db")) as con:
        con.execute("CREATE TABLE flow_run (id TEXT PRIMARY KEY, name TEXT)")
        con.executemany("INSERT INTO flow_run VALUES (?, ?)", [(f"{number:08d}", "a name") for number in range(2_000)])
        con.commit()
    return home


def failed(home, *, deep=True):
    return {check.name: check.detail for check in verify_files(home, Limits(), NOW, deep=deep) if not check.is_ok}


def test_what_is_sound_is_said_to_be(home):
    assert failed(home) == {}
    assert [check for check in verify_keys(home, Limits(), NOW, deep=True) if not check.is_ok] == []
    with warehouse(home) as con:
        assert con.sql("SELECT count(*) > 20, bool_and(is_ok) FROM ops.checks").fetchall() == [(True, True)]


def places(home):
    """What is flipped, with the check that has to notice it: the files by their kind, so that each kind has its share."""
    manifest = manifests_in(home.backups)
    contents = sorted((home.backups / "content").rglob("*.parquet"))
    return {
        "blocks of the warehouse": [home.warehouse],
        "published file": [home.published],
        "landing files": sorted(home.landing.glob("*/*.parquet")),
        "journal": [
            path for path in sorted(home.journal.rglob("*")) if path.suffix in (".ndjson", ".parquet") and path.stat().st_size
        ],
        "models": sorted(home.models.iterdir()),
        "backups": [*manifest, *contents],
        "prefect.db": [home.prefect / "prefect.db"],
    }


def noticed(home, name, path, at):
    """The names of the checks that fail with one byte flipped, which is put right again."""
    before, beside = path.read_bytes(), beside_the_file(home)
    flip(path, at)
    try:
        return set(failed(home))
    finally:
        for moved in (home.backups / "content").rglob("*.damaged"):
            moved.rename(moved.with_suffix(""))
        path.write_bytes(before)
        if path == home.warehouse:
            for each in beside_the_file(home):
                each.unlink()
            for each, content in beside.items():
                each.write_bytes(content)


def beside_the_file(home):
    """What goes with the warehouse's file: its log, its mark, and what a checkpoint keeps."""
    return {each: each.read_bytes() for each in home.private.glob("warehouse.*") if each.suffix in (".wal", ".mark", ".torn")}


@pytest.mark.parametrize("flips", [24, pytest.param(1_000, marks=pytest.mark.campaign)])
def test_each_flipped_byte_is_noticed_or_is_nothing_that_is_read(home, flips):
    chance, kinds, unread = random.Random(flips), places(home), dict.fromkeys(places(home), 0)
    for number in range(flips):
        name = sorted(kinds)[number % len(kinds)]
        path = chance.choice(kinds[name])
        at = chance.randrange(path.stat().st_size)
        found = noticed(home, name, path, at)
        if found:
            assert found <= {name, "warehouse"}, (path, at)
        else:
            assert is_unread(home, name, path, at), (path, at)
            unread[name] += 1
    assert unread["landing files"] == unread["models"] == unread["backups"] == 0
    assert failed(home) == {}


def is_unread(home, name, path, at):
    """DuckDB files have blocks and parts of headers that hold nothing; SQLite has no checksums of what is in a row.

    A line of the journal is known without its break.
    """
    before = path.read_bytes()
    if name in ("prefect.db", "journal"):
        return name == "prefect.db" or before[at : at + 1] == b"\n"
    content = read_all(path)
    flip(path, at)
    try:
        return read_all(path) == content
    finally:
        path.write_bytes(before)


def read_all(path):
    """Every row of a DuckDB file, read from a copy."""
    copy = path.with_name("copy.duckdb")
    shutil.copyfile(path, copy)
    with duckdb.connect(str(copy), read_only=True) as con:
        names = con.sql("SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        found = {name: con.sql(f"SELECT count(*), sum(hash(each)) FROM {name} AS each").fetchall() for (name,) in names}
    copy.unlink()
    return found


def test_a_flipped_byte_of_the_log_is_noticed(home, python):
    with python(WRITE_AND_DIE, home.root) as process:
        assert process.wait(60) == -9
    wal, chance = wal_of(home.warehouse), random.Random(3)
    before, file = wal.read_bytes(), home.warehouse.read_bytes()
    mark = (home.private / "warehouse.mark").read_bytes()
    for _ in range(12):
        flip(wal, chance.randrange(len(before)))
        assert list(failed(home)) == ["warehouse"]
        wal.write_bytes(before)
        home.warehouse.write_bytes(file)
        (home.private / "warehouse.mark").write_bytes(mark)
    assert failed(home) == {}
    with warehouse(home) as con:
        assert con.sql("SELECT count(*) FROM ops.computations WHERE insight = 'x'").fetchall() == [(20,)]


def test_all_that_is_old_is_read_within_a_month(home):
    assert sorted(each for part in range(DAYS) for each in Due(part).share(1_001)) == list(range(1_001))
    names = [f"content/{number}" for number in range(500)]
    assert sorted(name for part in range(DAYS) for name in names if Due(part).has(name)) == sorted(names)


def test_each_day_has_the_next_part(home):
    with warehouse(home) as con:
        note_verified(con, "files", DAYS - 2, NOW)
    parts = []
    for _ in range(3):
        assert failed(home, deep=False) == {}
        with warehouse(home) as con:
            parts.append(verified_until(con, "files"))
    assert parts == [DAYS - 1, 0, 1]


def test_a_damaged_file_of_a_backup_is_set_aside_and_written_again(home):
    damaged = file_of(home, next(iter(manifests_in(home.backups).values())), "raw.system_metrics")
    flip(damaged, 100)
    assert "was damaged and is set aside" in failed(home)["backups"]
    assert "is missing" in failed(home)["backups"]
    back_up_now(home)
    assert failed(home) == {}


def test_keys_of_what_changed_are_compared_and_doubled_ones_stay_told(home):
    assert all(check.is_ok for check in verify_keys(home, Limits(), NOW))
    ours = {"unique key of ops.checks", "unique key of ops.verified"}
    later = {each.name for each in verify_keys(home, Limits(), NOW + timedelta(days=1))}
    assert later <= ours, "what did not change is not looked at"
    with warehouse(home) as con, transaction(con):
        change(con, "raw.system_metrics", "INSERT INTO raw.system_metrics FROM raw.system_metrics LIMIT 2")
    for days in (2, 3):
        checks = verify_keys(home, Limits(), NOW + timedelta(days=days))
        found = {check.name: check.detail for check in checks if not check.is_ok}
        assert found == {"unique key of raw.system_metrics": "2 duplicate keys"}
