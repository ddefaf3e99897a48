"""A damaged warehouse: nothing is dropped without a word, and `salvage` keeps what can be read."""

import os
import random
import shutil
from datetime import UTC, datetime

import pytest

from storage.duckdb_file.headers import BLOCK, block_at
from storage.errors import GovpulseError
from storage.home import Home
from storage.journal.files import damage_in_journal
from storage.limits import Limits
from storage.maintenance import compact
from storage.salvage.salvaging import salvage
from storage.transaction import transaction
from storage.warehouse import attach, connect, turn, warehouse
from storage.wholeness.mark import forget_mark, mark_of, wal_of
from tests.homes import migrated_home
from tests.journal_acts import ACTS, content_of
from tests.killed import killed_behind

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ROWS = 260_000
FILL = f"""
    INSERT INTO raw.system_metrics (host, metric, attributes, observed_at, unit, value, status)
    SELECT 'host-' || (i % 7), 'm', '', TIMESTAMPTZ '2026-01-01' + to_seconds(i), '1', hash(i)::DOUBLE, 'ok'
    FROM range({ROWS}) AS r(i)
"""
COMMIT_AND_DIE = """
import os, signal, sys
from pathlib import Path
from storage.home import Home
from storage.transaction import transaction
from storage.warehouse import warehouse
with warehouse(Home(Path(sys.argv[1]))) as con:
    for number in range(int(sys.argv[2])):
        with transaction(con):
            con.execute("INSERT INTO ops.audit_log VALUES ('number', ?, NULL, now())", [str(number)])
    os.kill(os.getpid(), signal.SIGKILL)
"""
COMMITS = 20
OBJECTS = (
    "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE true",
    "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal",
    "SELECT function_name, macro_definition FROM duckdb_functions() WHERE true",
)


@pytest.fixture(scope="module")
def filled_file(tmp_path_factory):
    home = migrated_home(tmp_path_factory.mktemp("filled") / "home")
    with warehouse(home) as con:
        con.execute(FILL)
    return home.warehouse.read_bytes()


@pytest.fixture
def filled(tmp_path, filled_file):
    home = migrated_home(tmp_path / "filled")
    home.warehouse.write_bytes(filled_file)
    return home


@pytest.fixture
def killed(tmp_path, python):
    """A home whose log holds commits."""
    home = migrated_home(tmp_path / "home")
    with python(COMMIT_AND_DIE, home.root, COMMITS) as process:
        assert process.wait(60) == -9
    return home


def damage(path, at, content):
    with path.open("rb+") as file:
        file.seek(at)
        file.write(content)


def flip(path, at):
    damage(path, at, bytes((path.read_bytes()[at] ^ 0x55,)))


def metrics(home):
    with warehouse(home) as con:
        return con.sql("SELECT count(*), sum(hash(host, observed_at, value)) FROM raw.system_metrics").fetchall()[0]


def numbers(home):
    with warehouse(home) as con:
        return {int(row[0]) for row in con.sql("SELECT detail FROM ops.audit_log WHERE action = 'number'").fetchall()}


def refusal(home):
    before = {path: path.read_bytes() for path in (home.warehouse, wal_of(home.warehouse)) if path.exists()}
    with pytest.raises(GovpulseError) as caught, warehouse(home):
        pass
    assert "\n" not in str(caught.value)
    assert before == {path: path.read_bytes() for path in before}, "nothing was changed"
    return str(caught.value)


def rows_in(home, block):
    """Rows whose column `value` lies in the block."""
    con = connect()
    attach(con, home.warehouse, "w", read_only=True)
    con.execute("USE w")
    found = con.execute("SELECT sum(count) FROM pragma_storage_info('raw.system_metrics') WHERE block_id = ?", [block]).fetchall()
    con.close()
    return found[0][0]


def blocks_of(home, column):
    con = connect()
    attach(con, home.warehouse, "w", read_only=True)
    con.execute("USE w")
    blocks = "FROM pragma_storage_info('raw.system_metrics') WHERE column_name = ? AND block_id >= 0 ORDER BY 1"
    sql = f"SELECT DISTINCT block_id {blocks}"
    found = [row[0] for row in con.execute(sql, [column]).fetchall()]
    con.close()
    return found


def test_a_killed_writers_log_is_taken(killed):
    assert numbers(killed) == set(range(COMMITS))


@pytest.mark.parametrize("at", [0, 5, 8, 20, 40])
def test_a_damaged_beginning_of_a_log_is_refused_and_put_right(killed, at):
    flip(wal_of(killed.warehouse), at)
    assert "govpulse salvage" in refusal(killed)
    done = salvage(killed, Limits(), NOW)
    assert done.set_aside is not None
    assert (len(numbers(killed)) == COMMITS) == (done.records == 1 and not done.bytes_cut)
    assert done.bytes_cut or done.records


