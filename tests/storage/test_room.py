"""The reserve is there when there is room, gives way once when there is none, and a full disk is known by whoever reports it."""

import errno
import os
import sqlite3
from collections import namedtuple
from pathlib import Path

import duckdb
import pytest

from storage import room
from storage.errors import GovpulseError
from storage.home import Home
from storage.maintenance import compact
from storage.room import (
    RESERVE_BYTES,
    NoRoomError,
    error_of_disk,
    give_up_reserve,
    in_units,
    is_about_room,
    is_short,
    mind_the_disk,
    mount_point,
    remedy,
    require_room,
    with_reserve,
)
from storage.warehouse import warehouse

Usage = namedtuple("Usage", "total used free")
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/some/file")


@pytest.fixture
def made(home: Home) -> Home:
    home.create()
    return home


def set_free(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: Usage(20_000_000_000, 20_000_000_000 - free, int(free)))


@pytest.mark.parametrize(
    "error",
    [
        FULL,
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        sqlite3.OperationalError("database or disk is full"),
        duckdb.IOException('IO Error: Could not write file "x": No space left on device'),
        GovpulseError("cannot land runs in /x: No space left on device (os error 28)"),
    ],
)
def test_full_disk_is_known(error: Exception) -> None:
    assert is_about_room(error)
    wrapped = RuntimeError("step failed")
    wrapped.__cause__ = error
    assert is_about_room(wrapped)
    said = str(error_of_disk(error, Path.cwd()))
    assert "free space on " in said
    assert "\n" not in said


def test_another_failure_is_not(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "Permission denied")
    assert not is_about_room(error)
    assert error_of_disk(error, tmp_path) is error


def test_reserve_is_made_where_there_is_room_and_really_allocated(made: Home) -> None:
    mind_the_disk(made)
    status = made.reserve.stat()
    assert (status.st_size, status.st_mode & 0o777) == (RESERVE_BYTES, 0o600)
    assert status.st_blocks * 512 >= RESERVE_BYTES
    assert [path.name for path in made.private.iterdir()] == ["reserve"]


def test_reserve_is_not_what_fills_the_disk(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    set_free(monkeypatch, 2 * RESERVE_BYTES)
    mind_the_disk(made)
    assert not made.reserve.exists()


def test_reserve_is_given_up_when_the_disk_is_full_and_made_again(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    mind_the_disk(made)
    with monkeypatch.context() as patch:
        set_free(patch, 0)
        mind_the_disk(made)
        assert not made.reserve.exists()
        assert is_short(made)
    mind_the_disk(made)
    assert made.reserve.exists()
    assert not is_short(made)


def test_step_is_tried_once_more_without_the_reserve(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    mind_the_disk(made)
    tries: list[bool] = []

    def step() -> str:
        tries.append(made.reserve.exists())
        if made.reserve.exists():
            raise FULL
        return "done"

    assert with_reserve(made, step) == "done"
    assert tries == [True, False]


def test_step_fails_where_there_is_no_reserve_left(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    set_free(monkeypatch, 0)
    tries: list[int] = []

    def step() -> None:
        tries.append(1)
        raise FULL

    with pytest.raises(OSError, match="No space"):
        with_reserve(made, step)
    assert tries == [1]


def test_reserve_that_another_has_just_given_up_counts(made: Home) -> None:
    assert give_up_reserve(made)  # there is none, and room


def test_too_little_room_is_said_with_the_disk_and_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_free(monkeypatch, 3_000_000)
    require_room(tmp_path / "not" / "there", 2_000_000)
    with pytest.raises(NoRoomError) as refused:
        require_room(tmp_path / "not" / "there", 5_000_000_000, "the compaction")
    disk = mount_point(tmp_path)
    assert str(refused.value) == (
        f"the compaction needs 5.0 GB: free space on {disk} (3 MB of 20.0 GB free), which holds {tmp_path}"
    )


def test_disk_is_named_by_its_mount_point() -> None:
    assert mount_point(Path("/")) == Path("/")
    assert remedy(Path("/")).startswith("free space on / (")
    assert [in_units(count) for count in (0, 999, 64 * 2**20, 20e9)] == ["0 B", "999 B", "67 MB", "20.0 GB"]


def test_compaction_without_room_begins_nothing_and_leaves_nothing(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with warehouse(made) as con:
        monkeypatch.setattr(room.shutil, "disk_usage", lambda _: Usage(1000, 1000, 0))
        con.execute("CHECKPOINT")
        with pytest.raises(NoRoomError, match="the compaction needs"):
            compact(con, made)
    assert not list(made.private.glob("warehouse.compacting*"))


def test_compaction_that_fails_leaves_nothing(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with warehouse(made) as con:
        monkeypatch.setattr("storage.maintenance.os.replace", lambda *_: (_ for _ in ()).throw(FULL))
        with pytest.raises(OSError, match="No space"):
            compact(con, made)
    assert not list(made.private.glob("warehouse.compacting*"))
