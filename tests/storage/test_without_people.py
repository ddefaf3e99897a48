"""A file for readers who may not learn of people: nobody's id in any value, and everything else as it was."""

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.catalogue import PUBLISHED, TABLES, Column, Table
from storage.catalogue.people import FINDINGS, OWN_WORDS, may_name_people
from storage.home import Home
from storage.people.without_people import NOBODY, are_named
from storage.publishing.audience import Audience
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
from tests.homes import migrated_connection, migrated_home
from tests.insight_rows import insert

WITHOUT = Audience(sees_people=False)
IDS = ("ann.lee", "u-1001", "u-1", "o'neil", 'say "hi"', "müller", "x+y", "(b)", "back\\slash", "ann@example.org", "王", "failed")
SPELT = (
    "{id}",
    "{id} holds 37 % of it, the next of 7 is {id}.",
    "scan-{id}-20260301",
    "{id}_sandbox",
    "GET /api/users/{id}/profile?as={id}",
    "user={id},process=python",
)
OWN = ("failed", '"failed"')
"""A word of ours, which somebody may be called."""
OF_PEOPLE = {"insights.expertise_scores", "insights.domain_owners", "insights.user_profiles"}
DOCUMENTS = ({"{id}": 1}, {"said": ["by {id}", {"deep": "{id}/x"}], "n": 7}, {"user_id": "{id}"}, [["owner", "=~", "{escaped}.*"]])


def filled(value: Any, who: str) -> Any:
    """A value in which `{id}` stands for somebody."""
    if isinstance(value, str):
        return value.replace("{id}", who).replace("{escaped}", re.escape(who))
    if isinstance(value, list):
        return [filled(each, who) for each in value]
    return {filled(name, who): filled(each, who) for name, each in value.items()} if isinstance(value, dict) else value


def value_of(column: Column, number: int, who: str) -> Any:
    """A value that names somebody, in one way or another, where the column can."""
    if column.is_user_id:
        return who
    if not may_name_people(column):
        return column.allowed[number % len(column.allowed)] if column.allowed else '"failed"' if column.type == "JSON" else "failed"
    if column.type == "JSON":
        return json.dumps(filled(DOCUMENTS[number % len(DOCUMENTS)], who), ensure_ascii=bool(number % 2))
    return filled(SPELT[number % len(SPELT)], who)


def naming_row(table: Table, number: int, who: str) -> dict[str, Any]:
    return {each.name: value_of(each, number, who) for each in table.columns if each.type in ("VARCHAR", "JSON")}


