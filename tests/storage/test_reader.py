"""The process that reads: what it answers, that nothing stops it from being stopped, and that it leaves nothing behind."""

import math
import time
from datetime import UTC, datetime

import psutil
import pytest

from storage.asking.permission import TookTooLongError
from storage.asking.reader import Reader
from storage.errors import GovpulseError
from storage.limits import Limits
from storage.warehouse import REMEDY, warehouse
from tests.homes import migrated_home

LIMITS = Limits(memory="200MB")
DEAF = "SELECT max(levenshtein(repeat('a', 300_000), repeat('b', 300_000))) AS n"
"""Takes minutes, and listens to no interrupt."""
ASK_FOR_EVER = f"""
import sys
from pathlib import Path
from storage.asking.reader import Reader
from storage.limits import Limits
with Reader(Limits()) as reader, reader.reading(Path(sys.argv[1]), "warehouse", ""):
    print(reader.ask("SELECT 1 AS n", {{}}, 60.0)["n"][0], flush=True)
    reader.ask("{DEAF}", {{}}, 600.0)
"""
WRITE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from storage.home import Home
from storage.warehouse import warehouse
with warehouse(Home(Path(sys.argv[1]))) as con:
    con.execute("INSERT INTO ops.audit_log VALUES ('committed', NULL, NULL, now())")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    home = migrated_home(tmp_path_factory.mktemp("read") / "home")
    with warehouse(home) as con:
        con.execute("INSERT INTO ops.audit_log VALUES ('kept', NULL, NULL, now())")
    return home


@pytest.fixture(scope="module")
def reader(filled):
    with Reader(LIMITS, filled.spill) as reader, reader.reading(filled.warehouse, "warehouse", REMEDY):
        yield reader


def children():
    return psutil.Process().children()


def test_rows_and_parameters_of_every_kind(reader) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    sql = "SELECT $at AS at, $names AS names, $limit AS limit, action FROM ops.audit_log"
    rows = reader.ask(sql, {"at": at, "names": ["a", "ü\nb"], "limit": math.inf}, 10.0)
    assert rows.rows() == [(at, ["a", "ü\nb"], math.inf, "kept")]
    assert reader.ask("SELECT action FROM ops.audit_log WHERE false", {}, 10.0).schema.names() == ["action"]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT CAST('x' AS INTEGER)", "x"),
        ("SELECT error(E'two\\nlines')", "two"),
        ("DELETE FROM ops.audit_log", "one SELECT"),
        ("SELECT * FROM read_text('/etc/hostname')", "calls read_text"),
        ("SELECT $missing", "missing"),
    ],
)
def test_what_fails_is_one_line_and_the_next_question_is_answered(reader, sql, said) -> None:
    with pytest.raises(GovpulseError, match=said) as failed:
        reader.ask(sql, {}, 10.0)
    assert "\n" not in str(failed.value)
    assert reader.ask("SELECT 1 AS n", {}, 10.0)["n"].to_list() == [1]


ENDLESS = {
    "deaf": DEAF,
    "rows": "SELECT * FROM range(1_000_000_000_000)",
    "recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "join": "SELECT count(*) FROM range(1_000_000) AS a, range(1_000_000) AS b WHERE hash(a, b) = 1",
}


@pytest.mark.parametrize("sql", ENDLESS.values(), ids=ENDLESS)
def test_whatever_takes_too_long_is_ended(reader, sql) -> None:
    with pytest.raises((TookTooLongError, GovpulseError), match=r"took longer than 0.5 s|yields more than 512 MB|more memory than"):
        reader.ask(sql, {}, 0.5)
    assert reader.ask("SELECT action FROM ops.audit_log", {}, 10.0)["action"].to_list() == ["kept"]


GREEDY = {
    "text": "SELECT length(repeat(repeat('x', 1_000_000), 3000))",
    "list": "SELECT list_sum(range(2_000_000_000))",
    "unnest": "SELECT count(*) FROM (SELECT unnest(range(1_000_000_000)))",
    "aggregate": "SELECT len(list(i)) FROM range(1_000_000_000) AS r(i)",
    "format": "SELECT format('{:2000000000}', 1)",
}


