"""A copy of the warehouse from any moment, with the journal played on it, is the warehouse: in all that nobody can make anew, in
raw and in the ledger, to the last column."""

import math
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.catalogue import TABLES
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.journal.files import begin_segment, damage_in_journal, entries_of, read, written
from storage.journal.replay import replay
from storage.people.forgetting import forget_user
from storage.people.forgetting_again import forget_again
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.wholeness.mark import forget_mark, wal_of
from storage.write import remove, upsert_rows
from tests.homes import migrated_home
from tests.journal_acts import ACTS, BEGINNING, MOST, PEOPLE, content_of, copy_warehouse, open_copy, perform, replayed
from tests.storage.test_forgetting import places_of

ALERTS = TABLES["alerts.alerts"]
LONG = pytest.mark.campaign
STEPS = st.lists(st.tuples(st.sampled_from([*MOST, *ACTS]), st.integers(0, 60)), min_size=1, max_size=14)


@given(steps=STEPS, moment=st.integers(0, 13))
def test_a_copy_of_any_moment_and_the_journal_are_the_warehouse(steps, moment):
    with TemporaryDirectory() as folder:
        home, copy = migrated_home(Path(folder) / "home"), Path(folder) / "copy.duckdb"
        for place, (kind, number) in enumerate(steps):
            if place == min(moment, len(steps) - 1):
                copy_warehouse(home, copy)
            perform(home, kind, number)
        assert damage_in_journal(home) == []
        done, found = replayed(home, copy)
        assert done.lost == []
        assert found == content_of(home)


@pytest.fixture
def home(tmp_path):
    return migrated_home(tmp_path / "home")


@pytest.fixture
def copy(home, tmp_path):
    """The warehouse as it was in the beginning."""
    return copy_warehouse(home, tmp_path / "copy.duckdb")


def do(home, *steps):
    for kind, number in steps:
        perform(home, kind, number)


def alert(**changes):
    row = {"fingerprint": "f", "rule": "r", "subject": "s", "state": "firing", "episode": 1, "updated_at": BEGINNING}
    return row | changes


def test_values_come_back_as_they_were(home, copy):
    instant = datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)
    rows = [
        alert(fingerprint="nan", value=math.nan, threshold=-math.inf, labels='{"b": 1,  "a": "\\u00fc\\n"}'),
        alert(fingerprint="tiny", value=5e-324, threshold=0.1 + 0.2, firing_since=instant, recent_firings=[instant, BEGINNING]),
        alert(fingerprint="ünï \0\n\"'", value=-0.0, told=["firing", ""], recent_notices=[], is_flapping=False, episode=2**62),
    ]
    with warehouse(home) as con, transaction(con):
        upsert_rows(con, ALERTS, rows)
    assert replayed(home, copy)[1] == content_of(home)


def test_a_row_that_goes_comes_and_goes_again_ends_as_it_did(home, copy):
    for state in ("firing", None, "pending", "resolved", None, "error"):
        with warehouse(home) as con, transaction(con):
            if state:
                upsert_rows(con, ALERTS, [alert(state=state)])
            else:
                remove(con, "alerts.alerts", "true")
    assert replayed(home, copy)[1] == content_of(home)
    assert content_of(home)["alerts.alerts"][0][4] == "error"


def test_a_replay_adds_nothing_to_the_journal_and_can_be_done_again(home, copy, tmp_path):
    do(home, ("load", 1), ("silence", 1), ("evaluate", 2))
    again = shutil.copy(copy, tmp_path / "again.duckdb")
    before = entries_of(home, 1).read_bytes()
    assert replayed(home, copy)[0].entries == 4
    done, found = replayed(home, copy)
    assert (done.entries, entries_of(home, 1).read_bytes()) == (0, before)
    assert replayed(home, again)[1] == found == content_of(home)


@pytest.mark.parametrize("deadly", [0, 5, 10, *(pytest.param(each, marks=LONG) for each in range(12) if each % 5)])
def test_a_replay_that_is_killed_goes_on_where_it_was(home, copy, monkeypatch, deadly):
    do(home, ("load", 1), ("load", 2), ("evaluate", 2), ("rename", 1), ("silence", 0), ("forget", 0), ("load", 4), ("deliver", 3))
    left = [deadly]

    def killed(con):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("storage.transaction.note_commit", killed)
        with pytest.raises(KeyboardInterrupt):
            replayed(home, copy)
    done, found = replayed(home, copy)
    assert done.lost == []
    assert found == content_of(home)