def decoded(value: Any) -> Iterator[str]:
    """All texts in a value, also in a document."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from decoded(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from decoded(each)
    elif isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            yield from decoded(json.loads(value))


def values(path: Path) -> set[str]:
    """Every text of the published file, wherever it is."""
    with duckdb.connect(str(path), read_only=True) as con:
        names = con.sql("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        return {text for (name,) in names for row in con.sql(f"FROM {name}").fetchall() for text in decoded(row)}


def published(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.published), read_only=True) as con:
        return con.sql(sql).fetchall()


COLUMNS = "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"


def test_nobody_is_in_any_value_however_they_are_spelt_and_no_table_of_people_is_there(tmp_path: Path) -> None:
    home = migrated_home(tmp_path / "home")
    with warehouse(home) as con:
        insert(con, TABLES["raw.users"], *({"user_id": who} for who in IDS))
        for table in (table for table in PUBLISHED if table.verb != "view"):
            insert(con, table, *(naming_row(table, number, who) for who, number in product(IDS, range(len(SPELT)))))
        publish(con, home)
        before, columns = values(home.published), published(home, COLUMNS)
        assert all(any(who in text for text in before) for who in IDS), "or nothing would be searched for"
        publish(con, home, WITHOUT)
    assert [(who, text) for who in IDS for text in values(home.published) if who in text and text not in OWN] == []
    assert [who for who in IDS if who not in OWN and who.encode() in home.published.read_bytes()] == []
    left = published(home, COLUMNS)
    assert {f"{schema}.{table}" for schema, table, *_ in set(columns) - set(left)} == OF_PEOPLE
    assert set(left) <= set(columns), "the same columns of the same types, as well described"
    assert published(home, "SELECT count(*) FROM duckdb_functions() WHERE function_name = 'ask_expert'") == [(0,)]
    kept = f"SELECT count(*), count(DISTINCT operation), bool_and(contains(operation, '{NOBODY}')) FROM insights.application_health"
    assert published(home, kept) == [(len(IDS) * len(SPELT), len(SPELT), True)]
    assert published(home, "SELECT DISTINCT status FROM ops.loads") == [("failed",)], "a word of ours is nobody"


AS_IT_IS = ("insights.deployment_metrics", "insights.scan_performance", "insights.forecasts", "ops.runs", "ops.checks")
ALERTS = (
    {"fingerprint": "f1", "rule": "expert_left", "subject": "7"},
    {"fingerprint": "f2", "rule": "risky", "subject": "finance"},
    {"fingerprint": "f3", "rule": "own", "subject": "ann.lee"},
    {"fingerprint": "f4", "rule": "own", "subject": "finance", "labels": '{"owner": "ann.lee"}'},
    {"fingerprint": "f5", "rule": "own", "subject": "finance", "labels": '{"service": "api"}'},
)


def test_what_tells_of_a_person_stays_away_and_what_tells_of_others_stays_without_the_name(tmp_path: Path) -> None:
    home = migrated_home(tmp_path / "home")
    digest = {
        "rule": "digest",
        "title": "3 alerts",
        "members": [
            {"fingerprint": "f1", "rule": "expert_left", "subject": "7", "severity": "critical", "statement": "7 left"},
            {"fingerprint": "f5", "rule": "own", "subject": "finance", "severity": "warning", "statement": "finance, says ann.lee"},
        ],
    }
    with warehouse(home) as con:
        insert(con, TABLES["raw.users"], {"user_id": "ann.lee"}, {"user_id": "7"})
        insert(con, TABLES["raw.activity"], {"activity_id": "a", "user_id": "bob"})
        insert(con, TABLES["alerts.rules"], {"name": "risky", "definition": '{"finding": "knowledge_at_risk"}'})
        insert(con, TABLES["alerts.alerts"], *ALERTS)
        for alert in ALERTS:
            told = {name: alert[name] for name in ("fingerprint", "rule", "subject")}
            insert(con, TABLES["alerts.transitions"], {**told, "transition_id": told["fingerprint"], "reason": "bob and ann.lee"})
            insert(
                con, TABLES["alerts.notifications"], {"notification_id": told["fingerprint"], "fingerprint": told["fingerprint"]}
            )
            insert(con, TABLES["alerts.silences"], {"silence_id": told["fingerprint"], "fingerprint": told["fingerprint"]})
        insert(con, TABLES["alerts.notifications"], {"notification_id": "d", "fingerprint": "d", "message": json.dumps(digest)})
        insert(
            con,
            TABLES["alerts.silences"],
            {"silence_id": "s", "matchers": r'[["subject", "=~", "ann\\.lee"], ["rule", "=", "own"]]'},
        )
        for number, (kind, subject) in enumerate([("expert_left", "7"), ("knowledge_at_risk", "sales"), ("stuck_scan", "7")]):
            insert(con, TABLES["insights.performance_insights"], {"insight_id": str(number), "kind": kind, "subject": subject})
        refused = {"rejected_id": "r", "dataset": "users", "key": "eve", "row": '{"user_id": "eve"}', "reason": "eve has no role"}
        insert(con, TABLES["ops.rejected_rows"], refused)
        insert(con, TABLES["insights.domain_experts"], {"domain": "sales", "expert_user_id": "7", "bus_factor": 1})
        insert(con, TABLES["insights.active_scans"], {"scan_id": "s1", "triggered_by": "7", "name": "nightly, for bob"})
        for name in AS_IT_IS:
            insert(con, TABLES[name], naming_row(TABLES[name], 0, "7"), naming_row(TABLES[name], 1, "Annika"))
        as_it_is = [con.sql(f"FROM {name} ORDER BY ALL").fetchall() for name in AS_IT_IS]
        publish(con, home, WITHOUT)
    assert [published(home, f"FROM {name} ORDER BY ALL") for name in AS_IT_IS] == as_it_is
    for table in ("alerts", "transitions", "notifications", "silences"):
        found = published(home, f"SELECT fingerprint FROM alerts.{table} WHERE starts_with(fingerprint, 'f')")
        assert found == [("f5",)], table
    assert published(home, "SELECT reason FROM alerts.transitions") == [("(a person) and (a person)",)]
    (message,) = published(home, "SELECT message FROM alerts.notifications WHERE notification_id = 'd'")[0]
    first, second = json.loads(message)["members"]
    assert first == {"rule": "expert_left", "severity": "critical"} | dict.fromkeys(("fingerprint", "subject", "statement"), NOBODY)
    assert second == digest["members"][1] | {"statement": f"finance, says {NOBODY}"}
    assert published(home, "SELECT matchers ->> '$[*][2]' FROM alerts.silences WHERE silence_id = 's'") == [([NOBODY, "own"],)]
    assert published(home, "SELECT kind, subject FROM insights.performance_insights") == [("stuck_scan", "7")], "the scan 7"
    assert published(home, "SELECT key, row, reason FROM ops.rejected_rows") == [(None, None, f"{NOBODY} has no role")]
    assert published(home, "SELECT domain, expert_user_id, bus_factor FROM insights.domain_experts") == [("sales", None, 1)]
    assert published(home, "SELECT scan_id, triggered_by, name FROM insights.active_scans") == [
        ("s1", None, f"nightly, for {NOBODY}")
    ]


@given(who=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12), around=st.sampled_from(SPELT))
def test_whoever_has_a_letter_is_found(con_in_memory, who: str, around: str) -> None:
    con_in_memory.execute("DELETE FROM raw.users")
    insert(con_in_memory, TABLES["raw.users"], {"user_id": who})
    named = are_named(con_in_memory, [filled(around, who), "nobody at all, 1 of 2"])
    has_letter = con_in_memory.execute("SELECT regexp_matches(?, '\\pL') AND ? <> 'system'", [who, who]).fetchall()[0][0]
    assert named[0] == has_letter


@pytest.fixture(scope="module")
def con_in_memory(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    with migrated_connection(tmp_path_factory.mktemp("people")) as connection:
        yield connection


def test_words_of_our_own_are_columns_of_the_catalogue() -> None:
    columns = [column for table in PUBLISHED for column in table.columns]
    assert {column.name for column in columns} >= OWN_WORDS
    assert not [column.name for column in columns if column.is_user_id and column.name in OWN_WORDS]


def test_every_kind_of_finding_that_reads_of_users_tells_of_people() -> None:
    folder = Path(__file__).parents[2] / "tasks" / "insights" / "findings"
    assert {path.stem for path in folder.glob("*.sql") if re.search("user_id|raw.users", path.read_text())} == set(FINDINGS)
