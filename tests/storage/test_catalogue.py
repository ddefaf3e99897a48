"""The catalogue and the migrations say the same, in the SQL that a DuckLake also takes."""

import re
from itertools import pairwise

import pytest

from storage.catalogue import INSIGHTS, TABLES, Table
from storage.migrations import migrations

TYPE_NAMES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE[]": "TIMESTAMPTZ[]"}
NOT_ON_DUCKLAKE = r"\b(PRIMARY\s+KEY|FOREIGN\s+KEY|REFERENCES|UNIQUE|CHECK|INDEX|SEQUENCE|ENUM|ON\s+CONFLICT|RETURNING)\b"


def expected_columns():
    """(table, column, type, may be NULL) of every table, in order; `history` has its insight tables' columns; a view's all may."""
    named = [(name, table) for name, table in TABLES.items()]
    named += [(f"history.{table.name}", table) for table in TABLES.values() if table.has_history]
    return {name: [(c.name, c.type, not c.is_required or table.verb == "view") for c in table.columns] for name, table in named}


def columns_in(con):
    """The same of what is there."""
    made: dict[str, list] = {}
    for table, name, kind, is_nullable in con.sql(
        "SELECT schema_name || '.' || table_name, column_name, data_type, is_nullable FROM duckdb_columns()"
        " WHERE NOT internal AND database_name = current_database() ORDER BY schema_name, table_name, column_index"
    ).fetchall():
        made.setdefault(table, []).append((name, TYPE_NAMES.get(kind, kind), is_nullable))
    return made


def test_a_migrated_warehouse_has_exactly_the_columns_of_the_catalogue(con):
    assert columns_in(con) == expected_columns()


def test_migrations_are_numbered_without_gaps():
    numbers = list(migrations())
    assert numbers[0] == 1
    assert all(after == before + 1 for before, after in pairwise(numbers))


@pytest.mark.parametrize("path", migrations().values(), ids=lambda path: path.stem)
def test_migrations_keep_to_the_portable_subset(path):
    statements = re.sub(r"--.*", "", path.read_text())
    assert re.findall(NOT_ON_DUCKLAKE, statements, re.IGNORECASE) == []


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_a_table_refers_to_exists(table: Table):
    named = {*table.key, *table.version, *([table.time_column] if table.time_column else [])}
    assert named <= set(table.column_names)
    assert len(set(table.column_names)) == len(table.columns)
    assert all(column.is_required for column in table.columns if column.name in table.key), "a NULL key matches nothing"
    assert table.time_column or not table.retention, "retention goes by the time column"
    assert table.key or table.verb != "upsert"


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_is_described_and_named_for_its_type(table: Table):
    assert table.description.endswith(".")
    for column in table.columns:
        assert column.description
        assert (column.type == "BOOLEAN") == column.name.startswith(("is_", "has_")), column.name
        assert column.type == "TIMESTAMPTZ" or not column.name.endswith("_at"), column.name


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_columns_for_users_say_so(table: Table):
    """`govpulse forget` goes by it."""
    for column in table.columns:
        if column.name.endswith(("user_id", "triggered_by", "deployed_by")):
            assert column.is_user_id, column.name
        assert not column.is_user_id or column.type == "VARCHAR", column.name


def test_every_insight_says_for_when_it_was_computed():
    assert all(table.columns[0].name == "as_of" and table.columns[0].is_required for table in INSIGHTS.values())
