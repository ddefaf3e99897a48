"""The racine mapping's SELECTs, on small databases made by hand: every mess of that schema, and what the contract gets."""

import json
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

import tasks.sources.sample.database as sample
from storage.catalogue import DATASETS
from tasks.sources.mapping import SHIPPED, load_mapping

RACINE = load_mapping("racine", "sqlite", sample.SAMPLE_ZONE)
SCHEMA = Path(sample.__file__).with_name("schema.sql").read_text()
NOON, LATER, LATEST = "2026-03-02 12:00:00.000", "2026-03-02 12:30:00.000", "2026-03-02 13:00:00.000"


@pytest.fixture
def racine():
    with closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = sqlite3.Row
        database.executescript(SCHEMA)
        yield database


def put(database, table, **values):
    names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))


def mapped(database, dataset):
    """What the mapping yields, by key, wrapped as the extraction wraps it."""
    rows = database.execute(f"SELECT * FROM ({RACINE.select(dataset)}) AS mapped").fetchall()
    return {row[DATASETS[dataset].key[0]]: dict(row) for row in rows}


def put_source(database, **values):
    row = {"id": 1, "name": "orders", "source_type": "mysql", "environment": "production", "created_at": NOON, "updated_at": NOON}
    put(database, "datasource", **row | values)


def put_scan(database, number, **values):
    row = {"id": number, "scan_id": f"s{number}", "name": "nightly", "data_source_id": 1, "status": "completed", "created_at": NOON}
    put(database, "scan", **row | values)


def put_version(database, **values):
    row = {"id": 5, "data_source_id": 1, "version": "1.4", "status": "active", "is_current": 1, "breaking_changes": 0}
    put(database, "data_source_versions", **row | {"created_at": NOON, "updated_at": NOON} | values)


def put_deployment(database, number, **values):
    row = {"id": number, "version_id": 5, "deployment_type": "deploy", "deployed_by": "u1", "status": "completed"}
    put(database, "version_deployments", **row | {"started_at": LATER, "completed_at": LATEST} | values)


def put_act(database, key, **values):
    row = {"id": key, "activity_name": "tag_asset", "activity_type": "user_action", "status": "completed", "created_at": NOON}
    put(database, "racine_activities", **row | values)


@pytest.mark.parametrize("dataset", ["scans", "deployments", "activity", "users"])
def test_yields_exactly_the_contracts_columns(racine, dataset):
    cursor = racine.execute(f"SELECT * FROM ({RACINE.select(dataset)}) AS mapped")
    found = [column[0] for column in cursor.description]
    elsewhere = ("source", "extracted_at", "is_deleted")
    assert found == [column.name for column in DATASETS[dataset].columns if column.name not in elsewhere and not column.is_optional]


def test_zones_utc_but_for_the_servers_own_deployments():
    zones = tomllib.loads((SHIPPED / "racine" / "mapping.toml").read_text())
    assert zones == {"timezones": {"scans": "UTC", "activity": "UTC", "users": "UTC", "deployments": "server"}}
    assert RACINE.zones["deployments"].key == "Europe/Berlin"


