"""`govpulse backup`, `verify` and `restore`, as an operator who has lost the disk goes through them."""

import json
import os
import shutil
from pathlib import Path

import pytest

from storage.home import Home
from tests.backups import flip
from tests.homes import migrated_home

SILENCE = ("alerts", "silence", "subject=web-2", "--reason", "new disk", "--author", "ann", "--for", "2h")


@pytest.fixture
def users(home: Path, govpulse):
    """Load users of these ids; what there is now is the answer."""
    migrated_home(home)

    def load(*ids: str) -> list[str]:
        if ids:
            path = home.parent / f"{ids[0]}.csv"
            rows = (f"{each},2026-03-01T00:00:00Z" for each in ids)
            path.write_text("\n".join(["user_id,updated_at", *rows]) + "\n")
            assert govpulse("load", "users", str(path)).code == 0
        found = govpulse("query", "--private", "SELECT user_id FROM raw.users ORDER BY ALL", "--format", "json")
        return [row["user_id"] for row in json.loads(found.out)]

    return load


@pytest.fixture
def disk(tmp_path: Path) -> str:
    (tmp_path / "other-disk").mkdir()
    return str(tmp_path / "other-disk")


def silences(govpulse) -> list[str]:
    return [each["author"] for each in json.loads(govpulse("alerts", "silences", "--json").out)]


def test_what_came_after_the_backup_comes_back_from_the_journal(govpulse, home: Path, users) -> None:
    users("u1")
    assert govpulse("backup").out.startswith("backup number 1, ")
    users("u2", "u3")
    govpulse(*SILENCE)
    Home(home).warehouse.unlink()
    assert "is missing, but" in govpulse("query", "--private", "SELECT 1").err
    dry = govpulse("restore", "--dry-run")
    assert "would restore backup 1" in dry.out
    assert "nothing was changed" in dry.out
    done = govpulse("restore")
    assert done.code == 0
    assert "restored backup 1" in done.out
    assert "and loaded 1 landing file again" in done.out
    assert "lost: " not in done.out
    assert users() == ["u1", "u2", "u3"]
    assert silences(govpulse) == ["ann"]


@pytest.mark.slow
def test_the_volume_is_gone_and_everything_comes_from_the_second_place(govpulse, home: Path, users, disk: str) -> None:
    users("u1")
    (home / "govpulse.toml").write_text("[collect]\ninterval_seconds = 30.0\n")
    govpulse("--config", str(home / "govpulse.toml"), "backup", "--to", disk)
    govpulse(*SILENCE)
    users("u2")
    assert govpulse("backup", "--to", disk).code == 0
    shutil.rmtree(home)
    del os.environ["GOVPULSE_CONFIG"]
    assert "there is no intact backup" in govpulse("restore").err
    done = govpulse("restore", "--from", disk)
    assert (done.code, done.err) == (0, "")
    assert f"restored {home / 'govpulse.toml'}" in done.out
    assert (home / "govpulse.toml").read_text() == "[collect]\ninterval_seconds = 30.0\n"
    assert users() == ["u1", "u2"]
    assert silences(govpulse) == ["ann"]
    assert govpulse("verify", "--deep").code == 0


@pytest.mark.slow
def test_backups_of_another_installation_are_not_mixed_in(govpulse, home: Path, users, disk: str, fails) -> None:
    users("u1")
    govpulse("backup", "--to", disk)
    shutil.rmtree(home)
    users("u9")
    assert "belongs to a different installation than the backups" in fails(1, "restore", "--from", disk)
    assert "holds backups of another installation" in govpulse("backup", "--to", disk).err
    assert users() == ["u9"]


@pytest.mark.slow
def test_going_back_leaves_out_what_people_did_later(govpulse, home: Path, users) -> None:
    users("u1")
    govpulse("backup")
    between = govpulse("query", "--private", "SELECT strftime(now(), '%Y-%m-%dT%H:%M:%S.%fZ') AS at", "--format", "json").out
    users("mistake")
    govpulse(*SILENCE)
    done = govpulse("restore", "--at", json.loads(between)[0]["at"])
    assert done.code == 0, done
    assert "left out, because it is later: 1 of raw.users" in done.out
    assert "left out, because it is later: 1 of alerts.silences" in done.out
    assert users() == ["u1"]
    assert silences(govpulse) == []


@pytest.mark.slow
def test_verify_says_what_is_damaged_and_the_next_backup_mends_it(govpulse, home: Path, users) -> None:
    users(*(f"u{number}" for number in range(200)))
    govpulse("backup")
    sound = govpulse("verify", "--deep")
    assert sound.code == 0
    assert "tables without duplicate keys" in sound.out
    (damaged,) = (home / "backups" / "content" / "raw.users").iterdir()
    flip(damaged, 300)
    found = govpulse("verify", "--deep")
    assert found.code == 1
    assert "problem" in found.out
    assert "was damaged and is set aside" in found.out.replace("\n", " ")
    govpulse("backup")
    assert govpulse("verify", "--deep").code == 0


def test_doctor_says_how_old_the_last_backup_is(govpulse, users) -> None:
    users("u1")
    assert "none yet" in govpulse("doctor").out
    govpulse("backup")
    assert "last verified at" in govpulse("doctor").out


def test_a_second_place_that_is_not_there_is_said_in_one_line(users, fails, home: Path) -> None:
    users("u1")
    said = fails(1, "restore", "--from", str(home.parent / "not-mounted"))
    assert "does not exist: mount its disk" in said
    assert "s3://bucket/prefix" in fails(1, "restore", "--from", "ftp://host/backups")
