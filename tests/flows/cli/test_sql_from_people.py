"""SQL from people through whatever takes it: `query`, `query --private`, a rule that is evaluated, `alerts test`."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from storage.asking.permission import check_reads
from storage.asking.reader import Reader
from storage.errors import ConfigurationError, GovpulseError
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import REMEDY, warehouse
from tasks.alerts.engine import evaluate_rules
from tasks.alerts.rules import read_rules
from tests.attempts import ATTEMPTS
from tests.homes import published_home
from tests.storage.test_reader import DEAF, LIMITS

ROOT = Path(__file__).parents[3]
GOOD = '[[rule]]\nname = "good"\nsql = "SELECT \'a\' AS subject, 5 AS value"\nwarning = 1\n'
SECRET = "hidden"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name in ("secret.txt", "secret.csv", "secret.json"):
        (folder / name).write_text(f'"{SECRET}"\n1\n')
    return folder


@pytest.fixture
def there(home: Path) -> Home:
    """A home with a warehouse and a published file."""
    return published_home(home)


def passes(sql: str) -> bool:
    try:
        check_reads(sql)
    except ConfigurationError:
        return False
    return True


REFUSED, PASSED = [sql for sql in ATTEMPTS if not passes(sql)], [sql for sql in ATTEMPTS if passes(sql)]


def written(sql: str, folder: Path) -> str:
    return sql.replace("{folder}", str(folder)).replace("{pid}", str(os.getpid()))


def rule(name: str, sql: str, rest: str = "") -> str:
    return f"[[rule]]\nname = \"{name}\"\nsql = '''{sql}'''\nwarning = 1\n{rest}\n"


def test_there_are_sixty_and_more_and_most_do_not_pass_the_first_wall() -> None:
    assert len(ATTEMPTS) >= 100
    assert len(PASSED) < 20


def test_the_first_wall_stands_before_queries_and_rules(govpulse, there, folder, tmp_path) -> None:
    before, own = sorted(os.listdir(folder)), tmp_path / "own.toml"
    for sql in REFUSED:
        attempt = written(sql, folder)
        own.write_text(rule("bad", attempt))
        for arguments in (["query", attempt], ["query", "--private", attempt]):
            outcome = govpulse(*arguments)
            assert (outcome.code, outcome.out) in ((1, ""), (2, "")), sql
            assert outcome.err.count("\n") == 1
            assert SECRET not in outcome.err
        with pytest.raises(ConfigurationError, match="rule bad: sql "):
            read_rules(own)
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("sql", REFUSED[::12])
def test_alerts_test_refuses_what_reading_the_file_refuses(fails, there, folder, tmp_path, sql) -> None:
    own = tmp_path / "own.toml"
    own.write_text(rule("bad", written(sql, folder)))
    assert "rule bad: sql " in fails(2, "alerts", "test", "bad", "--file", str(own))


def test_a_rule_that_is_refused_leaves_the_rules_in_force(there, folder, tmp_path) -> None:
    own = tmp_path / "own.toml"
    options = {"limits": Limits(10.0, 1), "rules_file": str(own), "channels": {}}
    own.write_text(GOOD)
    evaluate_rules.fn(str(there.root), as_of=datetime.now(UTC), **options)
    own.write_text(rule("good", written(REFUSED[0], folder)))
    result = evaluate_rules.fn(str(there.root), as_of=datetime.now(UTC), **options)
    assert [failure for failure in result.failures if "rule good: sql calls read_text" in failure]
    assert any(transition.after.rule == "rules_file" for transition in result.transitions)
    with warehouse(there) as con:
        assert con.sql("SELECT state FROM alerts.alerts WHERE rule = 'good'").fetchall() == [("firing",)]


@pytest.mark.parametrize("alias", [pytest.param("govpulse", marks=pytest.mark.campaign), "warehouse"])
def test_behind_it_a_query_reaches_nothing(there, folder, alias) -> None:
    path = {"govpulse": there.published, "warehouse": there.warehouse}[alias]
    with Reader(LIMITS) as reader, reader.reading(path, alias, REMEDY):
        for sql in PASSED:
            with pytest.raises(GovpulseError) as refused:
                reader.ask(written(sql, folder), {}, 10.0)
            assert SECRET not in str(refused.value), sql


@pytest.mark.slow
def test_behind_it_rules_reach_nothing_and_others_go_on(there, folder, tmp_path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(GOOD + "".join(rule(f"bad_{number}", written(sql, folder)) for number, sql in enumerate(PASSED)))
    options = {"limits": Limits(10.0, 1), "rules_file": str(own), "channels": {"ops": "warning"}}
    result = evaluate_rules.fn(str(there.root), as_of=datetime.now(UTC), **options)
    assert [failure.split(":")[0] for failure in result.failures] == [f"rule bad_{number}" for number in range(len(PASSED))]
    with warehouse(there) as con:
        assert con.sql("SELECT state FROM alerts.alerts WHERE rule = 'good'").fetchall() == [("firing",)]
        texts = con.sql("SELECT string_agg(COLUMNS(*)::VARCHAR) FROM (SELECT message, reason FROM alerts.notifications)").fetchall()
    assert SECRET not in str(texts)


def test_and_the_same_sql_through_the_command_line(fails, there, folder, tmp_path) -> None:
    attempt, own = f"SELECT * FROM '{folder}/secret.csv'", tmp_path / "own.toml"
    own.write_text(rule("bad", attempt))
    for arguments in (["query", attempt], ["query", "--private", attempt], ["alerts", "test", "bad", "--file", str(own)]):
        assert SECRET not in fails(1, *arguments)


def test_a_private_query_that_takes_too_long_is_ended_and_others_get_their_turn(fails, there, monkeypatch) -> None:
    monkeypatch.setenv("GOVPULSE_WAREHOUSE__QUERY_TIMEOUT_SECONDS", "0.5")
    said = fails(1, "query", "--private", DEAF)
    assert "took longer than 0.5 s" in said
    assert "query_timeout_seconds" in said
    with warehouse(there, Limits(lock_timeout_seconds=5.0)) as con:
        assert con.sql("SELECT 1").fetchall() == [(1,)]


@pytest.mark.slow
def test_a_rule_that_eats_time_or_memory_fails_by_its_name_and_harms_nothing(there, tmp_path) -> None:
    own = tmp_path / "own.toml"
    deaf = DEAF.replace(" AS n", " AS value, 'a' AS subject")
    greedy = "SELECT 'a' AS subject, length(repeat(repeat('x', 1_000_000), 3000)) AS value"
    own.write_text(rule("deaf", deaf, 'timeout = "1s"') + rule("greedy", greedy) + GOOD)
    options = {"limits": Limits(10.0, 1, "200MB"), "rules_file": str(own), "channels": {}}
    result = evaluate_rules.fn(str(there.root), as_of=datetime.now(UTC), **options)
    first, second = result.failures
    assert first == "rule deaf: took longer than 1 s"
    assert second.startswith("rule greedy: ")
    assert "memory" in second
    with warehouse(there) as con:
        states = con.sql("SELECT rule, state FROM alerts.alerts WHERE rule IN ('good', 'deaf', 'greedy') ORDER BY rule").fetchall()
    assert states == [("deaf", "error"), ("good", "firing"), ("greedy", "error")]


def test_a_query_is_ended_by_ctrl_c(there) -> None:
    command = [sys.executable, "-m", "flows", "query", DEAF]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=there.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            reading = reader_of(process.pid)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
            assert process.stderr.read() == b""
            assert psutil.wait_procs([reading], timeout=10)[1] == []
        finally:
            process.kill()


def reader_of(pid: int) -> psutil.Process:
    patience_ends = time.monotonic() + 60
    while time.monotonic() < patience_ends:
        if children := psutil.Process(pid).children():
            return children[0]
        time.sleep(0.1)
    raise AssertionError("it asks nobody")
