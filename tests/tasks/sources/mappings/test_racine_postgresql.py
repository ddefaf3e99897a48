"""The racine mapping's SELECTs for PostgreSQL: every mess of that schema by hand, and the sample as the SELECTs for SQLite see it.

Twice, because SQLAlchemy makes either of it: words as enums and JSON as jsonb, or words as text and JSON as json.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

import tasks.sources.sample.database as sample
from storage.catalogue import DATASETS
from tasks.sources.mapping import load_mapping
from tests.postgresql import PostgresServer

RACINE = load_mapping("racine", "postgresql", sample.SAMPLE_ZONE)
GOVERNED = ("scans", "deployments", "activity", "users")
SCHEMA = Path(sample.__file__).with_name("schema.sql").read_text()
NOON, LATER, LATEST = datetime(2026, 3, 2, 12), datetime(2026, 3, 2, 12, 30), datetime(2026, 3, 2, 13)
NEXT_DAY = datetime(2026, 3, 3, 8)
WORDS = ("status", "environment", "deployment_type", "activity_type", "primary_group")
FLAGS = ("is_current", "breaking_changes", "is_active")
JSON = ("compliance_issues", "involved_groups", "activity_data")
MESS = (
    "pending", "PENDING", "running", "in_progress", "IN_PROGRESS", "processing", "SCANNING", "completed", "COMPLETED", "Failed",
    "FAILED", "cancelled", "MIGRATED", "half_done", "initiated", "suspended", "timeout", "TIMEOUT", "Ghosted", "active", "ROLLBACK",
    "deploy", "DEPLOY", "rollback", "Hotfix", "production", "PRODUCTION", "", "user_action", "USER_ACTION", "DATA_ACCESS",
    "integration_event", "catalog",
)  # fmt: skip


@dataclass(frozen=True)
class Types:
    """Which of PostgreSQL's types a racine database uses."""

    name: str
    word: str
    json: str
    preference: str


ENUMS = Types("enums_and_jsonb", word="word", json="jsonb", preference="jsonb")
TEXTS = Types("texts_and_json", word="text", json="json", preference="text")


def create_tables(con: psycopg.Connection, types: Types, words: Sequence[str]) -> None:
    con.execute("CREATE TYPE word AS ENUM ({})".format(", ".join(f"'{word}'" for word in words)))
    con.execute(re.sub(r'^( +)("?\w+"?) (TEXT|INTEGER|REAL)', lambda found: _native(found, types), SCHEMA, flags=re.MULTILINE))


def _native(column: re.Match[str], types: Types) -> str:
    indent, name, kind = column.groups()
    natives = {"TEXT": "text", "INTEGER": "bigint", "REAL": "double precision"}
    natives |= dict.fromkeys(WORDS, types.word) | dict.fromkeys(JSON, types.json) | dict.fromkeys(FLAGS, "boolean")
    if name == "value":
        return f"{indent}{name} {types.preference}"
    return f"{indent}{name} {'timestamp' if name.endswith('_at') else natives.get(name, natives[kind])}"


@pytest.fixture(scope="module", params=[ENUMS, TEXTS], ids=lambda types: types.name)
def database(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[psycopg.Connection]:
    url = postgres.create_database(f"racine_{request.param.name}")
    with psycopg.connect(url, row_factory=dict_row) as con:
        create_tables(con, request.param, MESS)
        con.commit()
        yield con


@pytest.fixture
def racine(database: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """An empty racine database; what a test writes is rolled back."""
    with database.transaction(force_rollback=True):
        yield database


def put(con, table, **values):
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    con.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))


def mapped(con, dataset, where=""):
    """What the mapping yields, by key, wrapped as the extraction wraps it."""
    rows = con.execute(f"SELECT * FROM ({RACINE.select(dataset)}) AS mapped {where}").fetchall()
    return {row[DATASETS[dataset].key[0]]: row for row in rows}


