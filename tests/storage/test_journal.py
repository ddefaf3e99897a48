"""What a transaction does to tables that nobody can make anew is on the disk before it is committed, and nothing else is."""

import errno
import json
import os
import random
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.audit import record_action
from storage.changes import change
from storage.errors import GovpulseError
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.journal import noting as journal
from storage.journal.files import (
    begin_segment,
    damage_in_journal,
    drop_segments_before,
    entries_of,
    last_number,
    lines,
    read,
    segment_after,
    segments,
)
from storage.limits import Limits
from storage.room import mind_the_disk
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.wholeness.mark import forget_mark, wal_of
from tasks.maintenance import renew_backup
from tests.homes import migrated_home
from tests.journal_acts import content_of, copy_warehouse, perform, replayed

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def home(tmp_path):
    return migrated_home(tmp_path / "home")


def act(home, detail, at=NOW):
    with warehouse(home) as con, transaction(con):
        record_action(con, "did", detail, "me", at)


def entries(home):
    return [entry for segment in segments(home) for _, _, line in lines(home, segment) if (entry := read(line))]


def details(home):
    with warehouse(home) as con:
        return [row[0] for row in con.sql("SELECT detail FROM ops.audit_log ORDER BY detail").fetchall()]


def number(home):
    with warehouse(home) as con:
        return con.sql("SELECT number FROM ops.journal").fetchall()


def test_a_comment_before_a_statement_does_not_keep_it_from_the_journal(home):
    with warehouse(home) as con, transaction(con):
        change(con, "ops.audit_log", "-- By hand.\nINSERT INTO ops.audit_log (action, done_at) VALUES ('did', $now)", {"now": NOW})
    (entry,) = entries(home)
    assert len(entry.did) == 1


def test_an_entry_says_what_one_transaction_did_in_order_and_comes_before_its_commit(home):
    with warehouse(home) as con:
        with transaction(con):
            record_action(con, "did", "a", "me", NOW)
            assert entries(home) == []
            change(con, "ops.audit_log", "UPDATE ops.audit_log SET actor = NULL WHERE detail = 'a'")
        (entry,) = entries(home)
        with transaction(con):
            change(con, "ops.audit_log", "DELETE FROM ops.audit_log WHERE detail = 'a'")
        with transaction(con):
            con.execute("CREATE TEMP TABLE nothing_of_ours (a BIGINT)")
    columns, key = ["action", "detail", "actor", "done_at"], ["action", "done_at"]
    assert (entry.number, entry.after, entry.did) == (
        1,
        0,
        (
            {"table": "ops.audit_log", "columns": columns, "put": [["did", "a", "me", NOW.isoformat()]]},
            {"table": "ops.audit_log", "columns": columns, "put": [["did", "a", None, NOW.isoformat()]]},
        ),
    )
    assert entries(home)[1].did == ({"table": "ops.audit_log", "columns": key, "removed": [["did", NOW.isoformat()]]},)
    assert (len(entries(home)), number(home)) == (2, [(2,)])


