"""`govpulse forget`: what it says, and that nothing of the person is left in the installation."""

import os
from pathlib import Path

import pytest

from storage.errors import GovpulseError
from storage.forgetting import forget_user
from storage.home import Home
from storage.landing import land
from storage.loading import load_landing
from storage.lock import fair_lock
from storage.warehouse import Limits, warehouse
from tasks.maintenance import back_up_and_verify
from tests.acts import AS_OF, act_rows

ANN = "ann-8c41d2f7-person"


def with_acts(home: Path) -> Home:
    folder = Home(home)
    land(folder, "activity", act_rows([{"user_id": ANN}, {"user_id": "bob"}]))
    return folder


def files_that_name(home: Path, text: str) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_nothing_of_the_person_is_left_not_even_what_was_still_to_be_loaded(govpulse, home: Path) -> None:
    with_acts(home)
    (home / "private" / "spill").mkdir(parents=True)
    (home / "private" / "spill" / "of_one_that_was_killed.tmp").write_text(ANN)
    assert len(files_that_name(home, ANN)) == 2
    outcome = govpulse("forget", ANN)
    assert (outcome.code, outcome.out, outcome.err) == (0, "forgotten: 1 of raw.activity\n", "")
    assert files_that_name(home, ANN) == []
    assert govpulse(
        "query", "--private", "SELECT count(*) AS acts, max(user_id) FROM raw.activity", "--format", "csv"
    ).out.endswith("2,bob\n")


def test_backups_are_told_of_until_the_next_one(govpulse, home: Path) -> None:
    folder = with_acts(home)
    with warehouse(folder) as con:
        load_landing(con, folder)
    back_up_and_verify.fn(str(home), limits=Limits(), keep=7, as_of=AS_OF)
    outcome = govpulse("forget", ANN)
    assert "1 backup made before may hold them until the next is made" in outcome.out
    assert [path.parent for path in files_that_name(home, ANN)] == [folder.backups]
    said = str(back_up_and_verify.fn(str(home), limits=Limits(), keep=7, as_of=AS_OF.replace(hour=5)))
    assert said.endswith("dropped 1 from before somebody was forgotten")
    assert [path.name for path in folder.backups.iterdir()] == ["warehouse-20260701T050000Z.duckdb"]
    assert files_that_name(home, ANN) == []


def test_somebody_unknown_is_left_out_from_now_on(govpulse, home: Path) -> None:
    assert govpulse("forget", ANN).out == "nothing of this user was here; what comes later will be left out\n"
    with_acts(home)
    assert "1 of raw.activity" not in govpulse("forget", ANN).out
    assert files_that_name(home, ANN) == []


def test_files_that_nobody_could_read_are_told_of(govpulse, home: Path) -> None:
    broken = Home(home).landing / "activity" / "broken.parquet"
    broken.parent.mkdir(parents=True)
    broken.write_text(f"no parquet, but {ANN}")
    assert "1 unreadable file in" in govpulse("forget", ANN).out


def test_run_again_it_finishes_what_was_broken_off(govpulse, home: Path) -> None:
    folder = with_acts(home)
    with warehouse(folder) as con:
        load_landing(con, folder)
    with warehouse(folder) as con:
        forget_user(con, ANN, "root", AS_OF)
    assert folder.warehouse in files_that_name(home, ANN), "deleted, but not gone"
    for _ in range(2):
        outcome = govpulse("forget", ANN)
        assert (outcome.code, outcome.out) == (0, "nothing of this user was here; what comes later will be left out\n")
        assert files_that_name(home, ANN) == []


def test_it_waits_for_who_computes_insights_of_what_was_read_before(govpulse, fails, home: Path) -> None:
    folder = with_acts(home)
    os.environ["GOVPULSE_WAREHOUSE__LOCK_TIMEOUT_SECONDS"] = "0.1"
    with fair_lock(folder.private / "insights.lock", 1.0):
        assert "insights.lock stayed busy" in fails(1, "forget", ANN)
    assert "1 of raw.activity" in govpulse("forget", ANN).out


def test_a_backup_that_is_not_sound_drops_no_other(govpulse, home: Path) -> None:
    folder = with_acts(home)
    with warehouse(folder) as con:
        load_landing(con, folder)
    back_up_and_verify.fn(str(home), limits=Limits(), keep=7, as_of=AS_OF)
    govpulse("forget", ANN)
    with warehouse(folder) as con:
        con.execute("INSERT INTO raw.activity FROM raw.activity")
    with pytest.raises(GovpulseError, match=r"unique key of raw.activity"):
        back_up_and_verify.fn(str(home), limits=Limits(), keep=7, as_of=AS_OF.replace(hour=5))
    assert len(list(folder.backups.iterdir())) == 2


def test_the_id_is_in_no_line_of_the_audit_log(govpulse, home: Path) -> None:
    with_acts(home)
    govpulse("forget", ANN)
    logged = govpulse("query", "SELECT action, detail, actor <> '' AS by FROM ops.audit_log", "--format", "csv").out
    assert logged.splitlines()[1:] == ["forget,1 of raw.activity,true"]


@pytest.mark.parametrize("user", ["", "  ", "system"])
def test_who_is_nobody_is_refused(fails, user: str) -> None:
    assert fails(2, "forget", user) == "govpulse: give the platform's id of a person\n"