def put_source(con, **values):
    row = {"id": 1, "name": "orders", "source_type": "mysql", "environment": "production", "created_at": NOON, "updated_at": NOON}
    put(con, "datasource", **row | values)


def put_scan(con, number, **values):
    row = {"id": number, "scan_id": f"s{number}", "name": "nightly", "data_source_id": 1, "status": "completed", "created_at": NOON}
    put(con, "scan", **row | values)


def put_version(con, **values):
    row = {"id": 5, "data_source_id": 1, "version": "1.4", "status": "active", "is_current": True, "breaking_changes": False}
    put(con, "data_source_versions", **row | {"created_at": NOON, "updated_at": NOON} | values)


def put_deployment(con, number, **values):
    row = {"id": number, "version_id": 5, "deployment_type": "deploy", "deployed_by": "u1", "status": "completed"}
    put(con, "version_deployments", **row | {"started_at": LATER, "completed_at": LATEST} | values)


def put_act(con, key, **values):
    row = {"id": key, "activity_name": "tag_asset", "activity_type": "user_action", "status": "completed", "created_at": NOON}
    put(con, "racine_activities", **row | values)


def put_user(con, key, roles=(), **values):
    row = {"id": key, "email": f"{key}@corp.example", "name": "Jane Doe", "is_active": True, "created_at": NOON, "updated_at": NOON}
    put(con, "users", **row | values)
    for number, role in enumerate(roles):
        put(con, "roles", id=number, name=role)
        put(con, "user_roles", user_id=key, role_id=number)


@pytest.mark.parametrize("dataset", GOVERNED)
def test_yields_exactly_the_contracts_columns(racine, dataset):
    cursor = racine.execute(f"SELECT * FROM ({RACINE.select(dataset)}) AS mapped")
    elsewhere = ("source", "extracted_at", "is_deleted")
    contract = [column.name for column in DATASETS[dataset].columns if column.name not in elsewhere and not column.is_optional]
    assert [column.name for column in cursor.description] == contract


@pytest.mark.parametrize("dataset", GOVERNED)
def test_instants_and_flags_keep_their_types(racine, dataset):
    cursor = racine.execute(f"SELECT * FROM ({RACINE.select(dataset)}) AS mapped")
    types = {column.name: psycopg.adapters.types.get(column.type_code).name for column in cursor.description}
    expected = {"TIMESTAMPTZ": "timestamp", "BOOLEAN": "bool", "DOUBLE": "float8"}
    columns = [column for column in DATASETS[dataset].columns if column.name in types and column.type in expected]
    assert {column.name: types[column.name] for column in columns} == {column.name: expected[column.type] for column in columns}


def test_scan_in_full(racine):
    put_source(racine)
    put_scan(
        racine, 7, scan_rule_set_id=3, status="FAILED", error_message="lock wait timeout", started_at=LATER, completed_at=LATEST,
        updated_at=NEXT_DAY, created_by="u9",
    )  # fmt: skip
    issues = ['[{"rule": "a"}, {"rule": "b"}]', "[]", None, "null", '{"not": "a list"}', ' [{"rule": "c"}]', '"word"', "4"]
    for number, found in enumerate(issues):
        put(racine, "scanresult", id=number, scan_id=7, compliance_issues=found, created_at=LATER)
    put(racine, "scanresult", id=99, scan_id=8, compliance_issues='[{"rule": "of another scan"}]', created_at=LATER)
    assert mapped(racine, "scans") == {
        "s7": {
            "scan_id": "s7", "name": "nightly", "data_source": "orders", "scan_type": "rule_set_3", "status": "failed",
            "source_status": "FAILED", "queued_at": NOON, "started_at": LATER, "finished_at": LATEST, "assets_scanned": 8,
            "issues_found": 3, "triggered_by": "u9", "error_message": "lock wait timeout", "updated_at": NEXT_DAY,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", "queued"), ("PENDING", "queued"), ("running", "running"), ("in_progress", "running"),
        ("processing", "running"), ("SCANNING", "running"), ("completed", "succeeded"), ("COMPLETED", "succeeded"),
        ("Failed", "failed"), ("cancelled", "canceled"), ("MIGRATED", "migrated"),
    ],
)  # fmt: skip
def test_scan_status_words_known_in_either_case_and_unknown(racine, word, status):
    put_scan(racine, 1, status=word)
    row = mapped(racine, "scans")["s1"]
    assert (row["status"], row["source_status"]) == (status, word)