def put_back(home, copy):
    """As a restore does it."""
    shutil.copy(copy, home.warehouse)
    wal_of(home.warehouse).unlink(missing_ok=True)
    forget_mark(home.warehouse)
    begin_segment(home)


@pytest.mark.parametrize("entries", [1, 2, 5])
def test_what_is_put_back_and_played_up_to_date_goes_on(home, copy, tmp_path, entries):
    do(home, *[("silence", number) for number in range(entries)])
    again, whole = shutil.copy(copy, tmp_path / "again.duckdb"), content_of(home)
    put_back(home, copy)
    with warehouse(home) as con:
        assert replay(con, home).entries == entries
    assert content_of(home) == whole
    do(home, ("silence", 20), ("load", 3))
    assert replayed(home, again)[1] == content_of(home)


def test_what_was_given_up_for_an_older_warehouse_is_not_played_again(home, copy, tmp_path):
    do(home, ("silence", 1), ("silence", 2))
    again = shutil.copy(copy, tmp_path / "again.duckdb")
    put_back(home, copy)
    do(home, ("silence", 3), ("silence", 4))
    done, found = replayed(home, again)
    assert (done.entries, done.lost) == (2, [])
    assert found == content_of(home)
    assert len(found["alerts.silences"]) == 2


def test_people_s_acts_end_where_somebody_wants_to_go_back_to(home, copy, tmp_path):
    do(home, ("evaluate", 2), ("load", 1), ("silence", 0), ("ack", 1))
    before, until = content_of(home), datetime.now(UTC)
    again = shutil.copy(copy, tmp_path / "again.duckdb")
    do(home, ("end", 0), ("silence", 5), ("load", 5), ("load", 3), ("evaluate", 4), ("deliver", 5), ("forget", 3))
    after = content_of(home)
    done, found = replayed(home, copy, until)
    assert done.left_out == {"alerts.silences": 2, "ops.audit_log": 2, "raw.people": 1}
    there = {row[0] for row in after["alerts.silences"]}  # an ack goes with whom its alert is about
    assert found["alerts.silences"] == [row for row in before["alerts.silences"] if row[0] in there] != []
    assert {row[0] for row in found["ops.audit_log"]} - {row[0] for row in before["ops.audit_log"]} == {"forget"}
    assert found["raw.people"] == before["raw.people"] != after["raw.people"]
    for name in ("alerts.alerts", "alerts.transitions", "alerts.notifications", "ops.forgotten", "raw.deployments", "raw.activity"):
        assert found[name] == after[name], name
    later, also = replayed(home, again)
    assert (later.left_out, also) == (done.left_out, found), "what was left out stays so"


def flip(path, at):
    content = path.read_bytes()
    path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])


def test_damaged_lines_and_files_are_told_and_the_rest_comes_back(home, copy):
    do(home, ("silence", 0), ("silence", 1), ("load", 3), ("load", 8), ("load", 17), ("silence", 2))
    path, whole = entries_of(home, 1), content_of(home)
    flip(path, path.read_bytes().index(b"\n") + 50)
    users, metrics = (next((home.journal / "000001" / "landed" / name).iterdir()) for name in ("users", "system_metrics"))
    users.unlink()
    flip(metrics, 30)
    done, found = replayed(home, copy)
    said = " ".join(done.lost)
    assert len(done.lost) == 3
    assert f"line 2 of {path} is damaged; it was written soon after 20" in said
    assert "rows of raw.users, loaded at 20" in said
    assert f"users/{users.name} is missing" in said
    assert f"{metrics} is damaged" in said
    assert [row[6] for row in found["alerts.silences"]] == [row[6] for row in whole["alerts.silences"] if not row[6].endswith("1")]
    assert len(found["raw.system_metrics"]) == len(whole["raw.system_metrics"]) - 2