def test_what_is_undone_is_not_in_it(home):
    def fail():
        with warehouse(home) as con, transaction(con):
            record_action(con, "did", "a", "me", NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    act(home, "b")
    assert [entry.number for entry in entries(home)] == [1]
    assert details(home) == ["b"]


def test_a_change_outside_of_a_transaction_is_refused_before_it_is_made(home):
    with warehouse(home) as con, pytest.raises(RuntimeError, match="outside of a transaction"):
        record_action(con, "did", "a", "me", NOW)
    assert details(home) == []


def test_a_key_that_changes_is_removed(home):
    with warehouse(home) as con:
        with transaction(con):
            record_action(con, "did", "a", "me", NOW)
        with transaction(con):
            change(con, "ops.audit_log", "UPDATE ops.audit_log SET action = 'other' WHERE detail = 'a'")
    removed, put = entries(home)[1].did
    assert removed["removed"] == [["did", NOW.isoformat()]]
    assert put["put"][0][0] == "other"


@pytest.mark.parametrize("left", [1, 30, 100, -1])
def test_a_torn_last_line_is_no_damage_and_goes(home, left):
    act(home, "a")
    path = entries_of(home, 1)
    whole = path.read_bytes()
    path.write_bytes(whole + whole.replace(b'"number":1', b'"number":2')[:left])
    assert damage_in_journal(home) == []
    act(home, "b")
    assert path.read_bytes().startswith(whole)
    assert [(entry.number, entry.after) for entry in entries(home)] == [(1, 0), (2, 1)]
    assert damage_in_journal(home) == []


def before_the_commit(home, tmp_path):
    """A home as a kill leaves it after an entry was written, and before it was committed."""
    act(home, "a")
    kept = copy_warehouse(home, tmp_path / "kept.duckdb")
    act(home, "b")
    shutil.copy(kept, home.warehouse)
    wal_of(home.warehouse).unlink(missing_ok=True)
    forget_mark(home.warehouse)


def test_an_entry_without_a_commit_is_taken_off_on_the_next_opening(home, tmp_path):
    before_the_commit(home, tmp_path)
    assert len(entries(home)) == 2
    assert details(home) == ["a"]
    assert [entry.number for entry in entries(home)] == [1]
    act(home, "c")
    assert [(entry.number, entry.after) for entry in entries(home)] == [(1, 0), (2, 1)]


def test_a_segment_begun_before_the_opening_says_that_an_older_warehouse_was_put_back(home, tmp_path):
    before_the_commit(home, tmp_path)
    begin_segment(home)
    assert details(home) == ["a"]
    assert len(entries(home)) == 2
    act(home, "c", NOW + timedelta(hours=1))
    assert [(entry.number, entry.after) for entry in entries(home)] == [(1, 0), (2, 1), (3, 1)], "the second was given up"


class Failing:
    """A connection whose COMMIT fails, before or after it is done."""

    def __init__(self, con, *, is_done):
        self.con, self.is_done = con, is_done
        journal._PENS[id(self)] = journal._PENS[id(con)]

    def execute(self, statement, *parameters):
        if statement == "COMMIT":
            if self.is_done:
                self.con.execute(statement)
            raise OSError(errno.EIO, "Input/output error")
        return self.con.execute(statement, *parameters)

    def sql(self, statement):
        return self.con.sql(statement)


@pytest.mark.parametrize("is_done", [False, True])
def test_where_the_commit_fails_the_line_goes_at_once_unless_the_warehouse_has_it(home, is_done):
    act(home, "a")
    with warehouse(home) as con:
        failing = Failing(con, is_done=is_done)
        with pytest.raises(OSError, match="Input/output"), transaction(failing):
            record_action(failing, "did", "b", "me", NOW + timedelta(seconds=1))
        del journal._PENS[id(failing)]
        assert len(entries(home)) == 1 + is_done
        with transaction(con):
            record_action(con, "did", "c", "me", NOW + timedelta(seconds=2))
    found = entries(home)
    assert [(entry.after + 1, entry.did[0]["put"][0][1]) for entry in found] == [
        (place, detail) for place, detail in enumerate("abc" if is_done else "ac", 1)
    ]
    assert details(home) == list("abc" if is_done else "ac")


def failing_on_the_journal(call, problem, times, written=0):
    """`call` of os that fails on the journal's files so many times, having written some bytes."""
    left = [times]

    def failing(descriptor, *arguments):
        if left[0] and Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".ndjson":
            left[0] -= 1
            if written:
                call(descriptor, arguments[0][:written], *arguments[1:])
            raise OSError(problem, os.strerror(problem))
        return call(descriptor, *arguments)

    return failing


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize(("name", "written"), [("pwrite", 0), ("pwrite", 40), ("fdatasync", 0)])
def test_where_the_journal_cannot_be_written_nothing_is_committed(home, monkeypatch, name, written, problem):
    act(home, "a")
    content = entries_of(home, 1).read_bytes()
    with warehouse(home) as con:
        with monkeypatch.context() as broken:
            broken.setattr(os, name, failing_on_the_journal(getattr(os, name), problem, 9, written))
            said = "free space on" if problem == errno.ENOSPC else "free or remount the disk"
            with pytest.raises(GovpulseError, match=f"cannot write the journal .*nothing was changed; {said}"), transaction(con):
                record_action(con, "did", "b", "me", NOW)
        assert entries_of(home, 1).read_bytes() == content
        with transaction(con):
            record_action(con, "did", "c", "me", NOW + timedelta(seconds=2))
    assert details(home) == ["a", "c"]
    assert [(entry.number, entry.after) for entry in entries(home)] == [(1, 0), (2, 1)]


def test_a_full_disk_costs_the_reserve_first(home, monkeypatch):
    mind_the_disk(home)
    assert home.reserve.exists()
    with warehouse(home) as con, monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", failing_on_the_journal(os.pwrite, errno.ENOSPC, 1, 40))
        with transaction(con):
            record_action(con, "did", "a", "me", NOW)
    assert not home.reserve.exists()
    assert details(home) == ["a"]
    assert damage_in_journal(home) == []


def test_a_loaded_file_is_kept_and_one_found_in_the_ledger_too(home, samples):
    path = land(home, "system_metrics", samples(5))
    content = path.read_bytes()
    with warehouse(home) as con:
        load_landing(con, home)
    kept = home.journal / "000001" / "landed" / "system_metrics" / path.name
    assert (kept.read_bytes(), path.exists()) == (content, False)
    begin_segment(home)
    path.write_bytes(content)
    with warehouse(home) as con:
        load_landing(con, home)
    assert (kept.read_bytes(), path.exists()) == (content, False), "in the segment whose entry names it"
    assert [entry.did[0]["files"][0][0] for entry in entries(home)] == [path.name]


def test_a_file_of_another_disk_is_kept_as_well(home, samples, monkeypatch):
    path, replace = land(home, "system_metrics", samples(5)), os.replace
    content = path.read_bytes()

    def other_disk(source, target):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(source, target)

    monkeypatch.setattr(os, "replace", other_disk)
    with warehouse(home) as con:
        load_landing(con, home)
    (kept,) = (home.journal / "000001" / "landed" / "system_metrics").iterdir()
    assert (kept.name, kept.read_bytes(), path.exists()) == (path.name, content, False)


def test_any_flipped_byte_is_told_or_in_no_entry(home):
    for place, kind in enumerate(["evaluate", "load", "silence", "load", "forget", "deliver"]):
        perform(home, kind, place + 1)
    begin_segment(home)
    perform(home, "silence", 9)
    known, chance = entries(home), random.Random(7)
    assert damage_in_journal(home) == []
    for path in [path for path in home.journal.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        for at in {*chance.sample(range(len(content)), min(60, len(content))), len(content) - 1}:
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :])
            assert damage_in_journal(home) or entries(home) == known, (path, at)
        path.write_bytes(content)
    assert damage_in_journal(home) == []


