"""`govpulse forget`: what it says, and that nothing of the person is left in the installation."""

import gzip
import hashlib
import io
import json
import os
import pickle
import re
import sqlite3
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from storage.backups.manifest import manifests_in
from storage.changes import change
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.lock import fair_lock
from storage.people.forgetting import forget_user
from storage.warehouse import warehouse
from storage.write import remove
from tasks.maintenance import back_up_warehouse
from tasks.sources.sample.database import advance_sample, write_sample
from tests.acts import AS_OF, act_rows
from tests.holders import holders
from tests.homes import migrated_home

ANN = "ann-8c41d2f7-person"


def with_acts(home: Path) -> Home:
    folder = Home(home) if home.exists() else migrated_home(home)
    land(folder, "activity", act_rows([{"user_id": ANN}, {"user_id": "bob"}]))
    return folder


def files_that_name(home: Path, text: str) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_nothing_of_the_person_is_left_not_even_what_was_still_to_be_loaded_nor_the_id_in_the_audit_log(
    govpulse, home: Path
) -> None:
    with_acts(home)
    (home / "private" / "spill").mkdir(parents=True)
    (home / "private" / "spill" / "of_one_that_was_killed.tmp").write_text(ANN)
    assert len(files_that_name(home, ANN)) == 2
    outcome = govpulse("forget", ANN)
    assert (outcome.code, outcome.out.splitlines()[0], outcome.err) == (0, "forgotten: 1 of raw.activity", "")
    assert files_that_name(home, ANN) == []
    assert govpulse(
        "query", "--private", "SELECT count(*) AS acts, max(user_id) FROM raw.activity", "--format", "csv"
    ).out.endswith("2,bob\n")
    logged = govpulse("query", "SELECT action, detail, actor <> '' AS by FROM ops.audit_log", "--format", "csv").out
    assert logged.splitlines()[1:] == ["forget,1 of raw.activity,true"]


def test_backups_from_before_are_replaced_by_a_new_one(govpulse, home: Path) -> None:
    folder = with_acts(home)
    with warehouse(folder) as con:
        load_landing(con, folder)
    back_up_warehouse.fn(str(home), limits=Limits(), keep=7)
    assert {path.parent.parent for path in files_that_name(home, ANN) if path != folder.warehouse} == {folder.backups / "content"}
    outcome = govpulse("forget", ANN)
    assert outcome.code == 0
    assert "; deleted 1 from before somebody was forgotten" in outcome.out
    assert files_that_name(home, ANN) == []
    (backup,) = manifests_in(folder.backups).values()
    assert sum(part.rows for part in backup.parts if part.table == "raw.activity") == 2


@pytest.mark.slow
def test_backups_that_cannot_be_replaced_stay_and_are_told_of(govpulse, home: Path) -> None:
    folder = with_acts(home)
    with warehouse(folder) as con:
        load_landing(con, folder)
    back_up_warehouse.fn(str(home), limits=Limits(), keep=7)
    with warehouse(folder) as con:
        change(con, "raw.activity", "INSERT INTO raw.activity SELECT * FROM raw.activity WHERE user_id = 'bob'")
    outcome = govpulse("forget", ANN)
    assert outcome.code == 1
    said = "govpulse: older backups and the journal may name the person, and no new backup could be made or copied"
    assert outcome.err == f"{said}: unique key of raw.activity: 1 duplicate keys; older backups stay\n"
    assert outcome.out.startswith("forgotten: 1 of raw.activity\n")
    with warehouse(folder) as con:
        remove(con, "raw.activity", "true")
    assert govpulse("forget", ANN).code == 0
    assert files_that_name(home, ANN) == []


@pytest.mark.slow
def test_somebody_unknown_is_left_out_from_now_on(govpulse, home: Path) -> None:
    assert govpulse("forget", ANN).out.startswith("nothing about this user was stored; later rows will be left out\n")
    with_acts(home)
    assert "1 of raw.activity" not in govpulse("forget", ANN).out
    assert files_that_name(home, ANN) == []


