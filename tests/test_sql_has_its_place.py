"""SQL is in `.sql` files. What cannot be written down beforehand is put together in few modules, which are listed here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "storage")

COMPOSED = {
    "storage/write.py": "the write verbs: tables, columns and keys are the catalogue's",
    "storage/relations.py": "the relation is an argument",
    "storage/backups/exporting.py": "a table's columns, into a file",
    "storage/backups/filling.py": "a table's columns, from files",
    "storage/intake/comparison.py": "the key and the instants of a dataset",
    "storage/intake/contract.py": "the columns and the checks of a dataset",
    "storage/people/forgetting.py": "the columns for users of every table, by conditions that several share",
    "storage/intake/future.py": "instants of several tables",
    "storage/intake/incoming.py": "the columns for users of a dataset",
    "storage/intake/ledger.py": "the key and the time column of a dataset",
    "storage/intake/listings.py": "the key of a dataset",
    "storage/people/mentions.py": "the texts of every table",
    "storage/migrations/declared.py": "DDL of what the catalogue declares",
    "storage/publishing/publishing.py": "every published table",
    "storage/intake/rejected_rows.py": "the key of a dataset, by conditions that several share",
    "storage/salvage/reading.py": "any table of a damaged file",
    "storage/people/searching.py": "any table of any file",
    "storage/intake/sources.py": "every dataset",
    "storage/people/standing.py": "the columns for users and the texts of every table",
    "storage/people/stored_addresses.py": "the columns for users of every table",
    "storage/people/without_people.py": "the columns of every published table",
    "flows/serving/prefect_schema.py": "the number of the migration goes into what makes a database",
    "flows/serving/prefect_rows.py": "the tables and columns that a database of Prefect says it has",
    "tasks/alerts/observing.py": "around the SELECT of a rule",
    "tasks/alerts/selects.py": "around the SELECT of a rule",
    "tasks/alerts/shorthands.py": "the SELECTs that rules in short form stand for",
    "tasks/insights/findings/shown_rows.py": "SQL for people, with the values of a finding in it",
    "tasks/sources/database/mysql.py": "around the SELECT of a mapping",
    "tasks/sources/database/mysql_reading.py": "around the SELECT of a mapping, with the columns that it has",
    "tasks/sources/database/postgresql.py": "around the SELECT of a mapping",
    "tasks/sources/database/postgresql_reading.py": "around the SELECT of a mapping, with the columns that it has",
    "tasks/sources/database/sqlite.py": "around the SELECT of a mapping",
    "tasks/sources/database/sqlite_reading.py": "around the SELECT of a mapping, with the columns that it has",
    "tasks/sources/files/json_lines.py": "the columns that a file has",
    "tasks/sources/pseudonyms.py": "a condition of the catalogue, on rows that are not in the warehouse yet",
    "tasks/sources/sample/database.py": "the tables of the sample, one as the other",
    "tasks/sources/sample/postgresql.py": "the tables of the sample, with the types that the database says they have",
}
"""The modules that may put a statement together, each with what it learns at run time; whole statements have no place
in them either."""

STATEMENT = re.compile(
    r"\s*(SELECT|WITH|FROM|VALUES|DESCRIBE|SUMMARIZE|EXPLAIN|PIVOT|COPY|TRUNCATE"
    r"|INSERT (OR \w+ )?INTO|UPDATE \S+ (AS \w+ )?SET|UPDATE(?=\s*$)|DELETE FROM|MERGE INTO"
    r"|(CREATE|ALTER|DROP) (OR REPLACE )?(TEMP |TEMPORARY )?(TABLE|VIEW|SCHEMA|MACRO|INDEX|SEQUENCE|TYPE))\s"
)


def statements(source: str) -> Iterator[tuple[int, bool]]:
    """The line of each text that begins as a statement does, and whether it is put together."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for string in strings for part in string.values}
    for string in strings:
        first = string.values[0] if string.values else None
        if isinstance(first, ast.Constant) and _begins(f"{first.value}name SET "):  # as if it went on like an UPDATE
            yield string.lineno, True
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose | parts and _begins(node.value):
            yield node.lineno, False


def _begins(text: str) -> bool:
    return STATEMENT.match(text) is not None


def modules() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_whole_statements_are_in_sql_files():
    assert [f"{name}:{line}" for name, source in modules() for line, is_composed in statements(source) if not is_composed] == []


def test_statements_are_put_together_where_it_says_so_only():
    found = [(name, line) for name, source in modules() for line, is_composed in statements(source) if is_composed]
    assert [f"{name}:{line}" for name, line in found if name not in COMPOSED] == []
    assert COMPOSED.keys() - {name for name, _ in found} == set(), "they put nothing together any more"


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ('con.execute("SELECT 1 FROM ops.runs")', [(1, False)]),
        ('con.execute(\n    "UPDATE ops.runs SET step = ?"\n    " WHERE true")', [(2, False)]),
        ('X = """\nWITH a AS (FROM b) FROM a"""', [(1, False)]),
        ('sql = "DELETE FROM " + name', [(1, False)]),
        ('f"UPDATE {name} SET a = 1"', [(1, True)]),
        ('f"SELECT {name} FROM t"', [(1, True)]),
        ('f"INSERT INTO {name} VALUES (1)"', [(1, True)]),
        ('f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}"', [(1, True)]),
        ('def f():\n    """SELECT is a word here."""', []),
        ('say("UPDATE the page"), say("DELETE it"), say("nothing is SELECT ed")', []),
        ('con.execute("BEGIN"), con.execute(f"ATTACH {path}"), con.execute("SET TimeZone = \'UTC\'")', []),
    ],
)
def test_a_planted_statement_is_seen(planted, found):
    assert list(statements(planted)) == found
