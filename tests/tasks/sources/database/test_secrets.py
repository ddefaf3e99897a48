"""No message, table, file, log or process shows a password of the source, however it is written in the URL.

Every password here is made of pieces that begin with the same letters, so that one search finds whatever is left of any.
"""

import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import psutil
import psycopg
import pytest
from pydantic import SecretStr

from flows.settings import Settings, SourceSettings, shown
from flows.sources import source_of
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.publishing.publishing import publish
from storage.warehouse import attach, connect, warehouse
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Session, Span
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import SourceProgress
from tests.postgresql import PostgresServer

ROOT = Path(__file__).parents[3]
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
LEAK = "qzx"
TAKEN = {
    "plain": "postgresql://postgres:qzxword@{}",
    "escaped": "postgresql://postgres:qzx%40one%2Fqzxtwo%3Fqzxthree@{}",
    "question mark and hash": "postgresql://postgres:qzxone?qzxtwo#qzxthree@{}",
    "parameter": "postgresql://{}?user=postgres&password=qzxword",
    "escaped parameter": "postgresql://{}?user=postgres&password=qzxone%26qzxtwo%3Dqzxthree+qzxfour",
    "at sign in a parameter": "postgresql://{}?user=postgres&password=qzxone/qzxtwo@qzxthree",
}
"""What PostgreSQL takes, with any password, because the server trusts everybody here."""
NOT_TAKEN = {
    "at sign and slash": "postgresql://postgres:qzxone@qzxtwo/qzxthree@{}",
    "colon and brackets": "postgresql://postgres:qzxone:qzx[two]@qzxthree@{}",
    "percent": "postgresql://postgres:qzxone%qzxtwo@{}",
    "space": "postgresql://postgres:qzxone qzxtwo@{}",
    "ampersand in a parameter": "postgresql://{}?user=postgres&password=qzxone&qzxtwo",
    "equals sign in a parameter": "postgresql://{}?user=postgres&password=qzxone=qzxtwo",
    "misspelt parameter": "postgresql://{}?user=postgres&passwort=qzxword",
    "no slashes": "postgresql:qzxword@{}",
    "upper case": "POSTGRESQL://postgres:qzxword@{}",
    "another kind": "mysql://postgres:qzxword@{}",
    "no scheme": "postgres:qzxword@{}",
    "words": "host=127.0.0.1 password=qzxword",
}
URLS = TAKEN | NOT_TAKEN
NOWHERE = "127.0.0.1:1/none"
USERS = (
    "SELECT id AS user_id, role, NULL AS team, NULL AS is_active, '{}' AS preferences, NULL AS created_at, updated_at FROM people"
)
SCANS = "SELECT 1 / (id - 1) AS scan_id, * FROM people"


@pytest.fixture(scope="module")
def place(postgres: PostgresServer) -> str:
    """Host, port and database, where there are people."""
    url = postgres.create_database("reading_secrets")
    with closing(psycopg.connect(url, autocommit=True)) as con:
        con.execute("CREATE TABLE people (id int, role text, updated_at timestamptz)")
        con.execute("INSERT INTO people VALUES (1, 'analyst', '2026-07-01'), (NULL, 'admin', '2026-07-01')")
    return url.rpartition("@")[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "users.sql").write_text(USERS)
    return tmp_path / "mine"


def settings_for(url: str, folder: Path) -> SourceSettings:
    return SourceSettings(kind="postgresql", url=SecretStr(url), mapping=str(folder))


def source_for(url: str, folder: Path) -> Source:
    return source_of(settings_for(url, folder))


