"""What `doctor` says of what is open to others, and with which modes commands write what they were asked for."""

import json
import os
import stat
from pathlib import Path

import pytest

from flows.run import begin
from storage.errors import ConfigurationError
from tests.homes import migrated_home
from tests.other_users import READER, RUNNER, folder_of, other_users, some_group

SECRET = '[[notifications.channels]]\nname = "ops"\nkind = "webhook"\nurl = "https://example.org/T0P"\n'


@pytest.fixture
def migrated(home) -> None:
    migrated_home(home)


def access(govpulse) -> dict:
    found = json.loads(govpulse("doctor", "--json").out)
    return next(finding for finding in found if finding["check"] == "access")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("umask", "expected"), [(0o022, 0o644), pytest.param(0o002, 0o664, marks=pytest.mark.slow), (0o077, 0o600)]
)
def test_a_file_that_was_asked_for_has_the_persons_mode_and_the_home_is_closed(govpulse, home, tmp_path, umask, expected) -> None:
    before = os.umask(umask)
    try:
        outcomes = [
            govpulse("query", "--private", "SELECT 1 AS a", "--format", "csv", "--output", str(tmp_path / "a.csv")),
            govpulse("query", "--private", "SELECT 1 AS a", "--format", "parquet", "--output", str(tmp_path / "a.parquet")),
            govpulse("sample", "--to", str(tmp_path / "sample.sqlite"), "--days", "1", "--scale", "0.01"),
        ]
        assert os.umask(umask) == umask, "as it was"
    finally:
        os.umask(before)
    assert [outcome.code for outcome in outcomes] == [0, 0, 0], outcomes
    assert {mode(tmp_path / name) for name in ("a.csv", "a.parquet")} == {expected}
    assert mode(tmp_path / "sample.sqlite") == expected & 0o644, "as SQLite makes its files"
    assert [path for path in (home / "private").rglob("*") if mode(path) & 0o077] == []


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize(
    ("text", "opened", "problem"),
    [
        (SECRET, 0o644, "others can read {file}, and there is a secret in it: `chmod 600 {file}`"),
        pytest.param(
            '[source]\nkind = "postgresql"\nurl = "postgresql://a:pass@localhost:1/b"\n',
            0o604,
            "there is a secret in it",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            '[alerts]\nheartbeat_url = "https://example.org/x"\n', 0o644, "there is a secret in it", marks=pytest.mark.slow
        ),
        ("", 0o602, "others can write to {file}: `chmod go-w {file}`"),
        (SECRET, 0o600, None),
        (SECRET.replace("url =", "url_env =").replace("https://example.org/T0P", "OPS"), 0o644, None),
        pytest.param('[source]\nkind = "postgresql"\nurl = "postgresql://localhost:1/b"\n', 0o644, None, marks=pytest.mark.slow),
    ],
)
def test_doctor_says_whether_others_read_a_secret_or_change_the_settings(govpulse, home, tmp_path, text, opened, problem) -> None:
    file = tmp_path / "govpulse.toml"
    file.write_text(text)
    file.chmod(opened)
    found = access(govpulse)
    assert found["ok"] == (problem is None), found
    assert (problem or "published for all accounts").format(file="govpulse.toml") in found["said"]


@pytest.mark.usefixtures("migrated")
def test_doctor_says_who_could_change_the_rules_or_put_another_home_in_its_place(govpulse, home, tmp_path) -> None:
    (tmp_path / "own.toml").touch()
    (tmp_path / "own.toml").chmod(0o666)
    (tmp_path / "govpulse.toml").write_text('[alerts]\nrules = "own.toml"\n')
    tmp_path.chmod(0o777)
    said = access(govpulse)["said"]
    tmp_path.chmod(0o700)
    assert f"others can write to {tmp_path / 'own.toml'}" in said
    assert f"everybody can write to {tmp_path}, in which {home} lies: `chmod o-w {tmp_path}`, or move it" in said


