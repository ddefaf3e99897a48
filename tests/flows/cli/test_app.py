"""The command line as a whole: exit codes, errors in one line, what `run` and `sample` refuse, and `doctor`."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.cli.app import one_line
from flows.cli.run import parse_parts
from flows.instants import parse_instant
from storage.errors import ConfigurationError, GovpulseError
from storage.home import Home
from storage.warehouse import warehouse
from tests.homes import published_home


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--only", "nonsense"], "nonsense"),
        (["run", "--only", "alerts,nonsense"], "nonsense"),
        (["run", "--as-of", "yesterday"], "--as-of yesterday"),
        (["run", "--as-of", "2999-01-01"], "as_of 2999-01-01 00:00 UTC is in the future"),
        (["run", "--window-start", "2999-01-01"], "window_start 2999-01-01 00:00 UTC is in the future"),
        (["run", "--window-start", "2026-13-01"], "--window-start 2026-13-01"),
    ],
    ids=["part", "one of two parts", "as-of", "as-of to come", "window-start to come", "window-start"],
)
def test_run_refuses_before_anything_starts(fails, home, arguments, said) -> None:
    assert said in fails(2, *arguments)
    assert not home.exists()


def test_parts_and_instants() -> None:
    assert parse_parts(" alerts, deployment_metrics,") == ["alerts", "deployment_metrics"]
    assert parse_parts(None) is None
    assert parse_instant("--as-of", None) is None
    assert parse_instant("--as-of", "2026-03-01T00:00Z") == datetime(2026, 3, 1, tzinfo=UTC)
    assert parse_instant("--as-of", "2026-03-01T02:00+02:00") == datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=2)))


def test_sample_writes_sqlite_and_postgresql_only(fails) -> None:
    assert "a postgresql:// URL" in fails(2, "sample", "--to", "mysql://user:s3cret@host/db")


def test_sample_shows_no_password(fails) -> None:
    said = fails(1, "sample", "--to", "postgresql://user:s3cret@127.0.0.1:1/db")
    assert "127.0.0.1:1/db" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("arguments", [["nonsense"], ["query"], ["query", "SELECT 1", "--format", "xml"], ["load", "users"]])
def test_wrong_usage_ends_with_2_without_a_traceback(govpulse, arguments) -> None:
    outcome = govpulse(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Traceback" not in outcome.err


def test_help_lists_the_commands(govpulse) -> None:
    outcome = govpulse("--help")
    assert outcome.code == 0
    for command in ("run", "up", "query", "load", "sample", "config", "doctor"):
        assert command in outcome.out


def test_an_error_that_is_not_ours_says_so_in_one_line() -> None:
    assert one_line(GovpulseError("the disk is full; make room")) == "the disk is full; make room"
    assert one_line(ConfigurationError("")) == "no message"
    said = one_line(KeyError("x\ny"))
    assert said.startswith("KeyError: ")
    assert "--debug" in said
    assert "\n" not in said


def test_a_home_that_cannot_be_written_is_said(fails, home) -> None:
    home.write_text("a file where the folder should be")
    assert "GOVPULSE_HOME" in fails(1, "query", "--private", "SELECT 1")


def findings(outcome) -> dict[str, dict]:
    return {finding["check"]: finding for finding in json.loads(outcome.out)}


def test_doctor_finds_everything_well(govpulse, home) -> None:
    published_home(home)
    outcome = govpulse("doctor", "--json")
    assert {name for name, finding in findings(outcome).items() if not finding["ok"]} == set()
    assert outcome.code == 0
    assert findings(outcome)["source"]["said"].startswith("the built-in sample")


def test_doctor_says_what_is_wrong_and_fails(govpulse, tmp_path) -> None:
    (tmp_path / "govpulse.toml").write_text('[source]\nkind = "sqlite"\nurl = "none.sqlite"\n')
    outcome = govpulse("doctor", "--json")
    wrong = {name: finding["said"] for name, finding in findings(outcome).items() if not finding["ok"]}
    assert outcome.code == 1
    assert set(wrong) == {"source", "published"}
    assert "none.sqlite does not exist" in wrong["source"]
    assert "govpulse run" in wrong["published"]


def test_a_volume_that_is_not_mounted_is_said_by_whoever_comes_first(govpulse, fails, home) -> None:
    folder = Home(home)
    with warehouse(folder):
        pass
    shutil.rmtree(folder.private)
    for arguments in (["run"], ["alerts", "list"], ["alerts", "show", "a"], ["query", "--private", "SELECT 1"]):
        assert f"{folder.private} has lost its id" in fails(1, *arguments)
    said = findings(govpulse("doctor", "--json"))["warehouse"]
    assert (said["ok"], "mount its disk" in said["said"]) == (False, True)
    assert not folder.warehouse.exists()


def test_doctor_in_words(govpulse, home) -> None:
    outcome = govpulse("doctor")
    assert outcome.code == 1
    marks = {line.split()[1]: line.split()[0] for line in outcome.out.splitlines() if line.split()[0] in ("ok", "problem")}
    assert marks["published"] == "problem"
    assert marks["warehouse"] == "ok"


def test_doctor_holds_the_owners_against_the_database(govpulse, tmp_path) -> None:
    with closing(sqlite3.connect(tmp_path / "platform.sqlite")) as con, con:
        con.execute("CREATE TABLE stewards (area, person)")
        con.execute("INSERT INTO stewards VALUES ('finance', 'u1')")
    (tmp_path / "mapping").mkdir()
    select = tmp_path / "mapping" / "owners.sql"
    (tmp_path / "govpulse.toml").write_text('[source]\nkind = "sqlite"\nurl = "platform.sqlite"\nmapping = "./mapping"\n')
    select.write_text("SELECT area AS domain, person AS user_id FROM stewards")
    found = findings(govpulse("doctor", "--json"))["mapping mapping/owners.sql"]
    assert (found["ok"], found["said"], found["rows"]) == (True, "1 row checked", [{"domain": "finance", "user_id": "u1"}])
    select.write_text("SELECT area AS domain FROM stewards")
    outcome = govpulse("doctor")
    assert outcome.code == 1
    assert "mapping mapping/owners.sql does not yield user_id" in outcome.out


@pytest.mark.parametrize("arguments", [["--version"], ["--debug", "--version"]])
def test_the_version_is_that_of_the_installation(govpulse, arguments) -> None:
    outcome = govpulse(*arguments)
    assert (outcome.code, outcome.out) == (0, f"govpulse {version('govpulse')}\n")


def test_the_version_loads_nothing_that_takes_time() -> None:
    code = (
        "import sys; sys.argv = ['govpulse', '--version']; from flows.__main__ import main; main();"
        " print(*sorted({'duckdb', 'polars', 'prefect', 'pydantic', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert done.stdout == f"govpulse {version('govpulse')}\n\n"


def test_as_a_program(home: Path, tmp_path: Path) -> None:
    """The entry point, once for real: one line on standard error, the exit code, and nothing on standard output."""
    command = [sys.executable, "-m", "flows", "query", "DELETE FROM x"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("govpulse: ")
    assert done.stderr.count("\n") == 1
