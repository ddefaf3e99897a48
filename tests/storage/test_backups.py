"""A backup is proven before it counts, and its number, not a clock, says which is the newer."""

import random
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from storage.backups import back_up, backups, damage_in, made_at, rotate
from storage.duckdb_file.blocks import damage_of
from storage.errors import GovpulseError
from storage.home import Home
from storage.landing import land
from storage.loading import load_landing
from storage.restore import restore
from storage.warehouse import turn, warehouse
from storage.warehouse_mark import forget_mark, wal_of
from tests.homes import migrated_home

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BLOCKS_AT, BLOCK = 12_288, 262_144


@pytest.fixture
def home(tmp_path, samples):
    home = migrated_home(tmp_path / "home")
    add(home, samples(60_000))
    return home


def add(home, frame):
    land(home, "system_metrics", frame)
    with warehouse(home) as con:
        load_landing(con, home)


def back_up_now(home, at=NOW):
    with warehouse(home) as con:
        return back_up(con, home, at)


def rows(home):
    with warehouse(home) as con:
        return con.sql("SELECT host, count(*) FROM raw.system_metrics GROUP BY host ORDER BY host").fetchall()


def flip(path, at):
    with path.open("rb+") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 64]))


def test_those_of_an_older_govpulse_come_first_whatever_their_names_say(home):
    made = back_up_now(home)
    ahead = [home.backups / f"warehouse-2099010{day}T000000Z.duckdb" for day in range(1, 4)]
    for path in ahead:
        shutil.copy(made, path)
    second = back_up_now(home, NOW - timedelta(days=400))
    assert backups(home) == [*ahead, made, second]
    assert rotate(home, 2) == ahead
    assert made_at(second) == NOW - timedelta(days=400)


def test_any_flipped_byte_of_a_backup_is_noticed_where_anything_is(home):
    backup, chance = back_up_now(home), random.Random(7)
    content = backup.read_bytes()
    assert damage_in(backup) == ""
    for _ in range(60):
        at = BLOCKS_AT + chance.randrange(len(content) - BLOCKS_AT)
        flip(backup, at)
        assert damage_in(backup) or damage_of(backup).unused == ((at - BLOCKS_AT) // BLOCK,)
        flip(backup, at)
    assert backup.read_bytes() == content


def test_a_damaged_warehouse_makes_no_backup_and_the_older_ones_stay(home):
    first, content, noticed = back_up_now(home), home.warehouse.read_bytes(), 0
    for at in range(BLOCKS_AT + BLOCK // 2, len(content), BLOCK):
        flip(home.warehouse, at)
        if damage_in(home.warehouse):
            noticed += 1
            with pytest.raises(GovpulseError, match="damaged"):
                back_up_now(home)
        home.warehouse.write_bytes(content)
        forget_mark(home.warehouse)
    assert noticed > 3
    assert backups(home) == [first]
    assert list(home.backups.glob("*.tmp")) == []


def test_a_restore_puts_the_newest_sound_one_back_and_says_what_is_lost(home, samples):
    first, second = back_up_now(home), back_up_now(home, NOW + timedelta(days=1))
    add(home, samples(100, host="h2"))
    flip(second, BLOCKS_AT + 5 * BLOCK // 2)
    with turn(home):
        done = restore(home, NOW + timedelta(days=2))
    assert done.backup == first
    assert second.name in done.damaged[0]
    lost = {each.table: each.lost for each in done.differences if each.lost}
    assert lost == {"raw.system_metrics": 100, "ops.loads": 1}
    assert rows(home) == [("h1", 60_000)]
    assert done.set_aside is not None
    assert (done.set_aside / home.warehouse.name).exists()


def test_a_dry_run_changes_nothing(home, samples):
    back_up_now(home)
    add(home, samples(100, host="h2"))
    before = home.warehouse.read_bytes()
    with turn(home):
        done = restore(home, NOW, keeps=False)
    assert done.set_aside is None
    assert home.warehouse.read_bytes() == before
    assert rows(home) == [("h1", 60_000), ("h2", 100)]


def test_at_chooses_the_newest_until_then(home):
    first = back_up_now(home)
    back_up_now(home, NOW + timedelta(days=2))
    with turn(home):
        assert restore(home, NOW, at=NOW + timedelta(days=1), keeps=False).backup == first
        with pytest.raises(GovpulseError, match="no sound backup"):
            restore(home, NOW, at=NOW - timedelta(days=1))


@pytest.mark.parametrize("kind", ["missing", "garbage", "old log"])
def test_whatever_lies_there_is_set_aside_and_changes_nothing_of_what_is_put_back(home, samples, kind):
    back_up_now(home)
    add(home, samples(100, host="h2"))
    if kind == "missing":
        home.warehouse.unlink()
    elif kind == "garbage":
        home.warehouse.write_bytes(b"garbage" * 9_000)
    else:
        wal_of(home.warehouse).write_bytes(b"a log of somebody else's")
    with pytest.raises(GovpulseError):
        rows(home)
    with turn(home):
        restore(home, NOW)
    assert rows(home) == [("h1", 60_000)]
    assert not wal_of(home.warehouse).exists()


def test_a_warehouse_that_is_missing_is_no_new_one(home):
    assert Home(home.root / "another").has_warehouse() is False
    back_up_now(home)
    home.warehouse.unlink()
    with pytest.raises(GovpulseError, match=r"is missing, though there is .*govpulse restore"):
        rows(home)
    assert not home.warehouse.exists()


def test_a_restore_that_is_killed_can_be_done_again(home, monkeypatch):
    back_up_now(home)

    def killed(*_):
        raise KeyboardInterrupt

    with turn(home):
        with monkeypatch.context() as broken:
            broken.setattr("storage.restore.forget_mark", killed)
            with pytest.raises(KeyboardInterrupt):
                restore(home, NOW)
        assert not home.warehouse.exists()
    with pytest.raises(GovpulseError, match="is missing"):
        rows(home)
    with turn(home):
        restore(home, NOW)
    assert rows(home) == [("h1", 60_000)]