def test_what_is_damaged_and_was_committed_stays_and_what_follows_is_whole(home):
    act(home, "a")
    act(home, "b", NOW + timedelta(seconds=1))
    path = entries_of(home, 1)
    path.write_bytes(path.read_bytes()[:-9] + b"X" + path.read_bytes()[-8:])
    (said,) = damage_in_journal(home)
    assert said == f"line 2 of {path} is damaged"
    act(home, "c", NOW + timedelta(seconds=2))
    assert [(entry.number, entry.after) for entry in entries(home)] == [(1, 0), (3, 2)]
    assert damage_in_journal(home) == [said]


def test_segments_go_when_every_backup_has_them(home, samples):
    act(home, "a")
    renew_backup(home, Limits(), 2)
    assert segments(home) == [2], "the backup has the first"
    act(home, "b", NOW + timedelta(seconds=1))
    renew_backup(home, Limits(), 2)
    assert segments(home) == [2, 3], "the older of two has not"
    renew_backup(home, Limits(), 2)
    assert segments(home) == [4]
    assert (last_number(home), segment_after(home, 0), number(home)) == (0, 4, [(2,)])
    act(home, "c", NOW + timedelta(seconds=2))
    assert [(entry.number, entry.after) for entry in entries(home)] == [(3, 2)], "numbers go on"
    assert drop_segments_before(home, 99) == [], "the current one stays"


def test_after_a_forget_the_journal_begins_with_the_backup_that_is_made_then(home):
    perform(home, "load", 1)
    renew_backup(home, Limits(), 7)
    perform(home, "load", 2)
    perform(home, "silence", 0)
    perform(home, "forget", 0)
    renew_backup(home, Limits(), 7)
    assert entries(home) == []
    assert list(home.journal.rglob("*.parquet")) == []


def test_nobody_else_reads_it(home, samples):
    land(home, "system_metrics", samples(5))
    with warehouse(home) as con:
        load_landing(con, home)
    act(home, "a")
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (home.journal, *home.journal.rglob("*"))}
    assert modes == {0}


def test_a_warehouse_that_is_missing_while_there_is_a_journal_is_no_new_one(home):
    act(home, "a")
    home.warehouse.unlink()
    wal_of(home.warehouse).unlink(missing_ok=True)
    with pytest.raises(GovpulseError, match=r"is missing, but .*entries\.ndjson is there"):
        details(home)


def test_a_journal_alone_gives_back_what_was_done_since_the_first_day(home, tmp_path):
    empty = copy_warehouse(home, tmp_path / "empty.duckdb")
    for place, kind in enumerate(["evaluate", "load", "silence", "load", "deliver", "ack"]):
        perform(home, kind, place + 1)
    assert replayed(home, empty)[1] == content_of(home)


def test_a_line_is_checksum_and_json(home):
    act(home, "a")
    checksum, _, content = entries_of(home, 1).read_bytes().partition(b" ")
    assert (len(checksum), json.loads(content)["migration"]) == (8, max(json.loads(content)["migration"], 23))
