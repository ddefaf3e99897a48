"""What SQL from people may do: each wall by itself, and that nothing useful is walled off."""

import os
from pathlib import Path

import duckdb
import polars as pl
import pytest

from storage.asking.permission import REFUSED_FUNCTIONS, TABLE_FUNCTIONS, check_reads, lock_down, reading, tables_in
from storage.asking.reader import asking_on
from storage.catalogue import MACROS
from storage.errors import ConfigurationError, GovpulseError
from storage.warehouse import attach, connect
from tests.attempts import ATTEMPTS, OURS
from tests.homes import migrated_connection


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Files of every kind, each with a secret."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("secret.txt", "secret.csv"):
        (folder / name).write_text("a,b\nhidden,1\n")
    (folder / "secret.json").write_text('{"a": "hidden"}\n')
    pl.DataFrame({"a": ["hidden"]}).write_parquet(folder / "secret.parquet")
    duckdb.connect(str(folder / "other.duckdb")).execute("CREATE TABLE t AS SELECT 'hidden' AS a").close()
    return folder


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    with migrated_connection(tmp_path_factory.mktemp("locked")) as con:
        con.execute("INSERT INTO ops.audit_log VALUES ('kept', NULL, NULL, now())")
        con.execute("CREATE SEQUENCE ops.counter")
        lock_down(con)
        yield con


def written(sql: str, folder: Path) -> str:
    return sql.replace("{folder}", str(folder)).replace("{pid}", str(os.getpid()))


@pytest.mark.parametrize("sql", ATTEMPTS)
def test_an_attempt_is_refused_and_leaves_nothing(locked, folder, sql) -> None:
    before = sorted(os.listdir(folder))
    with pytest.raises(GovpulseError) as refused:  # noqa: PT012 - one wall or the other
        check_reads(written(sql, folder))
        asking_on(locked)(written(sql, folder), {}, 10.0)
    assert "hidden" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert sorted(os.listdir(folder)) == before
    assert locked.sql("SELECT action FROM ops.audit_log").fetchall() == [("kept",)]


REACHES = [
    sql for sql in ATTEMPTS if "{folder}" in sql and not any(word in sql for word in ("COPY", "logging", "profiling", "query"))
]


@pytest.mark.parametrize("sql", REACHES)
def test_a_locked_connection_reaches_no_file_even_unchecked(locked, folder, sql) -> None:
    """The second wall alone: whatever the first may come to let through."""
    before = sorted(os.listdir(folder))
    with pytest.raises(duckdb.Error) as refused:
        locked.execute(written(sql, folder)).fetchall()
    assert "hidden" not in str(refused.value)
    assert sorted(os.listdir(folder)) == before


def test_a_lock_is_for_good(locked) -> None:
    settings = ["lock_configuration = false", "enable_external_access = true", "memory_limit = '1TB'", "TimeZone = 'Asia/Tokyo'"]
    for setting in settings:
        with pytest.raises(duckdb.Error, match=r"lock|while database is running"):
            locked.execute(f"SET {setting}")
    lock_down(locked)


def test_a_locked_connection_writes_spills_and_checkpoints_its_own_file(tmp_path) -> None:
    con = connect(spill=tmp_path / "spill")
    con.execute("SET memory_limit = '60MB'")
    attach(con, tmp_path / "w.duckdb", "w")
    lock_down(con)
    con.execute("CREATE TABLE w.t AS SELECT i, repeat('x', 50) || i::VARCHAR AS text FROM range(600_000) AS r(i)")
    con.execute("CREATE TEMP TABLE sorted AS SELECT * FROM w.t, range(3) ORDER BY text DESC, i")
    assert con.execute("SELECT count(*) FROM sorted").fetchall() == [(1_800_000,)]
    assert os.listdir(tmp_path / "spill"), "so much does not fit"
    con.execute("CHECKPOINT w")
    con.close()
    with duckdb.connect(str(tmp_path / "w.duckdb")) as again:
        assert again.execute("SELECT count(*) FROM t").fetchall() == [(600_000,)]