def test_a_missing_segment_is_told(home, copy):
    do(home, ("silence", 0), ("begin a segment", 0), ("silence", 1), ("silence", 2), ("begin a segment", 0), ("silence", 3))
    shutil.rmtree(home.journal / "000002")
    done, found = replayed(home, copy)
    assert done.lost == ["2 entries of the journal are missing"]
    assert len(found["alerts.silences"]) == 2


def test_a_file_that_was_not_kept_yet_is_found_where_it_was_landed(home, copy, samples):
    path = land(home, "system_metrics", samples(5))
    content = path.read_bytes()
    with warehouse(home) as con:
        load_landing(con, home)
    shutil.rmtree(home.journal / "000001" / "landed")
    path.write_bytes(content)
    done, found = replayed(home, copy)
    assert (done.lost, len(found["raw.system_metrics"])) == ([], 5)


def test_an_entry_from_before_a_column_was_there_leaves_it_empty(home, copy):
    do(home, ("silence", 0))
    path = entries_of(home, 1)
    entry = read(path.read_bytes())
    put, audit = entry.did
    place = put["columns"].index("expires_at")
    older = {
        "table": put["table"],
        "columns": [name for name in put["columns"] if name != "expires_at"] + ["gone_since"],
        "put": [[*row[:place], *row[place + 1 :], "x"] for row in put["put"]],
    }
    path.write_bytes(written(replace(entry, did=(older, audit))))
    (row,) = replayed(home, copy)[1]["alerts.silences"]
    (whole,) = content_of(home)["alerts.silences"]
    assert row == (*whole[:8], None, *whole[9:])


@pytest.mark.parametrize(
    ("user", "hashes_ids"),
    [
        ("ann-8c41d2f7-person", True),
        ("7731", False),
        *(pytest.param(user, hashes_ids, marks=LONG) for user in PEOPLE[1::2] for hashes_ids in (False, True)),
        pytest.param("ann-8c41d2f7-person", False, marks=LONG),
        pytest.param("7731", True, marks=LONG),
    ],
)
def test_whoever_was_forgotten_after_the_backup_is_in_no_table_of_it(home, tmp_path, user, hashes_ids):
    do(home, *[("load", number) for number in range(18)], ("evaluate", 1), ("silence", 0), ("silence", 1), ("evaluate", 2))
    copy, bare = (copy_warehouse(home, tmp_path / name) for name in ("copy.duckdb", "bare.duckdb"))
    do(home, ("load", 20), ("silence", 2), ("evaluate", 4), ("silence", 3))
    with warehouse(home) as con:
        forget_user(con, user, "root", BEGINNING, hashes_ids=hashes_ids)
        expected = places_of(con, user)
        forgotten = con.sql("FROM ops.forgotten").fetchall()
    do(home, ("evaluate", 8))
    done, found = replayed(home, copy)
    assert done.forgotten
    assert done.needs_rewriting
    assert found == content_of(home)
    con = open_copy(bare)
    con.executemany("INSERT INTO ops.forgotten VALUES (?, ?, ?, ?, ?, ?)", forgotten)
    assert places_of(con, user) != expected
    assert forget_again(con, BEGINNING)
    assert forget_again(con, BEGINNING) == {}
    assert [place for place in places_of(con, user) if place not in expected] == []
    con.close()


def test_a_silence_about_somebody_forgotten_ends_with_the_next_who_is_forgotten(home, copy):
    do(home, ("forget", PEOPLE.index("7731")), ("silence", PEOPLE.index("7731")))
    assert len(content_of(home)["alerts.silences"]) == 1
    do(home, ("forget", PEOPLE.index("bob.lee")))
    done, found = replayed(home, copy)
    assert done.lost == []
    assert found == content_of(home)
    assert found["alerts.silences"] == []


def test_nobody_is_forgotten_again_who_was_not_forgotten(home):
    do(home, *[("load", number) for number in range(18)])
    before = content_of(home)
    with warehouse(home) as con:
        assert forget_again(con, BEGINNING) == {}
        forget_user(con, "nobody at all", "root", BEGINNING)
        assert forget_again(con, BEGINNING) == {}
    after = content_of(home)
    assert {name for name in before if before[name] != after[name]} == {"ops.forgotten", "ops.audit_log", "ops.journal"}