@pytest.fixture(autouse=True)
def _quiet_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every logger, at its most talkative, says nothing of a password in any of these tests."""
    with caplog.at_level(logging.DEBUG):
        yield
    for phase in ("setup", "call"):
        for record in caplog.get_records(phase):
            assert LEAK not in f"{record.getMessage()} {record.__dict__}"


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_no_text_of_what_holds_the_url_shows_it(url: str, folder: Path) -> None:
    settings = settings_for(url.format(NOWHERE), folder)
    source, whole = source_of(settings), Settings(source=settings)
    things = [settings, settings.url, settings.address, source, whole, shown(whole), whole.model_dump(), source.name]
    for thing in things:
        assert LEAK not in f"{thing} {thing!r}"
    assert LEAK not in whole.model_dump_json()


@pytest.mark.parametrize("url", TAKEN.values(), ids=TAKEN)
def test_no_text_of_an_open_session_shows_it(url: str, place: str, folder: Path) -> None:
    with open_session(source_for(url.format(place), folder)) as session:
        session.check("users")
        assert sum(table.num_rows for table in session.read_changed("users", Span())) == 2
        assert LEAK not in f"{session} {session!r} {session.__dict__}"


def every_text(error: BaseException | None) -> Iterator[str]:
    """What anybody could show of an exception, of those before it too."""
    while error is not None:
        yield from (str(error), repr(error), str(error.__dict__), *traceback.format_exception(error))
        error = error.__cause__ or error.__context__


def assert_silent(error: BaseException) -> None:
    assert "\n" not in str(error)
    for text in every_text(error):
        assert LEAK not in text


PLACES = {
    "wrong port": "127.0.0.1:1/none",
    "unknown host": "no-such-host.invalid/none",
    "no port": "127.0.0.1:port/none",
    "half an address": "[::1/none",
    "unknown TLS mode": "127.0.0.1:1/none?sslmode=perhaps",
}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
@pytest.mark.parametrize("where", PLACES.values(), ids=PLACES)
def test_a_connection_that_fails_does_not_say_it(url: str, where: str, folder: Path) -> None:
    with pytest.raises(GovpulseError) as caught, open_session(source_for(url.format(where), folder)):
        pass
    assert_silent(caught.value)


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_a_database_that_is_not_there_does_not_say_it(url: str, place: str, folder: Path) -> None:
    with pytest.raises(GovpulseError) as caught, open_session(source_for(url.format(f"{place}_other"), folder)):
        pass
    assert_silent(caught.value)


@pytest.mark.parametrize("select", ["SELECT * FROM employees", "SELEKT", USERS.replace("id AS", "1 / (id - 1) AS")])
@pytest.mark.parametrize("url", TAKEN.values(), ids=TAKEN)
def test_a_statement_that_fails_does_not_say_it(url: str, select: str, place: str, folder: Path) -> None:
    (folder / "users.sql").write_text(select)
    with open_session(source_for(url.format(place), folder)) as session, pytest.raises(GovpulseError) as caught:
        read(session)
    assert_silent(caught.value)


def read(session: Session) -> None:
    session.check("users")
    for _ in session.read_changed("users", Span()):
        pass


def test_a_url_that_is_given_for_a_file_is_not_said_either(folder: Path) -> None:
    settings = SourceSettings(kind="sqlite", url=SecretStr(URLS["plain"].format(NOWHERE)), mapping=str(folder))
    with pytest.raises(GovpulseError, match="does not exist; set") as caught, open_session(source_of(settings)):
        pass
    assert_silent(caught.value)


def texts_of(con: duckdb.DuckDBPyConnection, database: str) -> Iterator[str]:
    """Everything in every table of the database, comments and all."""
    for catalogue in ("duckdb_tables()", "duckdb_columns()"):
        yield str(con.execute(f"SELECT * FROM {catalogue} WHERE database_name = '{database}'").fetchall())
    tables = con.execute(f"SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = '{database}'").fetchall()
    assert len(tables) > 5
    for schema, name in tables:
        yield str(con.execute(f"SELECT * FROM {database}.{schema}.{name}").fetchall())


@pytest.mark.parametrize("url", TAKEN.values(), ids=TAKEN)
def test_a_run_leaves_it_nowhere_in_the_home(url: str, place: str, folder: Path, home: Home) -> None:
    """One row is loaded, one refused, one dataset fails: not in the landing files, the warehouse or the published file."""
    (folder / "scans.sql").write_text(SCANS)
    source = source_for(url.format(place), folder)
    extraction = extract_datasets.fn(
        str(home.root),
        source=source,
        so_far=SourceProgress({}),
        overlap_seconds=300.0,
        extracted_at=datetime.now(UTC),
        report=lambda pace: None,
    )
    assert list(extraction.failures) == ["scans"]
    assert LEAK not in repr(extraction)
    (landed,) = home.landing.rglob("*.parquet")
    assert source.name.encode() in landed.read_bytes()
    assert LEAK.encode() not in landed.read_bytes()
    with warehouse(home, LIMITS) as con:
        loaded = load_landing(con, home)
        assert (loaded.rows, loaded.rejected) == (2, 1)
        publish(con, home)
        assert source.name in "".join(texts_of(con, "warehouse"))
        assert not any(LEAK in text for text in texts_of(con, "warehouse"))
    with closing(connect(LIMITS)) as con:
        attach(con, home.published, "published", read_only=True)
        assert not any(LEAK in text for text in texts_of(con, "published"))


def run(url: str, folder: Path, *arguments: str) -> tuple[str, list[str]]:
    """What `govpulse ...` prints, and the argument lists of it and of all processes below it, looked at all the while."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GOVPULSE_")}
    environment |= {"GOVPULSE_HOME": str(folder / "data"), "GOVPULSE_SOURCE__KIND": "postgresql", "GOVPULSE_SOURCE__URL": url}
    environment |= {"PYTHONPATH": str(ROOT)}
    command, seen = [sys.executable, "-m", "flows", *arguments], []
    with (folder / "output").open("w") as output:
        process = psutil.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                seen += [" ".join(each.cmdline()) for each in (process, *process.children(recursive=True))]
            time.sleep(0.01)
    return (folder / "output").read_text(), seen


CASES = [
    (("config", "show"), "escaped", "{}"),
    (("config", "show", "--json"), "ampersand in a parameter", "{}"),
    (("doctor",), "escaped parameter", "{}"),
    (("doctor", "--json"), "question mark and hash", "{}"),
    (("--debug", "doctor"), "at sign and slash", "127.0.0.1:1/none"),
]


@pytest.mark.parametrize(
    ("arguments", "name", "where"), CASES, ids=lambda each: "-".join(each) if isinstance(each, tuple) else each
)
def test_the_command_line_neither_prints_it_nor_hands_it_to_a_process(
    arguments: tuple[str, ...], name: str, where: str, place: str, tmp_path: Path
) -> None:
    printed, processes = run(URLS[name].format(where.format(place)), tmp_path, *arguments)
    assert "source" in printed
    assert LEAK not in printed
    assert len(processes) > 1
    assert not any(LEAK in arguments for arguments in processes)