def test_scan_in_full(racine):
    put_source(racine)
    put_scan(
        racine, 7, scan_rule_set_id=3, status="FAILED", error_message="lock wait timeout", started_at=LATER,
        completed_at=LATEST, updated_at="2026-03-02 13:00:01.000", created_by="u9",
    )  # fmt: skip
    issues = ['[{"rule": "a"}, {"rule": "b"}]', "[]", None, "null", '{"not": "a list"}', ' [{"rule": "c"}]']
    for number, found in enumerate(issues):
        put(racine, "scanresult", id=number, scan_id=7, compliance_issues=found, created_at=LATER)
    put(racine, "scanresult", id=99, scan_id=8, compliance_issues='[{"rule": "of another scan"}]', created_at=LATER)
    assert mapped(racine, "scans") == {
        "s7": {
            "scan_id": "s7", "name": "nightly", "data_source": "orders", "scan_type": "rule_set_3", "status": "failed",
            "source_status": "FAILED", "queued_at": NOON, "started_at": LATER, "finished_at": LATEST, "assets_scanned": 6,
            "issues_found": 3, "triggered_by": "u9", "error_message": "lock wait timeout", "updated_at": "2026-03-02 13:00:01.000",
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
def test_scan_status_words(racine, word, status):
    put_scan(racine, 1, status=word)
    row = mapped(racine, "scans")["s1"]
    assert (row["status"], row["source_status"]) == (status, word)


def test_words_that_nobody_knows_are_left_to_the_contract_to_reject(racine):
    put_scan(racine, 1, status="MIGRATED")
    put_deployment(racine, 1, status="HALF_DONE")
    put_act(racine, "a1", status="Ghosted")
    for dataset, key in (("scans", "s1"), ("deployments", "1"), ("activity", "a1")):
        allowed = next(column.allowed for column in DATASETS[dataset].columns if column.name == "status")
        assert mapped(racine, dataset)[key]["status"] not in allowed


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
    put_source(racine)
    put_version(racine)
    put_deployment(racine, 11, status="COMPLETED", deployment_type="DEPLOY")
    assert mapped(racine, "deployments") == {
        "11": {
            "deployment_id": "11", "service": "orders", "version": "1.4", "environment": "production", "status": "succeeded",
            "source_status": "COMPLETED", "committed_at": NOON, "started_at": LATER, "finished_at": LATEST, "deployed_by": "u1",
            "is_rollback": 0, "is_hotfix": 0, "updated_at": LATEST,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", "pending"), ("IN_PROGRESS", "running"), ("in_progress", "running"), ("completed", "succeeded"),
        ("FAILED", "failed"), ("cancelled", "canceled"), ("half_done", "half_done"),
    ],
)  # fmt: skip
def test_deployment_status_words(racine, word, status):
    put_deployment(racine, 1, status=word)
    row = mapped(racine, "deployments")["1"]
    assert (row["status"], row["source_status"]) == (status, word)


@pytest.mark.parametrize(
    ("word", "flags"),
    [("deploy", (0, 0)), ("ROLLBACK", (1, 0)), ("rollback", (1, 0)), ("Hotfix", (0, 1)), (None, (None, None))],
)
def test_deployment_kinds(racine, word, flags):
    racine.execute("DROP TABLE version_deployments")
    racine.executescript(
        SCHEMA[SCHEMA.index("CREATE TABLE version_deployments") :].split(";")[0].replace("type TEXT NOT NULL", "type TEXT")
    )
    put_deployment(racine, 1, deployment_type=word)
    row = mapped(racine, "deployments")["1"]
    assert (row["is_rollback"], row["is_hotfix"]) == flags


def test_deployment_of_a_deleted_version_counts_under_unknown(racine):
    put_source(racine)
    put_deployment(racine, 1, version_id=404)
    row = mapped(racine, "deployments")["1"]
    assert (row["service"], row["environment"], row["version"], row["committed_at"]) == ("unknown", "unknown", None, None)
    assert row["updated_at"] == LATEST


def test_deployment_to_a_deleted_data_source_keeps_its_version(racine):
    put_version(racine, data_source_id=404)
    put_deployment(racine, 1)
    row = mapped(racine, "deployments")["1"]
    assert (row["service"], row["environment"], row["version"]) == ("unknown", "unknown", "1.4")


@pytest.mark.parametrize(("environment", "mapped_to"), [(None, "unknown"), ("", "unknown"), ("PRODUCTION", "production")])
def test_deployment_environment(racine, environment, mapped_to):
    put_source(racine, environment=environment)
    put_version(racine)
    put_deployment(racine, 1)
    assert mapped(racine, "deployments")["1"]["environment"] == mapped_to


def test_deployed_by_is_free_text_but_no_address(racine):
    for number, author in enumerate(("u1", "system", "nightly release job", "jane@corp.example", None)):
        put_deployment(racine, number, deployed_by=author)
    authors = [row["deployed_by"] for row in mapped(racine, "deployments").values()]
    assert authors == ["u1", "system", "nightly release job", None, None]


@pytest.mark.parametrize(
    ("started_at", "completed_at", "updated_at"),
    [(None, None, NOON), (LATER, None, LATER), (LATER, LATEST, LATEST), (LATEST, LATER, LATEST), (None, LATER, LATER)],
)
def test_deployment_changed_at_the_greatest_of_its_instants(racine, started_at, completed_at, updated_at):
    put_version(racine)
    put_deployment(racine, 1, started_at=started_at, completed_at=completed_at)
    assert mapped(racine, "deployments")["1"]["updated_at"] == updated_at


def test_pending_deployment_of_a_deleted_version_has_no_instant_at_all(racine):
    put_deployment(racine, 1, version_id=404, status="pending", started_at=None, completed_at=None)
    assert mapped(racine, "deployments")["1"]["updated_at"] is None


def test_deployment_whose_version_was_taken_back_is_rolled_back_and_changed_then(racine):
    put_version(racine, status="ROLLBACK", updated_at="2026-03-03 08:00:00.000")
    put_deployment(racine, 1, deployment_type="deploy")
    put_deployment(racine, 2, deployment_type="hotfix", status="failed")
    put_deployment(racine, 3, deployment_type="rollback")
    rows = mapped(racine, "deployments")
    assert [(row["status"], row["updated_at"]) for row in rows.values()] == [
        ("rolled_back", "2026-03-03 08:00:00.000"),
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
def test_act_status_words(racine, word, status):
    put_act(racine, "a1", status=word)
    assert mapped(racine, "activity")["a1"]["status"] == status


@pytest.mark.parametrize(
    ("groups", "count"),
    [(None, 1), ("null", 1), ("[]", 1), ('["a"]', 1), ('["a", "b"]', 2), ('{"a": 1, "b": 2}', 1), (' ["a","b","c"]', 3)],
)
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


@pytest.mark.parametrize("data", [None, "null", "[1]", '"word"', "{}"])
def test_act_without_data_is_called_by_its_name(racine, data):
    put_act(racine, "a1", activity_data=data)
    row = mapped(racine, "activity")["a1"]
    assert (row["action"], row["item_count"], row["workspace_id"]) == ("tag_asset", None, None)


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


def put_user(database, key, roles=(), **values):
    row = {"id": key, "email": f"{key}@corp.example", "name": "Jane Doe", "is_active": 1, "created_at": NOON, "updated_at": NOON}
    put(database, "users", **row | values)
    for role in roles:
        number = database.execute("SELECT id FROM roles WHERE name = ?", (role,)).fetchone()
        if number is None:
            number = database.execute("INSERT INTO roles (name) VALUES (?) RETURNING id", (role,)).fetchone()
        put(database, "user_roles", user_id=key, role_id=number[0])


def test_user_in_full_without_name_or_address(racine):
    put_user(racine, "u1", ["analyst"], department="finance", is_active=0, updated_at=LATER)
    assert mapped(racine, "users") == {
        "u1": {
            "user_id": "u1", "role": "analyst", "team": "finance", "is_active": 0, "preferences": "{}",
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
    values = {"theme": '"dark"', "page_size": "50", "notify": '{"mail": true}', "language": "de", "nothing": None}
    for key, value in values.items():
        put(racine, "user_preferences", user_id="u1", key=key, value=value, updated_at=LATEST if key == "theme" else NOON)
    row = mapped(racine, "users")["u1"]
    assert json.loads(row["preferences"]) == {
        "theme": "dark", "page_size": 50, "notify": {"mail": True}, "language": "de", "nothing": None,
    }  # fmt: skip
    assert row["updated_at"] == LATEST


def test_user_never_updated_changed_when_made(racine):
    put_user(racine, "u1", updated_at=None)
    assert mapped(racine, "users")["u1"]["updated_at"] == NOON


@pytest.mark.parametrize("dataset", ["scans", "deployments", "activity", "users"])
def test_can_be_wrapped_and_filtered(racine, dataset):
    put_scan(racine, 1)
    put_deployment(racine, 1)
    put_act(racine, "1")
    put_user(racine, "1")
    wrapped = f"SELECT count(*) FROM ({RACINE.select(dataset)}) AS mapped WHERE updated_at >= ?"
    assert racine.execute(wrapped, ("2026-03-02",)).fetchone()[0] == 1
    assert racine.execute(wrapped, ("2026-03-03",)).fetchone()[0] == 0