def test_scan_of_a_deleted_data_source_without_rule_set_or_results_counts(racine):
    put_scan(racine, 1, data_source_id=404, created_by="jane@corp.example")
    row = mapped(racine, "scans")["s1"]
    assert (row["data_source"], row["scan_type"]) == ("unknown", "no_rule_set")
    assert (row["assets_scanned"], row["issues_found"], row["triggered_by"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("instants", "updated_at"),
    [
        ({}, NOON),
        ({"started_at": LATER}, LATER),
        ({"started_at": LATER, "completed_at": LATEST}, LATEST),
        ({"started_at": LATER, "updated_at": LATEST}, LATEST),
    ],
)
def test_scan_never_updated_changed_when_it_last_moved(racine, instants, updated_at):
    put_scan(racine, 1, **instants)
    assert mapped(racine, "scans")["s1"]["updated_at"] == updated_at


def test_scan_without_a_key_comes_through_for_the_contract_to_reject(racine):
    put_scan(racine, 1, scan_id=None)
    assert list(mapped(racine, "scans")) == [None]


def test_deployment_in_full(racine):
    put_source(racine, environment="PRODUCTION")
    put_version(racine)
    put_deployment(racine, 11, status="COMPLETED", deployment_type="DEPLOY")
    assert mapped(racine, "deployments") == {
        11: {
            "deployment_id": 11, "service": "orders", "version": "1.4", "environment": "production", "status": "succeeded",
            "source_status": "COMPLETED", "committed_at": NOON, "started_at": LATER, "finished_at": LATEST, "deployed_by": "u1",
            "is_rollback": False, "is_hotfix": False, "updated_at": LATEST,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", "pending"), ("IN_PROGRESS", "running"), ("in_progress", "running"), ("completed", "succeeded"),
        ("FAILED", "failed"), ("cancelled", "canceled"), ("half_done", "half_done"),
    ],
)  # fmt: skip
def test_deployment_status_words_known_in_either_case_and_unknown(racine, word, status):
    put_deployment(racine, 1, status=word)
    row = mapped(racine, "deployments")[1]
    assert (row["status"], row["source_status"]) == (status, word)


@pytest.mark.parametrize(
    ("word", "flags"), [("deploy", (False, False)), ("ROLLBACK", (True, False)), ("Hotfix", (False, True)), (None, (None, None))]
)
def test_deployment_kinds(racine, word, flags):
    racine.execute("ALTER TABLE version_deployments ALTER deployment_type DROP NOT NULL")
    put_deployment(racine, 1, deployment_type=word)
    row = mapped(racine, "deployments")[1]
    assert (row["is_rollback"], row["is_hotfix"]) == flags


def test_deployment_of_a_deleted_version_counts_under_unknown(racine):
    put_source(racine)
    put_deployment(racine, 1, version_id=404)
    row = mapped(racine, "deployments")[1]
    assert (row["service"], row["environment"], row["version"], row["committed_at"]) == ("unknown", "unknown", None, None)
    assert row["updated_at"] == LATEST


def test_deployment_to_a_deleted_data_source_keeps_its_version(racine):
    put_version(racine, data_source_id=404)
    put_deployment(racine, 1)
    row = mapped(racine, "deployments")[1]
    assert (row["service"], row["environment"], row["version"]) == ("unknown", "unknown", "1.4")


@pytest.mark.parametrize("environment", [None, ""])
def test_deployment_without_an_environment_counts_under_unknown(racine, environment):
    put_source(racine, environment=environment)
    put_version(racine)
    put_deployment(racine, 1)
    assert mapped(racine, "deployments")[1]["environment"] == "unknown"


def test_deployed_by_is_free_text_but_no_address(racine):
    for number, author in enumerate(("u1", "system", "nightly release job", "jane@corp.example", None)):
        put_deployment(racine, number, deployed_by=author)
    authors = [mapped(racine, "deployments")[number]["deployed_by"] for number in range(5)]
    assert authors == ["u1", "system", "nightly release job", None, None]


@pytest.mark.parametrize(
    ("started_at", "completed_at", "updated_at"),
    [(None, None, NOON), (LATER, None, LATER), (LATER, LATEST, LATEST), (LATEST, LATER, LATEST), (None, LATER, LATER)],
)
def test_deployment_changed_at_the_greatest_of_its_instants(racine, started_at, completed_at, updated_at):
    put_version(racine)
    put_deployment(racine, 1, started_at=started_at, completed_at=completed_at)
    assert mapped(racine, "deployments")[1]["updated_at"] == updated_at


def test_deployment_whose_version_was_taken_back_is_rolled_back_and_changed_then(racine):
    put_version(racine, status="ROLLBACK", updated_at=NEXT_DAY)
    put_deployment(racine, 1, deployment_type="deploy")
    put_deployment(racine, 2, deployment_type="Hotfix", status="FAILED")
    put_deployment(racine, 3, deployment_type="rollback")
    rows = mapped(racine, "deployments")
    assert [(rows[number]["status"], rows[number]["updated_at"]) for number in (1, 2, 3)] == [
        ("rolled_back", NEXT_DAY),
        ("failed", LATEST),
        ("succeeded", LATEST),
    ]


def test_act_by_hand_in_full(racine):
    data = {"action": "classify", "resource_type": "asset", "resource_id": "t7", "item_count": 12, "workspace_id": "ws-2"}
    put_act(
        racine, "a1", status="TIMEOUT", activity_type="USER_ACTION", primary_group="catalog", execution_time_ms=2_500, user_id="u1",
        involved_groups='["catalog", "rbac", "compliance"]', activity_data=json.dumps(data | {"secret": "x"}),
        started_at=LATER, completed_at=LATEST,
    )  # fmt: skip
    assert mapped(racine, "activity") == {
        "a1": {
            "activity_id": "a1", "user_id": "u1", "workspace_id": "ws-2", "activity_type": "user_action", "action": "classify",
            "domain": "catalog", "resource_type": "asset", "resource_id": "t7", "operation": None, "item_count": "12",
            "domain_count": 3, "status": "failed", "duration_seconds": 2.5, "occurred_at": LATER, "updated_at": LATEST,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("initiated", "running"), ("IN_PROGRESS", "running"), ("suspended", "running"), ("completed", "succeeded"),
        ("FAILED", "failed"), ("timeout", "failed"), ("cancelled", "canceled"), ("Ghosted", "ghosted"),
    ],
)  # fmt: skip
def test_act_status_words_known_in_either_case_and_unknown(racine, word, status):
    put_act(racine, "a1", status=word)
    assert mapped(racine, "activity")["a1"]["status"] == status


@pytest.mark.parametrize(
    ("groups", "count"),
    [
        (None, 1), ("null", 1), ("[]", 1), ('["a"]', 1), ('["a", "b"]', 2), ('{"a": 1, "b": 2}', 1), (' ["a","b","c"]', 3),
        ('["a", null]', 2), ('"word"', 1), ("2", 1),
    ],
)  # fmt: skip
def test_act_concerns_at_least_its_own_domain(racine, groups, count):
    put_act(racine, "a1", involved_groups=groups)
    assert mapped(racine, "activity")["a1"]["domain_count"] == count


def test_operation_is_the_endpoint_or_the_querys_name(racine):
    put_act(racine, "call", api_endpoint="/api/v1/scans", http_method="POST", activity_type="integration_event")
    put_act(racine, "bare", api_endpoint="/api/v1/scans", activity_type="integration_event")
    put_act(racine, "query", activity_name="lineage", activity_type="DATA_ACCESS")
    put_act(racine, "deed", activity_name="tag_asset")
    operations = {key: row["operation"] for key, row in mapped(racine, "activity").items()}
    assert operations == {"call": "POST /api/v1/scans", "bare": "/api/v1/scans", "query": "lineage", "deed": None}


@pytest.mark.parametrize("data", [None, "null", "[1]", '"word"', "4", "{}"])
def test_act_without_data_is_called_by_its_name(racine, data):
    put_act(racine, "a1", activity_data=data)
    row = mapped(racine, "activity")["a1"]
    assert (row["action"], row["item_count"], row["workspace_id"]) == ("tag_asset", None, None)


@pytest.mark.parametrize(
    ("count", "text"), [("7", "7"), ("1.5", "1.5"), ('"many"', "many"), ("true", "true"), ('"1,000"', "1,000"), ("null", None)]
)
def test_item_count_leaves_as_text_for_the_contract_to_judge(racine, count, text):
    put_act(racine, "a1", activity_data=f'{{"item_count": {count}}}')
    assert mapped(racine, "activity")["a1"]["item_count"] == text


@pytest.mark.parametrize(
    ("note", "is_readable"),
    [
        (r"\u0000", False), (r"\ud83d", False), (r"\ude00", False), (r"\ud83d\ud83d\ude00", False), (r"\\\u0000", False),
        (r"\ud83d\ude00", True), (r"\uD83D\uDE00", True), (r"\u00e9", True), (r"\\u0000", True), (r"C:\\udata", True),
    ],
)  # fmt: skip
def test_act_with_data_that_postgresql_cannot_read_counts_without_it(racine, note, is_readable):
    data = f'{{"note": "{note}", "action": "classify"}}'
    try:
        with racine.transaction():
            put_act(racine, "a1", activity_data=data)
    except psycopg.DataError:
        assert not is_readable  # jsonb does not take it in the first place
    else:
        assert mapped(racine, "activity")["a1"]["action"] == ("classify" if is_readable else "tag_asset")


@pytest.mark.parametrize(
    ("started_at", "completed_at", "occurred_at", "updated_at"),
    [(None, None, NOON, NOON), (LATER, None, LATER, LATER), (LATER, LATEST, LATER, LATEST), (None, LATER, NOON, LATER)],
)
def test_act_begins_when_started_and_changes_last_at_its_greatest_instant(
    racine, started_at, completed_at, occurred_at, updated_at
):
    put_act(racine, "a1", started_at=started_at, completed_at=completed_at)
    row = mapped(racine, "activity")["a1"]
    assert (row["occurred_at"], row["updated_at"], row["duration_seconds"]) == (occurred_at, updated_at, None)


def test_user_in_full_without_name_or_address(racine):
    put_user(racine, "u1", ["analyst"], department="finance", is_active=False, updated_at=LATER)
    assert mapped(racine, "users") == {
        "u1": {
            "user_id": "u1", "role": "analyst", "team": "finance", "is_active": False, "preferences": "{}",
            "created_at": NOON, "updated_at": LATER,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ([], None), (["viewer", "admin"], "admin"), (["analyst", "data_engineer", "viewer"], "data_engineer"),
        (["DATA_STEWARD", "data_engineer"], "data_steward"), (["zebra", "auditor"], "auditor"), (["auditor", "viewer"], "viewer"),
    ],
)  # fmt: skip
def test_the_most_privileged_role_counts(racine, roles, role):
    put_user(racine, "u1", roles)
    assert mapped(racine, "users")["u1"]["role"] == role


def test_preferences_are_one_object_and_their_change_is_the_users(racine):
    put_user(racine, "u1")
    values = {
        "theme": '"dark"',
        "page_size": "50",
        "notify": '{"mail": true}',
        "tags": '["a", {"b": 1}]',
        "off": "false",
        "none": None,
    }
    for key, value in values.items():
        put(racine, "user_preferences", user_id="u1", key=key, value=value, updated_at=LATEST if key == "theme" else NOON)
    row = mapped(racine, "users")["u1"]
    assert json.loads(row["preferences"]) == {
        "theme": "dark", "page_size": 50, "notify": {"mail": True}, "tags": ["a", {"b": 1}], "off": False, "none": None,
    }  # fmt: skip
    assert row["updated_at"] == LATEST


JSON_VALUES = [
    "null", "true", "-5", "0", "1.5e+3", ' "dark" ', r'"a\"b"', r'"\u00e9"', '"\u0085 é"', "{}", "[ ]", "[-1]", "[null]", '[["a"]]',
    '{\n"a": {"b": [1]}}\n',
]  # fmt: skip
BARE_WORDS = [
    "de", "True", "nullable", "05", "1.", ".5", "1e", "NaN", "", "two words", '"a', '"a"b"', r'"\x"', r'"\u123"',
    '"a\nb"', "{broken}", "{'a': 1}", "['a']", "[x]",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["json", "jsonb", "text"])
def test_preferences_that_are_json_stay_so(racine, kind):
    racine.execute(f"ALTER TABLE user_preferences ALTER value TYPE {kind} USING value::text::{kind}")
    put_user(racine, "u1")
    for number, value in enumerate(JSON_VALUES):
        put(racine, "user_preferences", user_id="u1", key=f"k{number}", value=value, updated_at=NOON)
    preferences = json.loads(mapped(racine, "users")["u1"]["preferences"])
    assert preferences == {f"k{number}": json.loads(value) for number, value in enumerate(JSON_VALUES)}


def test_preferences_that_are_bare_words_become_strings(racine):
    racine.execute("ALTER TABLE user_preferences ALTER value TYPE text USING value::text")
    put_user(racine, "u1")
    for number, value in enumerate(BARE_WORDS):
        put(racine, "user_preferences", user_id="u1", key=f"k{number}", value=value, updated_at=NOON)
    preferences = json.loads(mapped(racine, "users")["u1"]["preferences"])
    assert preferences == {f"k{number}": value for number, value in enumerate(BARE_WORDS)}


def test_a_preference_that_only_looks_like_json_costs_its_own_user_alone(racine):
    racine.execute("ALTER TABLE user_preferences ALTER value TYPE text USING value::text")
    for key, value in (("u1", '{"a": True}'), ("u2", '"dark"')):
        put_user(racine, key)
        put(racine, "user_preferences", user_id=key, key="theme", value=value, updated_at=NOON)
    rows = mapped(racine, "users")
    assert rows["u1"]["preferences"] == '{"theme": {"a": True}}'
    assert json.loads(rows["u2"]["preferences"]) == {"theme": "dark"}


def test_user_never_updated_changed_when_made(racine):
    put_user(racine, "u1", updated_at=None)
    assert mapped(racine, "users")["u1"]["updated_at"] == NOON


@pytest.mark.parametrize("dataset", GOVERNED)
def test_can_be_wrapped_and_filtered(racine, dataset):
    put_scan(racine, 1, scan_id="1")
    put_deployment(racine, 1)
    put_act(racine, "1")
    put_user(racine, "1")
    key = DATASETS[dataset].key[0]
    assert len(mapped(racine, dataset, "WHERE updated_at >= TIMESTAMP '2026-03-02'")) == 1
    assert len(mapped(racine, dataset, "WHERE updated_at >= TIMESTAMP '2026-03-03'")) == 0
    assert len(mapped(racine, dataset, f"WHERE {key} IN ('1', '2')")) == 1
    assert len(mapped(racine, dataset, f"WHERE {key} IN ('2')")) == 0


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("updated_at >= TIMESTAMP '2026-03-02'", "(greatest(created_at, started_at, completed_at))"),
        ("activity_id IN ('a1', 'a2')", "(id)"),
    ],
)
def test_an_index_serves_a_filter_on_acts(racine, where, index):
    racine.execute("SET LOCAL enable_seqscan = off")
    racine.execute(f"CREATE INDEX served ON racine_activities {index}")
    racine.execute("ALTER TABLE racine_activities DROP CONSTRAINT racine_activities_pkey")
    plan = racine.execute(f"EXPLAIN (FORMAT JSON) SELECT * FROM ({RACINE.select('activity')}) AS mapped WHERE {where}").fetchone()
    assert '"served"' in json.dumps(plan)


