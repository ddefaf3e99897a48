"""Ids that are mail addresses, by the command line: hashed, refused, kept, and forgotten."""

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.people.pseudonyms import pseudonym
from storage.warehouse import warehouse
from tasks.maintenance import renew_backup
from tasks.sources.files import land_file
from tests.backups import restore_now
from tests.homes import migrated_home

ANN = "ann.lee@x.org"
USERS = "SELECT user_id FROM raw.users ORDER BY ALL"


def users_csv(folder: Path, *ids: str) -> str:
    path = folder / "users.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["user_id", "role", "updated_at"], *([user, "x", "2026-03-01T00:00:00Z"] for user in ids)])
    return str(path)


def named(home: Path, text: str = "x.org") -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def beside_the_journal(home: Path, text: str = "x.org") -> list[Path]:
    """The same without the landing files that are kept until all backups have their rows."""
    return [path for path in named(home, text) if not path.is_relative_to(Home(home).journal)]


@pytest.fixture(autouse=True)
def migrated(home: Path) -> None:
    migrated_home(home)


@pytest.fixture
def users(govpulse) -> Callable[[], list[str]]:
    return lambda: govpulse("query", "--private", USERS, "--format", "csv").out.splitlines()[1:]


def stands_for(home: Path, address: str) -> str:
    return pseudonym(address, bytes.fromhex(Home(home).person_secret.read_text()))


def test_by_default_they_are_hashed_and_in_no_byte_of_the_home(govpulse, home: Path, users) -> None:
    assert govpulse("load", "users", users_csv(home.parent, ANN, "eve")).code == 0
    assert users() == ["eve", stands_for(home, ANN)]
    assert named(home) == []


def test_refused_they_say_why(govpulse, home: Path, users) -> None:
    os.environ["GOVPULSE_PEOPLE__ADDRESSES"] = "refuse"
    assert "1 rejected" in govpulse("load", "users", users_csv(home.parent, ANN, "eve")).out
    assert users() == ["eve"]
    reasons = govpulse("query", "--private", "SELECT reason FROM ops.rejected_rows", "--format", "csv").out.splitlines()[1:]
    assert reasons == ['"user_id is a mail address, which [people] addresses refuses"']
    assert named(home) == []
    assert not Home(home).person_secret.exists()


def test_kept_they_stay_until_they_are_to_be_hashed(govpulse, home: Path, users) -> None:
    os.environ["GOVPULSE_PEOPLE__ADDRESSES"] = "keep"
    govpulse("load", "users", users_csv(home.parent, ANN))
    assert users() == [ANN]
    del os.environ["GOVPULSE_PEOPLE__ADDRESSES"]
    govpulse("load", "users", users_csv(home.parent, "eve"))
    assert users() == ["eve", stands_for(home, ANN)]
    assert beside_the_journal(home) == []
    renew_backup(Home(home), Limits(), 1)
    assert named(home) == [], "the journal has them until all backups have its rows"


def test_a_lost_secret_is_one_line(govpulse, home: Path, fails, users) -> None:
    govpulse("load", "users", users_csv(home.parent, ANN))
    before, secret = users(), Home(home).person_secret
    kept = secret.read_text()
    secret.unlink()
    said = fails(1, "load", "users", users_csv(home.parent, ANN))
    why = f"this warehouse's secret is lost, and people would get other ids: restore {secret} from a backup"
    assert said == f"govpulse: {why}\n"
    secret.write_text(kept)
    assert govpulse("load", "users", users_csv(home.parent, ANN)).code == 0
    assert users() == before


def test_another_setting_is_refused(fails) -> None:
    os.environ["GOVPULSE_PEOPLE__ADDRESSES"] = "hide"
    assert "wrong setting people.addresses" in fails(2, "load", "--rejected")


