"""`govpulse query`: the published tables and the warehouse, in every format, and nothing but SELECTs."""

import csv
import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.cli.query_formats import as_text
from storage.home import Home
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
from tests.homes import migrated_home

RUN = "INSERT INTO ops.runs (run_id, flow, status, started_at, updated_at) VALUES ('r1', 'pipeline, \"all\"', 'succeeded', ?, ?)"
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
SELECT = "SELECT run_id, flow, as_of, 0.5 AS half, started_at FROM ops.runs"


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    folder = migrated_home(tmp_path_factory.mktemp("query") / "home")
    with warehouse(folder) as con:
        con.execute(RUN, [AT, AT])
        con.execute("INSERT INTO raw.users (user_id, updated_at) VALUES ('u1', ?)", [AT])
        publish(con, folder)
    return folder.root


@pytest.fixture
def published(home: Path, filled: Path) -> Path:
    shutil.copytree(filled, home)
    return Home(home).published


def test_table(govpulse, published) -> None:
    outcome = govpulse("query", SELECT)
    assert (outcome.code, outcome.err) == (0, "")
    header, row = outcome.out.splitlines()
    assert header.split() == ["run_id", "flow", "as_of", "half", "started_at"]
    assert 'pipeline, "all"' in row
    assert "NULL" in row
    assert "2026-03-10 12:00:00" in row


def test_csv(govpulse, published) -> None:
    rows = list(csv.DictReader(io.StringIO(govpulse("query", SELECT, "--format", "csv").out)))
    assert [row["flow"] for row in rows] == ['pipeline, "all"']
    assert (rows[0]["as_of"], float(rows[0]["half"])) == ("", 0.5)


def test_json(govpulse, published) -> None:
    select = "SELECT run_id, as_of, 0.5::DOUBLE AS half, count(*) OVER () AS n, true AS yes FROM ops.runs"
    outcome = govpulse("query", select, "--format", "json")
    assert json.loads(outcome.out) == [{"run_id": "r1", "as_of": None, "half": 0.5, "n": 1, "yes": True}]


def test_a_sum_is_a_number_in_json(govpulse, published) -> None:
    assert json.loads(govpulse("query", "SELECT sum(n) AS n FROM range(4) AS r(n)", "--format", "json").out) == [{"n": 6}]


def test_parquet_needs_a_file(govpulse, fails, published, tmp_path) -> None:
    assert "--output" in fails(2, "query", SELECT, "--format", "parquet")
    target = tmp_path / "rows.parquet"
    assert govpulse("query", SELECT, "--format", "parquet", "--output", str(target)).code == 0
    assert pl.read_parquet(target)["started_at"].to_list() == [AT]


@pytest.mark.parametrize("kind", ["table", "csv", "json"])
def test_output_writes_what_would_be_printed(govpulse, published, tmp_path, kind) -> None:
    printed = govpulse("query", SELECT, "--format", kind).out
    target = tmp_path / "rows"
    assert govpulse("query", SELECT, "--format", kind, "--output", str(target)).out == ""
    assert target.read_text() == printed


def test_no_rows_are_no_error(govpulse, published) -> None:
    for kind, out in (("json", "[]\n"), ("csv", "run_id\n")):
        assert govpulse("query", "SELECT run_id FROM ops.runs WHERE false", "--format", kind).out == out


def test_private_asks_the_warehouse(govpulse, fails, published) -> None:
    assert "u1" in govpulse("query", "--private", "SELECT user_id FROM raw.users").out
    assert "users" in fails(1, "query", "SELECT user_id FROM raw.users")


def test_before_any_run_it_says_what_to_do(fails, home) -> None:
    said = fails(1, "query", "SELECT 1")
    assert "govpulse run" in said
    assert not (home / "govpulse.duckdb").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM ops.runs",
        "INSERT INTO raw.users (user_id, updated_at) VALUES ('u2', now())",
        "DROP TABLE ops.runs",
        "UPDATE ops.runs SET flow = 'x'",
        "CREATE TABLE x (y INT)",
        "COPY ops.runs TO 'runs.csv'",
        "SELECT 1; DELETE FROM ops.runs",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_anything_but_one_select_is_refused(govpulse, fails, published, tmp_path, sql) -> None:
    for private in ([], ["--private"]):
        assert "one SELECT" in fails(2, "query", sql, *private)
    assert govpulse("query", "--private", "SELECT count(*) AS n FROM ops.runs", "--format", "csv").out == "n\n1\n"
    assert not (tmp_path / "runs.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SELEC 1"], "SELEC"),
        (["SELECT * FROM nowhere"], "nowhere"),
        (["SELECT CAST('x' AS INTEGER) AS n"], "x"),
        (["SELECT $as_of AS at"], "parameter"),
        (["SELECT 1 AS n", "--format", "csv", "--output", "no/such/folder/rows.csv"], "no/such/folder"),
        (["SELECT 1 AS n", "--format", "parquet", "--output", "no/such/folder/rows.parquet"], "no/such/folder"),
    ],
    ids=["syntax", "table", "value", "parameter", "csv folder", "parquet folder"],
)
def test_what_cannot_be_asked_or_written_is_said_in_one_line(fails, published, arguments, said) -> None:
    assert said in fails(1, "query", *arguments)


def test_a_damaged_file_is_named(fails, home) -> None:
    home.mkdir()
    (home / "govpulse.duckdb").write_text("not a database " * 1000)
    assert "govpulse.duckdb" in fails(1, "query", "SELECT 1")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "NULL"), (0.123456, "0.1235"), (12345.678, "12,345.7"), (7, "7"), (True, "True")],
)
def test_cells(value, text) -> None:
    assert as_text(value) == text
