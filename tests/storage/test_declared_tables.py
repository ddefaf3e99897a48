"""What the catalogue declares of insights, history and state is there in whatever warehouse is opened, and the rows stay."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from storage.catalogue import TABLES
from storage.catalogue.model import Column, Table
from storage.home import Home
from storage.migrations import declared
from storage.migrations.declared import declare
from storage.warehouse import connect, warehouse
from tests.storage.test_catalogue import columns_in, expected_columns

RELEASED = sorted(Path(__file__).with_name("released").glob("*.sql"))
VOLUME = Table(
    "insights",
    "scan_volume",
    "How many scans there were.",
    (Column("as_of", "TIMESTAMPTZ", "when", is_required=True), Column("scans", "BIGINT", "how many (count)", is_required=True)),
    "replace",
    has_history=True,
)
ROW = (
    "INSERT INTO insights.scan_performance (as_of, window_days, data_source, scan_type, runs, succeeded, failed, canceled,"
    " unfinished, queue_times, run_times, asset_runs, days, slowdown, gaps, is_sample)"
    " VALUES ('2026-11-25 00:00:00+00', 90, 'crm', 'full', 4, 3, 1, 0, 0, 0, 4, 0, 1, 'none', 0, false)"
)


@pytest.fixture
def con(home: Home):
    with warehouse(home) as opened:
        yield opened


@pytest.fixture
def declares(monkeypatch: pytest.MonkeyPatch):
    """Declare a table more, or in another's place."""
    return lambda table: monkeypatch.setitem(TABLES, table.full_name, table)


def test_a_table_that_is_declared_is_made_with_its_history_and_once(con, declares) -> None:
    declares(VOLUME)
    assert declare(con) == ["insights.scan_volume", "history.scan_volume"]
    con.execute("INSERT INTO insights.scan_volume VALUES ('2026-11-25 00:00:00+00', 3)")
    with pytest.raises(duckdb.ConstraintException):
        con.execute("INSERT INTO insights.scan_volume (scans) VALUES (3)")
    assert declare(con) == []
    assert con.sql("SELECT scans FROM insights.scan_volume").fetchall() == [(3,)]


def test_a_column_that_is_declared_is_added_and_the_rows_stay(con, declares) -> None:
    declares(VOLUME)
    declare(con)
    con.execute("INSERT INTO history.scan_volume VALUES ('2026-11-25 00:00:00+00', 3)")
    more = Column("queued", "BIGINT", "how many wait (count)", is_required=True)
    declares(replace(VOLUME, columns=(VOLUME.columns[0], more, VOLUME.columns[1])))
    assert declare(con) == ["insights.scan_volume.queued", "history.scan_volume.queued"]
    assert con.sql("SELECT scans, queued FROM history.scan_volume").fetchall() == [(3, None)]


def test_all_of_it_is_added_or_nothing(con, declares) -> None:
    declares(VOLUME)
    declares(replace(VOLUME, name="scan_weight", columns=(Column("as_of", "NO_SUCH_TYPE", "when"),)))
    with pytest.raises(duckdb.Error):
        declare(con)
    assert con.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'scan_volume'").fetchall() == [(0,)]


def test_the_next_opening_adds_what_is_declared(home: Home, declares) -> None:
    with warehouse(home):
        pass
    declares(VOLUME)
    with warehouse(home) as con:
        assert con.sql("SELECT * FROM insights.scan_volume").fetchall() == []


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_warehouse_of_a_released_version_gets_what_is_declared_and_keeps_its_rows(path: Path, home: Home) -> None:
    home.make_folders()
    with connect() as con:
        con.execute(f"ATTACH '{home.warehouse}' AS old (STORAGE_VERSION 'v1.2.0')")
        con.execute("USE old")
        con.execute(path.read_text())
        con.execute(ROW)
    with warehouse(home) as con:
        made = {table: {name: kind for name, kind, _ in columns} for table, columns in columns_in(con).items()}
        assert made == {table: {name: kind for name, kind, _ in columns} for table, columns in expected_columns().items()}
        assert con.sql("SELECT data_source, succeeded FROM insights.scan_performance").fetchall() == [("crm", 3)]


def test_every_schema_of_which_tables_are_declared_has_some() -> None:
    assert {name.split(".")[0] for name in declared.declared()} == set(declared.SCHEMAS)
