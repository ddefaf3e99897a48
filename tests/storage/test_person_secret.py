"""The secret of people: made once, for its owner alone, brought back by a restore, and missed when it is gone."""

import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.errors import GovpulseError
from storage.home import Home
from storage.people.person_secret import find_pseudonyms
from storage.people.pseudonyms import Addresses, Pseudonyms
from storage.warehouse import warehouse
from tests.backups import back_up_now, lose_journal, restore_now
from tests.homes import migrated_home

NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return migrated_home(tmp_path / "home")


def found(home: Home, rule: Addresses = "hash") -> Pseudonyms:
    with warehouse(home) as con:
        return find_pseudonyms(con, home, rule, NOW)


def backed_up(home: Home, at: datetime = NOW) -> Path:
    return back_up_now(home, at).path


def test_it_is_made_once_for_its_owner_alone(home: Home) -> None:
    first = found(home)
    assert first.secret is not None
    assert len(first.secret) == 32
    assert found(home) == first
    assert stat.S_IMODE(home.person_secret.stat().st_mode) == 0o600
    assert [path.name for path in home.private.glob("*person*")] == ["person-secret"]
    assert found(migrated_home(home.root.parent / "other")).secret != first.secret


@pytest.mark.parametrize("rule", ["keep", "refuse"])
def test_without_hashing_none_is_made(home: Home, rule: Addresses) -> None:
    assert found(home, rule) == Pseudonyms(rule)
    assert not home.person_secret.exists()


def test_one_that_is_there_serves_a_new_warehouse(home: Home) -> None:
    first = found(home)
    home.warehouse.unlink()
    lose_journal(home)
    assert found(home) == first


def test_a_lost_one_ends_the_run_instead_of_making_others_of_people(home: Home) -> None:
    found(home)
    home.person_secret.unlink()
    with pytest.raises(GovpulseError, match=r"this warehouse's secret is lost, .*: restore .*/private/person-secret from a backup"):
        found(home)
    assert not home.person_secret.exists()
    assert found(home, "keep") == Pseudonyms("keep"), "who lost it for good can go on"


def test_another_one_ends_the_run(home: Home) -> None:
    found(home)
    home.person_secret.write_text("ab" * 32)
    with pytest.raises(GovpulseError, match="private/person-secret is not this warehouse's secret"):
        found(home)


@pytest.mark.parametrize("content", [b"", b"ab", b"no hex", b"\xff" * 32])
def test_a_damaged_one_is_named(home: Home, content: bytes) -> None:
    found(home)
    home.person_secret.write_bytes(content)
    with pytest.raises(GovpulseError, match=r"cannot read the secret in .*person-secret: it is not a secret"):
        found(home)


def test_a_restore_brings_it_back(home: Home) -> None:
    first, backup = found(home), backed_up(home)
    assert backup.exists()
    shutil.rmtree(home.private)
    restore_now(home)
    assert found(home) == first
    assert home.person_secret.read_bytes() == home.kept_person_secret.read_bytes()
    assert stat.S_IMODE(home.kept_person_secret.stat().st_mode) == 0o600


def test_backups_of_an_older_secret_keep_theirs(home: Home) -> None:
    found(home)
    home.kept_person_secret.write_text("ab" * 32)
    with pytest.raises(GovpulseError, match="backups/person-secret belongs to another warehouse"):
        backed_up(home)
    assert home.kept_person_secret.read_text() == "ab" * 32


def test_that_of_the_backups_serves_a_home_that_was_restored(home: Home) -> None:
    first = found(home)
    backed_up(home)
    shutil.rmtree(home.private)
    restore_now(home)
    assert found(home) == first, "backups go by it"


def test_without_one_backups_are_as_they_were(home: Home) -> None:
    backup = backed_up(home)
    assert {path.name for path in home.backups.iterdir()} == {backup.name, "content", "installation"}