def damaged_parquet() -> bytes:
    """One in which the id is, and cannot be seen: it is packed, and the end is missing that says how."""
    content = io.BytesIO()
    users = [hashlib.sha256(f"{number}".encode()).hexdigest() for number in range(500)]
    pl.DataFrame({"user_id": [*users, ANN]}).write_parquet(content, compression="zstd", statistics=False)
    assert ANN.encode() not in content.getvalue()
    return content.getvalue()[:-40]


def test_files_that_nobody_could_read_go_where_they_name_them(govpulse, home: Path) -> None:
    folder = Home(home).landing / "activity"
    folder.mkdir(parents=True)
    (folder / "names.parquet").write_text(f"no parquet, but {ANN}")
    (folder / "other.parquet").write_text(f"no parquet, but x{ANN}")
    (folder / "packed.parquet").write_bytes(gzip.compress(ANN.encode()))
    (folder / "damaged.parquet").write_bytes(damaged_parquet())
    outcome = govpulse("forget", ANN)
    quarantine = Home(home).quarantine / "activity"
    assert (
        f"deleted, because they named the person: {quarantine / 'names.parquet'}, {quarantine / 'packed.parquet'}\n" in outcome.out
    )
    assert f"cannot be decoded and may name the person: {quarantine / 'damaged.parquet'}; delete by hand\n" in outcome.out
    assert {path.name for path in quarantine.iterdir()} == {"other.parquet", "damaged.parquet"}