@pytest.mark.usefixtures("migrated")
def test_doctor_says_who_reads_what_is_published(govpulse, home, tmp_path, monkeypatch) -> None:
    assert access(govpulse)["said"] == (
        f"published for all accounts, but they cannot go through {first_closed(tmp_path)} (chmod 711); all else is closed"
    )
    monkeypatch.setenv("GOVPULSE_PUBLISH__READERS", "owner")
    monkeypatch.setenv("GOVPULSE_PUBLISH__PEOPLE", "false")
    assert access(govpulse)["said"] == "published for nobody else, without people; all else is closed"


def first_closed(path: Path) -> Path:
    return next(folder for folder in (*reversed(path.parents), path) if not mode(folder) & 0o011)


def test_what_else_lies_in_the_home_is_listed_and_said(govpulse, home) -> None:
    home.mkdir()
    (home / "notes.txt").touch()
    home.chmod(0o755)
    assert f"others can list {home}, for there is more in it than govpulse's own: `chmod 711 {home}`" in access(govpulse)["said"]


def test_a_group_that_is_none_is_an_error_of_configuration_before_anything_is_done(fails, home, monkeypatch) -> None:
    monkeypatch.setenv("GOVPULSE_PUBLISH__READERS", "group")
    monkeypatch.setenv("GOVPULSE_PUBLISH__GROUP", "no such group")
    assert fails(2, "config", "check") == "govpulse: publish.group: there is no group 'no such group' on this machine\n"
    with pytest.raises(ConfigurationError, match="there is no group"):
        begin("compute_insights", None)
    assert not home.exists()


CLI = """
import io, json, logging
import duckdb, polars, pytz, pyarrow, rich, typer
from flows.cli.app import main
def govpulse(*arguments):
    sys.argv = ["govpulse", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0
import contextlib, sys
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    for arguments in (["query", "SELECT 1"], ["query", "--private", "SELECT 1"], ["alerts", "list"], ["config", "check"]):
        govpulse(*arguments)  # what a command needs is imported when it runs
"""
ASK = "print(govpulse(*json.loads(sys.argv[1])))"
PUBLISH = """
from flows.settings import load_settings
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
settings = load_settings()
with warehouse(settings.folder) as con:
    print(publish(con, settings.folder, settings.publish.audience) > 0)
"""
READ = """
from flows.settings import load_settings
from storage.errors import GovpulseError
from storage.publishing.published import ask_published
try:
    print(ask_published(load_settings().folder.published, "SELECT count(*) FROM ops.schema_migrations").item() > 0)
except GovpulseError as error:
    print(error)
"""


@pytest.mark.slow
def test_one_runs_and_others_read(tmp_path, monkeypatch) -> None:
    """The commands as a member of the group calls them, and as somebody else."""
    monkeypatch.setenv("GOVPULSE_HOME", str(tmp_path / "nothing"))
    name, group = some_group()
    with folder_of(RUNNER) as own, other_users(CLI) as users:
        home = str(own / "data")
        settings = {"GOVPULSE_HOME": home, "GOVPULSE_PUBLISH__READERS": "group", "GOVPULSE_PUBLISH__GROUP": name}

        def ask(user: int, *arguments: str, groups: tuple[int, ...] = ()) -> str:
            return users.run(user, ASK, json.dumps(arguments), groups=groups, **settings)

        assert users.run(RUNNER, PUBLISH, groups=(group,), **settings) == "True\n"
        assert users.run(READER, READ, groups=(group,), **settings) == "True\n"
        assert "permission denied" in users.run(READER, READ, **settings)
        assert "no active alert" in ask(RUNNER, "alerts", "list", groups=(group,))
        said = ask(READER, "alerts", "list", groups=(group,))
        assert said.startswith(f"govpulse: {home} belongs to user {RUNNER}; run govpulse as user {RUNNER}, or set GOVPULSE_HOME")
        assert said.endswith("\n1\n")
        assert said.count("\n") == 2