@pytest.mark.parametrize("sql", GREEDY.values(), ids=GREEDY)
def test_whatever_wants_too_much_memory_fails(reader, sql) -> None:
    with pytest.raises(GovpulseError, match=r"more memory than|yields more than|ended without an answer"):
        reader.ask(sql, {}, 60.0)
    assert reader.ask("SELECT action FROM ops.audit_log", {}, 10.0)["action"].to_list() == ["kept"]


def test_it_knows_no_secret_of_the_environment(filled, monkeypatch) -> None:
    monkeypatch.setenv("CHAT_URL", "slack://secret")
    with Reader(LIMITS):
        (process,) = [each for each in children() if "reading_process" in " ".join(each.cmdline())][-1:]
        assert set(process.environ()) <= {"LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "LC_CTYPE"}


def test_after_the_block_the_file_is_free_and_the_process_gone(tmp_path) -> None:
    filled = migrated_home(tmp_path / "home")
    with Reader(LIMITS):
        pass  # the first one also starts what keeps track of shared memory for as long as this process lives
    before = children()
    with Reader(LIMITS) as reader:
        for _ in range(2):
            with reader.reading(filled.warehouse, "warehouse", REMEDY):
                assert reader.ask("SELECT 1 AS n", {}, 10.0)["n"].to_list() == [1]
            with warehouse(filled) as con:
                con.execute("UPDATE ops.audit_log SET detail = 'x'")

    assert children() == before


def test_who_started_it_is_killed_and_it_ends_whatever_it_is_doing(filled, python) -> None:
    with python(ASK_FOR_EVER, filled.warehouse) as asker:
        assert asker.stdout.readline() == "1\n"
        (reading,) = psutil.Process(asker.pid).children()
        time.sleep(0.3)  # it has begun to compute, or begins soon: it ends in both cases
        asker.kill()
        asker.wait()
        assert psutil.wait_procs([reading], timeout=10)[1] == []


def test_what_a_killed_writer_had_committed_is_read(tmp_path, python) -> None:
    home = migrated_home(tmp_path / "home")
    with python(WRITE_AND_DIE, home.root) as writer:
        assert writer.wait(30) == -9
    assert home.warehouse.with_name("warehouse.duckdb.wal").stat().st_size
    with Reader(LIMITS, home.spill) as reader, reader.reading(home.warehouse, "warehouse", REMEDY):
        assert reader.ask("SELECT action FROM ops.audit_log", {}, 10.0)["action"].to_list() == ["committed"]


def test_a_process_that_was_killed_from_outside_is_one_line_and_is_replaced(filled) -> None:
    with Reader(LIMITS) as reader:
        with reader.reading(filled.warehouse, "warehouse", REMEDY):
            reader.ask("SELECT 1 AS n", {}, 10.0)
            kill_readers()
            with pytest.raises(GovpulseError, match="ended without an answer"):
                reader.ask("SELECT 1 AS n", {}, 10.0)
            assert reader.ask("SELECT 2 AS n", {}, 10.0)["n"].to_list() == [2]
            kill_readers()
        with reader.reading(filled.warehouse, "warehouse", REMEDY):
            assert reader.ask("SELECT 3 AS n", {}, 10.0)["n"].to_list() == [3]


def kill_readers():
    for process in children():
        if "reading_process" in " ".join(process.cmdline()):
            process.kill()
            psutil.wait_procs([process], timeout=10)


def test_it_spills_what_does_not_fit(filled) -> None:
    rows = "SELECT i, repeat('x', 50) || hash(i) AS text FROM range(600_000) AS r(i) ORDER BY text LIMIT 590_000"
    with Reader(Limits(memory="40MB"), filled.spill) as reader, reader.reading(filled.warehouse, "warehouse", REMEDY):
        assert reader.ask(f"SELECT count(*) AS n FROM ({rows})", {}, 60.0)["n"].to_list() == [590_000]