def scans_csv(folder: Path, user: str, number: int = 1) -> str:
    path = folder / "scans.csv"
    rows = [
        ["scan_id", "data_source", "scan_type", "status", "triggered_by", "error_message", "updated_at"],
        [f"s{number}", "crm", "full", "failed", user, f"{ANN} may not read", "2026-03-01T00:00:00Z"],
    ]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def scan(govpulse: Any) -> list[str]:
    said = govpulse("query", "--private", "SELECT triggered_by, error_message FROM raw.scans ORDER BY scan_id", "--format", "csv")
    return said.out.splitlines()[1:]


@pytest.mark.parametrize(
    "typed", [pytest.param(ANN, marks=pytest.mark.slow), pytest.param(ANN.upper(), marks=pytest.mark.campaign)]
)
def test_forgetting_an_address_forgets_what_stands_for_it(govpulse, home: Path, users, typed: str) -> None:
    govpulse("load", "users", users_csv(home.parent, ANN, "bob@x.org"))
    govpulse("load", "scans", scans_csv(home.parent, ANN))
    stands = stands_for(home, ANN)
    assert scan(govpulse) == [f"{stands},{ANN} may not read"]
    outcome = govpulse("forget", typed)
    assert outcome.code == 0, outcome
    assert users() == [stands_for(home, "bob@x.org")]
    assert named(home, stands) == []
    if typed == ANN:
        assert scan(govpulse) == [",(forgotten) may not read"]
        assert named(home) == []
    govpulse("load", "users", users_csv(home.parent, ANN, f" {ANN} "))
    govpulse("load", "scans", scans_csv(home.parent, ANN.title(), 2))
    assert users() == [stands_for(home, "bob@x.org")], "they do not come in again, however they are written"
    assert scan(govpulse)[1].startswith(",")
    assert beside_the_journal(home, stands) == []
    renew_backup(Home(home), Limits(), 1)
    assert named(home, stands) == []


@pytest.mark.slow
def test_forgetting_what_stands_for_somebody(govpulse, home: Path, users) -> None:
    govpulse("load", "users", users_csv(home.parent, ANN, "eve"))
    assert govpulse("forget", stands_for(home, ANN)).code == 0
    govpulse("load", "users", users_csv(home.parent, ANN, "eve"))
    assert users() == ["eve"]


@pytest.mark.slow
def test_forgetting_somebody_who_was_stored_under_the_address(govpulse, home: Path, users) -> None:
    """The first command after the upgrade may be this one."""
    os.environ["GOVPULSE_PEOPLE__ADDRESSES"] = "keep"
    govpulse("load", "users", users_csv(home.parent, ANN, "eve"))
    del os.environ["GOVPULSE_PEOPLE__ADDRESSES"]
    assert govpulse("forget", ANN).out.startswith("forgotten: 1 of raw.users")
    assert users() == ["eve"]
    assert named(home) == []


@pytest.mark.parametrize("rule", ["refuse", pytest.param("keep", marks=pytest.mark.slow)])
def test_forgetting_works_under_every_setting(govpulse, home: Path, users, rule: str) -> None:
    govpulse("load", "users", users_csv(home.parent, ANN, "eve"))
    os.environ["GOVPULSE_PEOPLE__ADDRESSES"] = rule
    assert govpulse("forget", ANN).code == 0
    assert users() == ["eve"]


@pytest.mark.slow
def test_a_restored_backup_goes_on_with_its_secret(govpulse, home: Path, users) -> None:
    govpulse("load", "users", users_csv(home.parent, ANN))
    before, folder = users(), Home(home)
    govpulse("forget", "nobody")
    renew_backup(folder, Limits(), 7)
    shutil.rmtree(folder.private)
    folder.create()
    restore_now(folder)
    govpulse("load", "users", users_csv(home.parent, ANN))
    assert users() == before


def test_what_an_older_govpulse_landed_is_hashed_once_it_is_loaded(govpulse, home: Path, users) -> None:
    govpulse("load", "users", users_csv(home.parent, "eve"))
    land_file(Home(home), "users", Path(users_csv(home.parent, ANN)))
    with warehouse(Home(home)) as con:
        load_landing(con, Home(home))
    govpulse("load", "users", users_csv(home.parent, "eve"))
    assert users() == ["eve", stands_for(home, ANN)]
    assert beside_the_journal(home) == []