def plant(home: Path) -> dict[str, Path]:
    """A home in which the person is everywhere that govpulse may leave anybody, and files that are to stay."""
    folder, ended = with_acts(home), subprocess.Popen(["true"])
    ended.wait()
    with warehouse(folder):
        pass
    table = pl.DataFrame({"key": [ANN, f"scan-{ANN}-1"], "updated_at": [AS_OF] * 2})
    places = {
        "quarantine": folder.quarantine / "users" / "x.csv",
        "keys of a killed reconciliation": folder.private / "listing-users.parquet",
        "a killed compaction": folder.private / "warehouse.compacting",
        "a model": folder.models / "0123.model",
        "spilled": folder.private / "spill" / "duckdb_temp_storage-0.tmp",
        "half landed": folder.landing / "users" / f".1-ab.{ended.pid}.tmp",
        "of no dataset": folder.landing / "guests" / "a.parquet",
        "half a backup": folder.backups / "warehouse-20260101T000000Z.tmp",
        "half published": home / ".govpulse.duckdb.1",
        "a result": folder.prefect / "storage" / "0123",
        "a log": folder.prefect / "logs" / "worker.log",
        "a log of before": folder.prefect / "logs" / "server.log.1",
        "plots": folder.plots / "plots.json",
        "a plot": folder.plots / f"forecast-{ANN}-laptop-01.png",
    }
    for path in places.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"a line of {ANN} and scan-{ANN}-1\n")
    table.write_parquet(places["keys of a killed reconciliation"], compression="zstd")
    places["a model"].write_bytes(pickle.dumps({"names": [f"host {ANN}"]}, protocol=5))
    places["a result"].write_text(json.dumps({"result": f"of {ANN}"}))
    places["of no dataset"].write_bytes(places["keys of a killed reconciliation"].read_bytes())
    (folder.plots / "other.png").write_bytes(b"PNG")
    with duckdb.connect(str(folder.backups / "warehouse-20260101T000000Z.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT ? AS a", [f"{ANN}" * 9])
    with closing(sqlite3.connect(folder.prefect / "prefect.db")) as con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("CREATE TABLE artifact (id TEXT, key TEXT, data JSON)")
        con.execute("INSERT INTO artifact VALUES ('1', 'a', ?), ('2', 'b', 'null')", [json.dumps([f"scan-{ANN}-1", ANN])])
        con.commit()
    scans = {"scan_id": [f"scan-{ANN}-1"], "data_source": "crm", "scan_type": "full", "status": "queued", "updated_at": AS_OF}
    land(folder, "scans", pl.DataFrame(scans | {"error_message": f"{ANN} may not"}))
    return places


@pytest.mark.slow
def test_nothing_of_the_home_names_them_any_more(govpulse, home: Path) -> None:
    places = plant(home)
    before = holders(home, ANN)
    named = {str(path.relative_to(home)) for path in places.values()}
    assert {place.partition(":")[0].removesuffix(" (its name)") for place in before} >= named
    assert {"backups/warehouse-20260101T000000Z.duckdb: main.t.a", "prefect/prefect.db: artifact.data"} <= before
    living = Home(home).landing / "users" / f".2-ab.{os.getpid()}.tmp"
    living.write_text(ANN)
    outcome = govpulse("forget", ANN, "--hash-ids")
    assert (outcome.code, outcome.err) == (0, ""), outcome
    assert holders(home, ANN) == {str(living.relative_to(home))}, "somebody is writing it, and it will be loaded"
    assert places["a log"].read_text().startswith("a line of ******")
    assert [path.name for path in Home(home).plots.iterdir()] == []
    ids = govpulse("query", "--private", "SELECT scan_id, error_message FROM raw.scans", "--format", "csv").out
    assert re.search(r"^scan-forgotten-[0-9a-f]{16}-1,\(forgotten\) may not$", ids, re.MULTILINE)
    again = govpulse("forget", ANN)
    assert (again.code, again.out.splitlines()[0]) == (0, "nothing about this user was stored; later rows will be left out")
    assert "--hash-ids" not in again.out


@pytest.mark.slow
def test_longer_ids_are_listed_last_with_the_command_that_hashes_them(govpulse, home: Path) -> None:
    plant(home)
    outcome = govpulse("forget", ANN)
    assert outcome.code == 0
    *_, head, prefect, scans, command = outcome.out.splitlines()
    assert head == "longer ids that contain this id stay:"
    assert sorted([prefect, scans]) == [
        f"  prefect.db artifact.data  1 row: scan-{ANN}-1",
        f"  raw.scans.scan_id  1 row: scan-{ANN}-1",
    ]
    assert command == f"to replace it by a hash there, for good: govpulse forget {ANN} --hash-ids"
    assert {place.partition(":")[0] for place in holders(home, ANN)} <= {
        "private/warehouse.duckdb", "govpulse.duckdb", "prefect/prefect.db", *backups(home),
    }  # fmt: skip


def backups(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in (home / "backups").rglob("*") if path.is_file()}


@pytest.mark.slow
def test_folders_of_ours_go_on_under_their_names(govpulse, home: Path) -> None:
    """Where the person runs govpulse, in a home of theirs: deployments would not find it any more."""
    root = home.parent / "ann.lee" / "data"
    os.environ["GOVPULSE_HOME"] = str(root)
    database = root / "prefect" / "prefect.db"
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as con:
        con.execute("CREATE TABLE deployment (path TEXT)")
        con.executemany("INSERT INTO deployment VALUES (?)", [(f"{root}/x",), ("/srv/ann.lee/x",)])
        con.commit()
    assert govpulse("forget", "ann.lee").code == 0
    with closing(sqlite3.connect(database)) as con:
        assert con.execute("SELECT path FROM deployment").fetchall() == [(f"{root}/x",), ("/srv/(forgotten)/x",)]


def test_a_file_that_is_not_ours_is_named(govpulse, home: Path) -> None:
    home.mkdir()
    (home / "notes.txt").write_text(f"ask {ANN}")
    outcome = govpulse("forget", ANN)
    assert outcome.code == 1
    assert (
        outcome.err
        == f"govpulse: {home / 'notes.txt'} names the person and is not govpulse's: delete it, or remove the person by hand\n"
    )
    assert (home / "notes.txt").read_text() == f"ask {ANN}"


@pytest.mark.slow
def test_a_damaged_database_of_prefects_is_deleted_and_the_rest_is_done(govpulse, home: Path) -> None:
    with_acts(home)
    database = Home(home).prefect / "prefect.db"
    database.parent.mkdir(exist_ok=True)
    database.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    outcome = govpulse("forget", ANN)
    assert outcome.code == 0
    assert "Prefect: 1 damaged databases, which cannot be searched, were deleted\n" in outcome.out
    assert not database.exists()
    assert files_that_name(home, ANN) == []


@pytest.mark.slow
def test_the_sample_is_emptied_and_comes_back_as_it_was(govpulse, home: Path) -> None:
    sample, until = Home(home).sample, AS_OF + timedelta(hours=1)
    write_sample(sample, until=AS_OF, days=14, scale=0.02)
    advance_sample(sample, until=until)
    rows = sample_rows(sample)
    assert {place.partition(": ")[0] for place in holders(home, "u-1001")} == {"sample/governance.sqlite"}
    assert "the sample was emptied" in govpulse("forget", "u-1001").out
    assert holders(home, "u-1001") == set()
    advance_sample(sample, until=until)
    assert sample_rows(sample) == rows
    assert "the sample was emptied" not in govpulse("forget", "u-9999").out


def sample_rows(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as con:
        tables = con.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {name: sorted(con.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for (name,) in tables}


@pytest.mark.slow
def test_other_capitals_and_longer_ids_are_other_people_and_told_of(govpulse, home: Path) -> None:
    land(
        migrated_home(home),
        "activity",
        act_rows([{"user_id": user} for user in ("ann.lee", "Ann.Lee", "ann.lee-2", "x\x1b[2J-ann.lee")]),
    )
    outcome = govpulse("forget", "ann.lee").out
    assert "Ann.Lee: other ids, differing only in capital letters" in outcome
    assert "ann.lee-2, x\\x1b[2J-ann.lee: ids of other people that contain this id; they stay" in outcome


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("production", marks=pytest.mark.slow),
        *(pytest.param(each, marks=pytest.mark.campaign) for each in ("failed", "7", "a")),
    ],
)
def test_what_cannot_be_told_is_said(govpulse, home: Path, user: str) -> None:
    land(migrated_home(home), "activity", act_rows([{"user_id": user}, {"user_id": "bob", "domain": user}]))
    (home / "quarantine" / "users").mkdir(parents=True)
    (home / "quarantine" / "users" / "x.csv").write_text(user)
    outcome = govpulse("forget", user, "--hash-ids")
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == "forgotten: 1 of raw.activity"
    assert "could also be a number, a word or the name of something" in outcome.out
    assert "1 unreadable file in" in outcome.out
    domains = govpulse("query", "--private", "SELECT DISTINCT domain FROM raw.activity ORDER BY 1", "--format", "csv").out
    assert user in domains.split()


@pytest.mark.slow
def test_run_again_it_finishes_what_was_broken_off(govpulse, home: Path) -> None:
    folder = with_acts(home)
    with warehouse(folder) as con:
        load_landing(con, folder)
    with warehouse(folder) as con:
        forget_user(con, ANN, "root", AS_OF)
    assert folder.warehouse in files_that_name(home, ANN), "deleted, but not gone"
    for _ in range(2):
        outcome = govpulse("forget", ANN)
        assert outcome.code == 0
        assert outcome.out.startswith("nothing about this user was stored; later rows will be left out\n")
        assert files_that_name(home, ANN) == []


@pytest.mark.slow
def test_it_waits_for_who_computes_insights_of_what_was_read_before(govpulse, fails, home: Path) -> None:
    folder = with_acts(home)
    os.environ["GOVPULSE_WAREHOUSE__LOCK_TIMEOUT_SECONDS"] = "0.1"
    with fair_lock(folder.private / "insights.lock", 1.0):
        assert "insights.lock stayed busy" in fails(1, "forget", ANN)
    assert "1 of raw.activity" in govpulse("forget", ANN).out


@pytest.mark.slow
def test_a_backup_that_is_not_sound_drops_no_other(govpulse, home: Path) -> None:
    folder = with_acts(home)
    with warehouse(folder) as con:
        load_landing(con, folder)
    back_up_warehouse.fn(str(home), limits=Limits(), keep=7)
    govpulse("forget", ANN)
    with warehouse(folder) as con:
        change(con, "raw.activity", "INSERT INTO raw.activity FROM raw.activity")
    with pytest.raises(GovpulseError, match=r"unique key of raw.activity"):
        back_up_warehouse.fn(str(home), limits=Limits(), keep=7)
    assert len(manifests_in(folder.backups)) == 2


@pytest.mark.parametrize("user", ["", "  ", "system"])
def test_who_is_nobody_is_refused(fails, user: str) -> None:
    assert fails(2, "forget", user) == "govpulse: give the person's id on the platform\n"