def test_ids_may_be_text(racine):
    racine.execute("ALTER TABLE version_deployments ALTER id TYPE text, ALTER version_id TYPE text")
    racine.execute("ALTER TABLE data_source_versions ALTER id TYPE text")
    racine.execute("ALTER TABLE scan ALTER scan_rule_set_id TYPE text")
    put_version(racine)
    put_deployment(racine, "d1")
    put_scan(racine, 1, scan_rule_set_id="pii")
    assert mapped(racine, "deployments")["d1"]["version"] == "1.4"
    assert mapped(racine, "scans")["s1"]["scan_type"] == "rule_set_pii"


@pytest.fixture(scope="module")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    sample.write_sample(path, until=datetime(2026, 3, 2, 12, tzinfo=UTC), days=14, scale=0.2)
    return path


@pytest.fixture(scope="module", params=[ENUMS, TEXTS], ids=lambda types: types.name)
def copied_sample(request: pytest.FixtureRequest, postgres: PostgresServer, sample_file: Path) -> Iterator[psycopg.Connection]:
    types = Types(request.param.name, request.param.word, request.param.json, preference="text")
    url = postgres.create_database(f"racine_sample_{types.name}")
    with closing(sqlite3.connect(sample_file)) as source, psycopg.connect(url, row_factory=dict_row) as con:
        tables = [name for (name,) in source.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        create_tables(con, types, _words_in(source))
        for table in tables:
            _copy(source, con, table)
        yield con


def _words_in(source: sqlite3.Connection) -> list[str]:
    columns = source.execute("SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c").fetchall()
    found = (source.execute(f"SELECT DISTINCT {column} FROM {table}") for table, column in columns if column in WORDS)
    return sorted({word for rows in found for (word,) in rows if word is not None})


def _copy(source: sqlite3.Connection, con: psycopg.Connection, table: str) -> None:
    with con.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for row in source.execute(f"SELECT * FROM {table}"):
            copy.write_row(row)


@pytest.mark.parametrize("dataset", GOVERNED)
def test_both_dialects_see_the_same_sample(sample_file, copied_sample, dataset):
    select = load_mapping("racine", "sqlite", sample.SAMPLE_ZONE).select(dataset)
    with closing(sqlite3.connect(sample_file)) as source:
        source.row_factory = sqlite3.Row
        expected = [dict(row) for row in source.execute(select)]
    found = copied_sample.execute(RACINE.select(dataset)).fetchall()
    assert len(expected) >= 20
    assert canonical(dataset, found) == canonical(dataset, expected)


def canonical(dataset: str, rows: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    """The rows in one order, each value in the type that the contract gives it."""
    types = {column.name: column.type for column in DATASETS[dataset].columns}
    read: dict[str, Callable[[Any], Any]] = {
        "VARCHAR": str, "BIGINT": str, "DOUBLE": float, "BOOLEAN": bool, "JSON": json.loads,
        "TIMESTAMPTZ": lambda value: value if isinstance(value, datetime) else datetime.fromisoformat(value),
    }  # fmt: skip
    plain = [[(name, None if value is None else read[types[name]](value)) for name, value in row.items()] for row in rows]
    return sorted(plain, key=str)