def test_no_variable_of_ours_is_a_table() -> None:
    """Not even on a connection that is not locked."""
    limits = settings = question = frame = pl.DataFrame({"a": ["hidden"]}).to_arrow()
    assert limits is settings is question is frame
    con = connect()
    for sql in OURS[:4]:
        with pytest.raises(duckdb.CatalogException):
            con.execute(sql)


def test_every_function_that_does_more_than_work_on_its_arguments_is_known() -> None:
    """A newer DuckDB may have more of them: what is volatile is either harmless, or refused."""
    harmless = {
        "current_connection_id", "current_database", "current_date", "current_query_id", "current_schema", "current_schemas",
        "current_transaction_id", "error", "gen_random_uuid", "get_current_time", "get_current_timestamp", "in_search_path", "now",
        "random", "today", "transaction_timestamp", "txid_current", "uuid", "uuidv4", "uuidv7", "vector_type",
    }  # fmt: skip
    volatile = """
        SELECT DISTINCT function_name FROM duckdb_functions()
        WHERE function_type IN ('scalar', 'aggregate') AND (stability <> 'CONSISTENT' OR has_side_effects)
    """
    assert {name for (name,) in connect().execute(volatile).fetchall()} <= harmless | REFUSED_FUNCTIONS


def is_let_through(sql: str) -> bool:
    try:
        check_reads(sql)
    except ConfigurationError:
        return False
    return True


def test_every_table_function_is_refused_but_those_that_are_listed() -> None:
    names = connect().execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type LIKE 'table%'").fetchall()
    assert {name for (name,) in names if is_let_through(f'SELECT * FROM "{name}"()')} == TABLE_FUNCTIONS - set(MACROS)


READS = [
    "SELECT 1 AS n",
    "SELECT 1 AS n;",
    " -- first\nSELECT 1 AS n",
    "FROM ops.runs",
    "TABLE ops.runs",
    "VALUES (1)",
    "DESCRIBE ops.runs",
    "SUMMARIZE ops.runs",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "EXPLAIN SELECT * FROM ops.runs",
    "  explain SELECT 1",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
    "SELECT * FROM range(3), generate_series(1, 2), unnest([1, 2])",
    "SELECT x FROM (SELECT unnest([1, 2]) AS x) QUALIFY row_number() OVER (ORDER BY x) = 1",
    "FROM (VALUES (1, 'a')) AS t(i, s) PIVOT (count(*) FOR s IN ('a', 'b'))",
    "SELECT list_transform([1, 2], lambda x: x + 1), regexp_matches('a', 'a+'), now(), uuid()",
    "SELECT * FROM json_each('{\"a\": 1}')",
    "SELECT table_name FROM duckdb_tables() UNION SELECT table_name FROM information_schema.tables",
    "SELECT 'read_text(x)' AS read_text, \"flow\" FROM ops.runs -- read_csv('x')",
    "SELECT " + " + ".join(["1"] * 100),
]


@pytest.mark.parametrize("sql", READS, ids=lambda sql: sql[:60])
def test_what_reads_tables_is_let_through(locked, sql) -> None:
    check_reads(sql)
    asking_on(locked)(sql, {}, 10.0)


DEEP = f"SELECT {'(' * 3000}1{')' * 3000} FROM"
NO_SELECT = ["", ";", "SELECT 1; SELECT 2", "SELECT (" * 5000, DEEP, "\x00", "SELECT '\ud800'", "SELECT 1 -- " + "x" * 100_000]


@pytest.mark.parametrize("sql", NO_SELECT, ids=lambda sql: ascii(sql[:20]))
def test_what_is_no_select_is_one_line(sql) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_reads(sql)
    assert "\n" not in str(refused.value)


def test_tables_in_a_select() -> None:
    sql = "WITH x AS (FROM raw.scans) SELECT * FROM x JOIN insights.forecasts ON true"
    assert tables_in(sql) >= {"raw.scans", "insights.forecasts"}


def test_nothing_is_written_while_reading(locked) -> None:
    with pytest.raises(GovpulseError, match="read-only"), reading(locked, 10.0):
        locked.execute("DELETE FROM ops.audit_log")
    assert locked.sql("SELECT action FROM ops.audit_log").fetchall() == [("kept",)]