def test_damage_in_the_middle_of_a_log_costs_what_comes_behind_it_and_says_so(killed):
    wal = wal_of(killed.warehouse)
    damage(wal, wal.stat().st_size // 2, bytes(100))
    assert "after it" in refusal(killed)
    done = salvage(killed, Limits(), NOW)
    left = numbers(killed)
    assert left == set(range(len(left)))
    assert 5 < len(left) < COMMITS
    assert 0 < done.commits_cut <= COMMITS - len(left)


def test_a_shortened_log_is_refused_and_what_is_left_is_kept(killed):
    wal = wal_of(killed.warehouse)
    os.truncate(wal, wal.stat().st_size - 1)
    assert "shortened" in refusal(killed)
    assert salvage(killed, Limits(), NOW).bytes_cut > 0
    assert numbers(killed) == set(range(COMMITS - 1))


@pytest.mark.parametrize("at", [0.5, *(pytest.param(each, marks=pytest.mark.campaign) for each in (0.0, 0.9))])
def test_what_the_log_has_lost_the_journal_gives_back(tmp_path, at):
    home, twin = migrated_home(tmp_path / "home"), tmp_path / "twin"
    with killed_behind(home) as con:
        for number, kind in enumerate(["silence", "load", "silence", "rename", "forget", "load", "silence", "load", "evaluate"]):
            ACTS[kind](con, home, number)
    shutil.copytree(home.root, twin)
    wal = wal_of(home.warehouse)
    damage(wal, int(wal.stat().st_size * at) + 60, bytes(100))
    with turn(home):
        done = salvage(home, Limits(), NOW)
    assert done.bytes_cut > 0
    assert (done.replayed.entries > 0, done.replayed.lost) == (True, [])
    assert content_of(home) == content_of(Home(twin))
    with warehouse(home) as con:
        ACTS["silence"](con, home, 20)
    assert damage_in_journal(home) == []


def test_an_unfinished_transaction_is_nobodys_loss(killed):
    with wal_of(killed.warehouse).open("ab") as file:
        file.write((500).to_bytes(8, "little") + b"sumsum" + bytes(40))
    assert numbers(killed) == set(range(COMMITS))


def test_a_file_put_back_beside_anothers_log_is_refused(killed, filled_file):
    killed.warehouse.write_bytes(filled_file)
    assert "an older file" in refusal(killed)
    with pytest.raises(GovpulseError, match="an older file"):
        salvage(killed, Limits(), NOW)


def test_a_file_from_before_a_compaction_is_refused_though_it_counts_more_checkpoints(tmp_path):
    home = migrated_home(tmp_path / "home")
    for number in range(6):
        with warehouse(home) as con, transaction(con):
            con.execute("INSERT INTO ops.audit_log VALUES ('number', ?, NULL, now())", [str(number)])
    older = home.warehouse.read_bytes()
    with warehouse(home) as con:
        compact(con, home)
    with warehouse(home):
        pass
    home.warehouse.write_bytes(older)
    assert "an older file" in refusal(home)


def test_a_foreign_log_beside_a_file_is_refused(killed, filled):
    with warehouse(filled) as con, transaction(con):
        con.execute("INSERT INTO ops.audit_log VALUES ('number', '1', NULL, now())")
    shutil.copyfile(wal_of(killed.warehouse), wal_of(filled.warehouse))
    assert "another file" in refusal(filled)


def test_an_older_file_put_back_by_hand_is_refused_until_the_mark_goes(filled):
    shutil.copyfile(filled.warehouse, backup := filled.root / "copy.duckdb")
    for _ in range(2):
        with warehouse(filled) as con, transaction(con):
            con.execute("INSERT INTO ops.audit_log VALUES ('number', '1', NULL, now())")
    metrics(filled)
    shutil.copyfile(backup, filled.warehouse)
    assert "older file" in refusal(filled)
    forget_mark(filled.warehouse)
    assert metrics(filled)[0] == ROWS


def test_compaction_and_a_killed_one_leave_a_file_that_is_taken(filled, monkeypatch):
    before = metrics(filled)
    with warehouse(filled) as con:
        compact(con, filled)
    assert metrics(filled) == before
    monkeypatch.setattr("storage.maintenance.os.replace", lambda *_: None)
    with warehouse(filled) as con:
        compact(con, filled)
    assert metrics(filled) == before


def test_a_damaged_mark_is_written_anew(filled):
    before = metrics(filled)
    flip(mark_of(filled.warehouse), 20)
    assert metrics(filled) == before


def test_nothing_is_changed_where_nothing_is_damaged(filled):
    metrics(filled)
    content = filled.warehouse.read_bytes()
    assert salvage(filled, Limits(), NOW).is_sound
    assert filled.warehouse.read_bytes() == content
    assert not filled.set_aside.exists()


@pytest.mark.parametrize("header", [0, 4096, 8192])
@pytest.mark.parametrize(
    ("at", "content"), [(600, b"\x01"), (600, bytes(range(1, 65))), (10, b"\x77"), (37, b"\x07"), (3, b"\x00")]
)
def test_a_damaged_header_loses_nothing(filled, header, at, content):
    before = metrics(filled)
    damage(filled.warehouse, header + at, content)
    done = salvage(filled, Limits(), NOW)
    assert (done.headers, done.losses) == (1, ())
    assert metrics(filled) == before


@pytest.mark.parametrize("size", [4096, pytest.param(65536, marks=pytest.mark.campaign)])
def test_zeroed_pages_cost_what_lies_in_their_block(filled, size):
    before = metrics(filled)
    block = blocks_of(filled, "value")[2]
    most = rows_in(filled, block)
    damage(filled.warehouse, block_at(block) + 65536, bytes(size))
    planned = salvage(filled, Limits(), NOW, keeps=False)
    assert planned.set_aside is None
    done = salvage(filled, Limits(), NOW)
    assert planned.losses == done.losses
    lost = sum(loss.rows for loss in done.losses)
    assert 0 < lost <= most + 2 * 2048
    assert metrics(filled)[0] == before[0] - lost
    assert {loss.table for loss in done.losses} == {"raw.system_metrics"}
    assert all(loss.since and loss.until and loss.since < loss.until for loss in done.losses)
    with warehouse(filled) as con:
        holes = [con.execute("SELECT count(*) FROM raw.system_metrics WHERE observed_at > ? AND observed_at < ?",
                             [loss.since, loss.until]).fetchall()[0][0] for loss in done.losses]  # fmt: skip
        assert holes == [0] * len(holes)


def test_what_is_made_anew_has_all_that_the_old_one_had(filled):
    def objects(home):
        with warehouse(home) as con:
            migrated = con.sql("FROM ops.schema_migrations ORDER BY ALL").fetchall()
            return migrated, [con.sql(f"{sql} AND database_name = 'warehouse' ORDER BY ALL").fetchall() for sql in OBJECTS]

    before = objects(filled)
    damage(filled.warehouse, block_at(blocks_of(filled, "value")[1]) + 1000, bytes(4096))
    assert salvage(filled, Limits(), NOW).losses
    assert objects(filled) == before


def test_what_no_salvage_can_read_is_one_line_and_stays(filled):
    filled.warehouse.write_bytes(filled.warehouse.read_bytes()[:5000])
    content = filled.warehouse.read_bytes()
    with pytest.raises(GovpulseError, match="backup"):
        salvage(filled, Limits(), NOW)
    assert filled.warehouse.read_bytes() == content


def rows_by_block(home):
    """The rows of raw.system_metrics that some column has in each block."""
    con = connect()
    attach(con, home.warehouse, "w", read_only=True)
    con.execute("USE w")
    segments = "SELECT block_id, row_group_id * 122880 + start, count FROM pragma_storage_info('raw.system_metrics')"
    found = {}
    for block, start, count in con.execute(segments).fetchall():
        found.setdefault(block, set()).update(range(start // 2048 * 2048, (start + count + 2047) // 2048 * 2048))
    con.close()
    return {block: len({row for row in rows if row < ROWS}) for block, rows in found.items()}


@pytest.mark.campaign
def test_a_hundred_flipped_bytes_cost_what_lies_in_their_blocks(filled, filled_file):
    """A vector of 2,048 rows with a byte in the block counts as touched."""
    chance, touched, gave_nothing = random.Random(100), rows_by_block(filled), 0
    for place in (chance.randrange(len(filled_file)) for _ in range(100)):
        filled.warehouse.write_bytes(filled_file)
        forget_mark(filled.warehouse)
        flip(filled.warehouse, place)
        try:
            lost = sum(loss.rows for loss in salvage(filled, Limits(), NOW, keeps=False).losses)
        except GovpulseError:
            gave_nothing += 1
            continue
        untouched = ROWS - touched.get((place - 3 * 4096) // BLOCK, 0)
        assert ROWS - lost >= 0.99 * untouched, place
    assert gave_nothing <= 5, "of a file of which a tenth is metadata"
