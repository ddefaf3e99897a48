"""A backup is proven before it counts, its cost is what changed, and its number, not a clock, says which is the newer."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import polars as pl
import pytest

from storage.backups import exporting, slices, taking
from storage.backups.filling import damaged_files
from storage.backups.keeping import drop_unused, heal, rotate
from storage.backups.manifest import damaged_manifests, manifests_in, name_of, packed, unpacked
from storage.changes import between, change, day_column, stored_tables
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.wholeness.mark import wal_of
from storage.write import remove
from tests.backups import NOW, back_up_now, everything, file_of, flip, lose_journal, restore_now
from tests.homes import migrated_home

SAMPLES = "raw.system_metrics"
FIRST = date(2026, 1, 5)


@pytest.fixture
def home(tmp_path, samples):
    home = migrated_home(tmp_path / "home")
    add(home, samples(1_000))
    return home


@pytest.fixture
def by_days(monkeypatch):
    """Tables of a few rows are kept by days, in slices of a few rows."""
    monkeypatch.setattr(slices, "WHOLE_ROWS", 10)
    monkeypatch.setattr(slices, "SLICE_ROWS", 40)


def add(home, frame):
    land(home, "system_metrics", frame)
    with warehouse(home) as con:
        load_landing(con, home)


def of_days(samples, *days, host="h1", each=100):
    """Samples of an hour each day."""
    base = datetime(2026, 1, 5, tzinfo=UTC)
    frames = [samples(each, host=host).with_columns(shift(base + timedelta(days=day), each)) for day in days]
    return pl.concat(frames)


def shift(start, count):
    return pl.Series("observed_at", [start + timedelta(seconds=36 * number) for number in range(count)], pl.Datetime("us", "UTC"))


def rows(home):
    with warehouse(home) as con:
        return con.sql(f"SELECT host, count(*) FROM {SAMPLES} GROUP BY host ORDER BY host").fetchall()


def parts_of(manifest, table=SAMPLES):
    return [part for part in manifest.parts if part.table == table]


def test_what_is_put_back_is_what_was_there_to_the_last_column(home):
    before = everything(home)
    back_up_now(home)
    home.warehouse.write_bytes(b"garbage")
    restore_now(home)
    assert everything(home) == before


def test_every_type_comes_back_as_it_was(home):
    """HUGEINT, which Parquet does not have; JSON, lists, instants to the microsecond, what is no number, NULL."""
    with warehouse(home) as con, transaction(con):
        change(
            con,
            "state.expertise_users",
            "INSERT INTO state.expertise_users VALUES ('ann', NULL, true, false, 3, TIMESTAMPTZ '2026-01-01 00:00:00.000001+00',"
            " now(), 'nan', 170141183460469231731687303715884105727, -1)",
        )
        change(
            con,
            "ops.rejected_rows",
            "INSERT INTO ops.rejected_rows (rejected_id, dataset, reason, row, rejected_at)"
            """ VALUES ('1', 'scans', 'ends "early", é', '{"a": [1, null], "b": "x"}', now())""",
        )
    before = repr(everything(home))
    back_up_now(home)
    home.warehouse.unlink()
    restore_now(home)
    assert repr(everything(home)) == before


def test_only_what_changed_is_written_again(home, samples, by_days):
    add(home, of_days(samples, 0, 1, 2))
    first = back_up_now(home)
    assert len({part.start.date() for part in parts_of(first.manifest)}) >= 3
    add(home, of_days(samples, 2, host="h2"))
    second = back_up_now(home).manifest
    new = {part.file for part in second.parts} - {part.file for part in first.manifest.parts}
    assert {part.start.date() for part in parts_of(second) if part.file in new} == {FIRST + timedelta(days=2)}
    assert not [part for part in second.parts if part.file in new and part.table.startswith(("insights.", "history.", "alerts."))]
    third = back_up_now(home)
    assert {part.table for part in third.manifest.parts if part not in second.parts} == set()
    assert third.written_bytes == 0


def test_a_day_that_is_gone_is_in_no_newer_backup(home, samples, by_days):
    add(home, of_days(samples, 0, 1))
    back_up_now(home)
    with warehouse(home) as con, transaction(con):
        remove(con, SAMPLES, f"CAST(observed_at AS DATE) = DATE '{FIRST}'")
    manifest = back_up_now(home).manifest
    assert FIRST not in {part.start.date() for part in parts_of(manifest)}
    before = everything(home)
    restore_now(home)
    assert everything(home) == before


def test_a_table_that_grows_large_is_kept_by_days_from_then_on(home, samples, monkeypatch):
    assert [part.start for part in parts_of(back_up_now(home).manifest)] == [None]
    monkeypatch.setattr(slices, "WHOLE_ROWS", 10)
    add(home, of_days(samples, 3))
    manifest = back_up_now(home).manifest
    assert sum(part.rows for part in parts_of(manifest)) == 1_100
    assert all(part.start for part in parts_of(manifest))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_changes_between_the_holds_the_backup_is_one_state(home, samples, by_days, monkeypatch, seed):
    """Each hold writes one slice; another writer comes in between, and the backup is the warehouse as it was in the last hold."""
    chance = random.Random(seed)
    add(home, of_days(samples, 0, 1))
    monkeypatch.setattr(taking, "HOLD_SECONDS", -1.0)
    monkeypatch.setattr(taking, "MOST_HOLDS", 12)
    hold, states = taking._hold, []

    def interrupted(work):
        done = hold(work)
        states.append(everything(home))
        if chance.random() < 0.5:
            add(home, of_days(samples, chance.randrange(2), host=f"h{len(states)}", each=5))
        return done

    monkeypatch.setattr(taking, "_hold", interrupted)
    back_up_now(home)
    lose_journal(home)
    home.warehouse.unlink()
    restore_now(home)
    assert everything(home) == states[-1]


def test_numbers_count_up_whatever_the_clock_says_and_only_the_newest_are_kept(home):
    made = [back_up_now(home, NOW - timedelta(days=400 * number)) for number in range(4)]
    assert [each.manifest.number for each in made] == [1, 2, 3, 4]
    (home.backups / "manifest-999999-0123456789abcdef.json").write_text("{}")
    foreign = replace(made[0].manifest, number=777_777)
    (home.backups / name_of(777_778, packed(foreign))).write_bytes(packed(foreign))
    assert rotate(home, 2) == [made[0].path, made[1].path]
    assert list(manifests_in(home.backups)) == [made[2].path, made[3].path]
    assert back_up_now(home).manifest.number == 5
    assert len(list(damaged_manifests(home.backups))) == 2


def test_files_that_no_backup_needs_go(home, samples, by_days):
    add(home, of_days(samples, 0, 1))
    back_up_now(home)
    add(home, of_days(samples, 1, host="h2"))
    kept = back_up_now(home).manifest
    rotate(home, 1)
    there = {str(path.relative_to(home.backups)) for path in (home.backups / "content").rglob("*") if path.is_file()}
    assert there == {file.path for file in kept.files}
    assert drop_unused(home.backups) == 0


def test_each_flipped_byte_of_a_backup_is_noticed(home):
    taken, chance = back_up_now(home), random.Random(7)
    for _ in range(60):
        stored = chance.choice(taken.manifest.files)
        at = chance.randrange(stored.bytes)
        flip(home.backups / stored.path, at)
        assert damaged_files(home.backups, taken.manifest) == {stored.path}
        flip(home.backups / stored.path, at)
    assert damaged_files(home.backups, taken.manifest) == set()
    for at in range(0, taken.path.stat().st_size, 97):
        flip(taken.path, at)
        assert manifests_in(home.backups) == {}
        flip(taken.path, at)
    assert manifests_in(home.backups) == {taken.path: taken.manifest}


def test_a_manifest_reads_as_it_was_written(home):
    manifest = back_up_now(home).manifest
    assert unpacked(packed(manifest)) == manifest


def test_what_does_not_come_back_as_it_was_written_makes_no_backup(home, monkeypatch):
    first = back_up_now(home)
    with warehouse(home) as con, transaction(con):
        change(con, SAMPLES, f"UPDATE {SAMPLES} SET value = value + 1")
    write = taking.export

    def with_a_lost_row(con, each, path):
        sums = write(con, each, path)
        if each.table == SAMPLES:
            kept = duckdb.sql(f"FROM read_parquet('{path}') LIMIT {sums[0] - 1}")
            kept.write_parquet(str(path) + ".less")
            path.with_name(path.name + ".less").rename(path)
        return sums

    monkeypatch.setattr(taking, "export", with_a_lost_row)
    with pytest.raises(GovpulseError, match=f"{SAMPLES} does not read back as written"):
        back_up_now(home)
    assert list(manifests_in(home.backups)) == [first.path]
    assert list(home.backups.glob("*.tmp")) == []


def test_damaged_files_are_written_again_and_heal_the_backups_that_share_them(home, monkeypatch):
    """Another DuckDB writes the same rows in other bytes."""
    first = back_up_now(home)
    file_of(home, first.manifest, SAMPLES).unlink()
    monkeypatch.setattr(exporting, "OPTIONS", "FORMAT parquet, COMPRESSION lz4")
    second = back_up_now(home)
    assert damaged_files(home.backups, second.manifest) == set()
    (path,) = heal(home.backups, second.manifest)
    assert list(manifests_in(home.backups)) == [path, second.path]
    healed = manifests_in(home.backups)[path]
    assert (healed.number, healed.made_at) == (1, NOW)
    assert damaged_files(home.backups, healed) == set()
    assert healed.rows == first.manifest.rows


def test_a_backup_that_lost_a_file_displaces_no_whole_one(home):
    made = []
    for _ in range(3):
        with warehouse(home) as con, transaction(con):
            change(con, SAMPLES, f"UPDATE {SAMPLES} SET value = value + 1")
        made.append(back_up_now(home))
    file_of(home, made[2].manifest, SAMPLES).unlink()
    assert rotate(home, 2) == []
    assert list(manifests_in(home.backups)) == [each.path for each in made]


def test_a_restore_puts_the_newest_sound_one_back_and_says_what_is_lost(home, samples):
    first = back_up_now(home)
    add(home, samples(10, host="h2"))
    second = back_up_now(home, NOW + timedelta(days=1))
    add(home, samples(100, host="h3"))
    lose_journal(home)
    flip(file_of(home, second.manifest, SAMPLES), 2000)
    done = restore_now(home)
    assert done.backup.path == first.path
    assert second.path.name in done.problems[0]
    lost = {each.table: each.lost for each in done.differences if each.lost}
    assert lost == {SAMPLES: 110, "ops.loads": 2}
    assert rows(home) == [("h1", 1_000)]
    assert (done.set_aside / home.warehouse.name).exists()


def test_where_no_backup_is_sound_what_can_be_read_comes_back_and_the_rest_is_told(home, samples, by_days):
    add(home, of_days(samples, 0, 1))
    manifest = back_up_now(home).manifest
    spoilt = parts_of(manifest)[0]
    flip(home.backups / spoilt.file.path, 300)
    done = restore_now(home)
    assert [(each.table, each.start, each.rows) for each in done.missing] == [(SAMPLES, spoilt.start, spoilt.rows)]
    with warehouse(home) as con:
        assert con.sql(f"SELECT count(*) FROM {SAMPLES}").fetchall() == [(1_200 - spoilt.rows,)]
        assert con.sql(f"SELECT count(*) FROM {SAMPLES} WHERE {between(SAMPLES, spoilt.start, spoilt.end)}").fetchall() == [(0,)]


def test_a_dry_run_changes_nothing(home, samples):
    back_up_now(home)
    add(home, samples(100, host="h2"))
    lose_journal(home)
    before = home.warehouse.read_bytes()
    done = restore_now(home, keeps=False)
    assert done.set_aside is None
    assert {each.table: each.lost for each in done.differences if each.lost} == {SAMPLES: 100, "ops.loads": 1}
    assert home.warehouse.read_bytes() == before
    assert rows(home) == [("h1", 1_000), ("h2", 100)]


def test_at_chooses_the_newest_until_then(home):
    first = back_up_now(home)
    back_up_now(home, NOW + timedelta(days=2))
    assert restore_now(home, NOW + timedelta(days=1), keeps=False).backup.path == first.path
    with pytest.raises(GovpulseError, match="no intact backup"):
        restore_now(home, NOW - timedelta(days=1))


@pytest.mark.parametrize("kind", ["missing", "garbage", "old log"])
def test_whatever_lies_there_is_set_aside_and_changes_nothing_of_what_is_put_back(home, samples, kind):
    back_up_now(home)
    add(home, samples(100, host="h2"))
    lose_journal(home)
    if kind == "missing":
        home.warehouse.unlink()
    elif kind == "garbage":
        home.warehouse.write_bytes(b"garbage" * 9_000)
    else:
        wal_of(home.warehouse).write_bytes(b"a log of somebody else's")
    with pytest.raises(GovpulseError):
        rows(home)
    restore_now(home)
    assert rows(home) == [("h1", 1_000)]
    assert not wal_of(home.warehouse).exists()


def test_a_warehouse_that_is_missing_is_no_new_one(home):
    assert Home(home.root / "another").has_warehouse() is False
    back_up_now(home)
    home.warehouse.unlink()
    with pytest.raises(GovpulseError, match=r"is missing, but .* is there: .*govpulse restore"):
        rows(home)
    assert not home.warehouse.exists()


def test_a_restore_that_is_killed_can_be_done_again(home, monkeypatch):
    back_up_now(home)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("storage.backups.restore.forget_mark", killed)
        with pytest.raises(KeyboardInterrupt):
            restore_now(home)
    assert not home.warehouse.exists()
    with pytest.raises(GovpulseError, match="is missing"):
        rows(home)
    restore_now(home)
    assert rows(home) == [("h1", 1_000)]
    assert [path.name for path in home.set_aside.iterdir() if "restoring" in path.name] == []


def test_what_came_after_the_backup_comes_back_from_the_journal(home, samples):
    back_up_now(home)
    add(home, samples(100, host="h2"))
    before = everything(home)
    home.warehouse.unlink()
    done = restore_now(home)
    assert (done.replayed.files, done.replayed.lost) == (1, [])
    assert rows(home) == [("h1", 1_000), ("h2", 100)]
    after = everything(home)
    assert {name for name in before if before[name] != after[name]} <= {"ops.changes"}


def test_after_a_restore_nothing_is_taken_for_unchanged_that_only_has_its_old_generation(home, samples):
    """The numbers of generations are given out again after a restore: what is called alike is not the same."""
    back_up_now(home)
    add(home, samples(7, host="lost"))
    second = back_up_now(home).manifest
    lose_journal(home)
    second_path = list(manifests_in(home.backups))[-1]
    second_path.rename(away := home.root / second_path.name)
    restore_now(home)
    away.rename(second_path)
    add(home, samples(9, host="new"))
    third = back_up_now(home).manifest
    assert third.timeline != second.timeline
    before = everything(home)
    lose_journal(home)
    restore_now(home)
    assert everything(home) == before
    assert rows(home) == [("h1", 1_000), ("new", 9)]


def test_what_is_kept_by_days_has_an_instant_in_every_row():
    """A row without one would be in no day, and in no backup."""
    for name, table in stored_tables().items():
        if column := day_column(name):
            assert [each.is_required for each in table.columns if each.name == column] == [True], name


def test_a_whole_file_of_an_older_govpulse_is_put_back(home, samples):
    content = home.warehouse.read_bytes()
    add(home, samples(5, host="h2"))
    lose_journal(home)
    (home.backups / "warehouse-20260101T000000Z.duckdb").write_bytes(content)
    assert restore_now(home).backup.number == 0
    assert rows(home) == [("h1", 1_000)]


def test_those_of_an_older_govpulse_come_first_whatever_their_names_say(home):
    content = home.warehouse.read_bytes()
    old = [home.backups / f"warehouse-2099010{day}T000000Z.duckdb" for day in range(1, 3)]
    for path in old:
        path.write_bytes(content)
    new = back_up_now(home)
    assert rotate(home, 2) == old[:1]
    assert restore_now(home).backup.path == new.path
