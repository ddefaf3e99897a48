"""The racine mapping's SELECTs for MySQL, on a real MariaDB: the sample as those for SQLite see it, and the messes by hand."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import tasks.sources.sample.database as sample
from storage.frames import fetch
from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database.opening import Source, open_session
from tasks.sources.examination import examine
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import SourceProgress
from tests.homes import migrated_home
from tests.mariadb import MariadbServer

pytestmark = pytest.mark.services
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
GOVERNED = ("scans", "deployments", "activity", "users")
SCHEMA = re.sub(r"--.*", "", Path(sample.__file__).with_name("schema.sql").read_text())
JSON = r"\b(involved_groups|activity_data|compliance_issues|classification_labels) TEXT"
NATIVE = ((r"\b(\w+_at) TEXT", r"\1 datetime(6)"), (r"\b(is_\w+|breaking_changes) INTEGER", r"\1 boolean"))
WORDS = r"\b(status|environment|deployment_type|activity_type|primary_group) TEXT"
AS_JSON = ((JSON, r"\1 json"), (WORDS, r"\1 varchar(50)"))
AS_TEXT = ((JSON, r"\1 longtext"), (WORDS, r"\1 varchar(50) CHARACTER SET latin1"))
THEIR_COLUMNS = ("source", "extracted_at")


def create_tables(more: tuple[tuple[str, str], ...] = AS_JSON) -> list[str]:
    schema = SCHEMA.replace('"', "`")
    for pattern, native in (*NATIVE, *more, (r"(\w+|`key`) TEXT( PRIMARY KEY| UNIQUE)", r"\1 varchar(100)\2")):
        schema = re.sub(pattern, native, schema)
    schema = re.sub(r"(user_id|`key`|row_id|table_name) TEXT NOT NULL", r"\1 varchar(100) NOT NULL", schema)
    return [statement for statement in schema.replace(" TEXT", " longtext").split(";") if statement.strip()]


@pytest.fixture(scope="module")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    sample.write_sample(path, until=NOW, days=14, scale=0.2)
    return path


def copy_sample(file: Path, server: MariadbServer, database: str) -> None:
    with closing(sqlite3.connect(file)) as source, closing(server.connect(database)) as target:
        cursor = target.cursor()
        cursor.execute("SET sql_mode = ''")
        for (table,) in source.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            rows = source.execute(f"SELECT * FROM {table}").fetchall()
            if rows:
                cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)


def extracted(home: Home, address: Address) -> dict[str, list[tuple[Any, ...]]]:
    source = Source("sample", address, "racine", sample.SAMPLE_ZONE)
    options = {"overlap_seconds": 0.0, "extracted_at": NOW, "report": lambda _: None}
    done = extract_datasets.fn(str(home.root), source=source, so_far=SourceProgress({}), **options)
    assert done.failures == {}
    with warehouse(home, LIMITS) as con:
        load_landing(con, home)
        leave_out = ", ".join(THEIR_COLUMNS)
        found = {name: fetch(con, f"SELECT * EXCLUDE ({leave_out}) FROM raw.{name} ORDER BY 1").rows() for name in GOVERNED}
        found["rejected"] = fetch(con, "SELECT dataset, key FROM ops.rejected_rows ORDER BY ALL").rows()
        return found


@pytest.mark.parametrize("columns", [AS_JSON, AS_TEXT], ids=["json", "text"])
def test_both_dialects_see_the_same_sample(mariadb: MariadbServer, tmp_path: Path, sample_file: Path, columns) -> None:
    url = mariadb.create_database("racine_sample", *create_tables(columns))
    copy_sample(sample_file, mariadb, "racine_sample")
    expected = extracted(migrated_home(tmp_path / "sqlite"), Address("sqlite", str(sample_file)))
    found = extracted(migrated_home(tmp_path / "mysql"), Address("mysql", url))
    assert all(len(expected[name]) >= 20 for name in GOVERNED)
    for name, rows in expected.items():
        assert canonical(found[name]) == canonical(rows), name


def canonical(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """An object of preferences says the same in whichever order and spacing."""
    return [tuple(json.loads(cell) if str(cell).startswith("{") else cell for cell in row) for row in rows]


def test_doctor_finds_nothing_wrong(mariadb: MariadbServer) -> None:
    source = Source("racine", Address("mysql", mariadb.create_database("racine_empty", *create_tables())), "racine")
    with open_session(source) as session:
        for dataset in GOVERNED:
            assert examine(session, source.load_mapping(), dataset, NOW).problems == ()


class Racine:
    def __init__(self, server: MariadbServer) -> None:
        self.server = server
        self.url = server.create_database("racine_messes", *create_tables(AS_TEXT))

    def put(self, table: str, **values: Any) -> None:
        with closing(self.server.connect("racine_messes")) as connection:
            names, marks = ", ".join(f"`{name}`" for name in values), ", ".join(["%s"] * len(values))
            connection.cursor().execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))

    def mapped(self, dataset: str) -> dict[str, dict[str, Any]]:
        with open_session(Source("racine", Address("mysql", self.url), "racine")) as session:
            rows = [row for table in session.read_all(dataset) for row in table.to_pylist()]
        return {next(iter(row.values())): row for row in rows}


@pytest.fixture
def racine(mariadb: MariadbServer) -> Racine:
    return Racine(mariadb)


def at(hour: int) -> str:
    return f"2026-03-02 {hour:02}:00:00"


def instant(hour: int) -> datetime:
    return datetime(2026, 3, 2, hour, tzinfo=UTC)


ACT = {"activity_name": "tag_asset", "activity_type": "user_action", "status": "completed", "created_at": at(12)}


def test_acts_by_hand(racine: Racine) -> None:
    data = {"action": "classify", "resource_type": "asset", "resource_id": 7, "item_count": "many", "workspace_id": None}
    racine.put("racine_activities", id="a1", **ACT | {"activity_data": json.dumps(data), "involved_groups": '["a", null]'})
    racine.put(
        "racine_activities", id="a2", **ACT | {"activity_data": "{broken", "involved_groups": "two, words", "started_at": at(13)}
    )
    racine.put("racine_activities", id="a3", **ACT | {"api_endpoint": "/scans", "http_method": "POST", "execution_time_ms": 2_500})
    racine.put(
        "racine_activities", id="a4", **ACT | {"status": "TIMEOUT", "completed_at": at(14), "involved_groups": '{"a": 1, "b": 2}'}
    )
    racine.put("racine_activities", id="a5", **ACT | {"status": "Ghosted", "activity_type": "DATA_ACCESS", "activity_data": '"é"'})
    rows = racine.mapped("activity")

    def of(key: str, *names: str) -> list[Any]:
        return [rows[key][name] for name in names]

    names = ("action", "resource_type", "resource_id", "item_count", "workspace_id", "domain_count", "operation")
    assert of("a1", *names) == ["classify", "asset", "7", "many", None, "2", None]
    assert of("a2", *names) == ["tag_asset", None, None, None, None, "1", None]
    assert of("a2", "occurred_at", "updated_at") == [instant(13), instant(13)]
    assert of("a3", "operation", "status", "updated_at") == ["POST /scans", "succeeded", instant(12)]
    assert float(rows["a3"]["duration_seconds"]) == 2.5
    assert of("a4", "status", "domain_count", "occurred_at", "updated_at") == ["failed", "1", instant(12), instant(14)]
    assert of("a5", "status", "operation", "action") == ["ghosted", "tag_asset", "tag_asset"]


def test_scans_by_hand(racine: Racine) -> None:
    scan = {"name": "nightly", "data_source_id": 404, "created_at": at(12)}
    racine.put("scan", id=1, scan_id="s1", **scan | {"status": "SCANNING", "started_at": at(13), "created_by": "jane@corp.example"})
    racine.put(
        "scan", id=2, scan_id="s2", **scan | {"status": "MIGRATED", "updated_at": at(14), "scan_rule_set_id": 3, "created_by": "u9"}
    )
    issues = ['[{"rule": "a"}, {"rule": "b"}]', "[]", None, "null", '{"not": "a list"}', ' [{"rule": "c"}]', '"word"', "broken ["]
    for number, found in enumerate(issues):
        racine.put("scanresult", id=number, scan_id=2, compliance_issues=found, created_at=at(12))
    rows = racine.mapped("scans")
    names = ("data_source", "scan_type", "status", "source_status", "assets_scanned", "issues_found", "triggered_by", "updated_at")
    unknown = ["unknown", "no_rule_set", "running", "SCANNING", "0", "0", None, instant(13)]
    assert [rows["s1"][name] for name in names] == unknown
    assert [rows["s2"][name] for name in names] == ["unknown", "rule_set_3", "migrated", "MIGRATED", "8", "3", "u9", instant(14)]


def test_deployments_by_hand(racine: Racine) -> None:
    racine.put("datasource", id=1, name="orders", source_type="x", environment="PRODUCTION", created_at=at(1), updated_at=at(1))
    version = {"data_source_id": 1, "is_current": 1, "breaking_changes": 0, "created_at": at(12)}
    racine.put("data_source_versions", id=5, version="1.4", status="ROLLBACK", updated_at=at(20), **version)
    for number, kind, status, version_id in [
        (1, "deploy", "COMPLETED", 5),
        (2, "Hotfix", "half_done", 5),
        (3, "rollback", "completed", 5),
        (4, "deploy", "cancelled", 404),
    ]:
        row = {"started_at": at(13), "completed_at": at(14), "deployed_by": "u1"}
        racine.put("version_deployments", id=number, version_id=version_id, deployment_type=kind, status=status, **row)
    racine.put("version_deployments", id=6, version_id=5, deployment_type="deploy", status="pending", deployed_by="a@b.example")
    rows = racine.mapped("deployments")
    names = ("service", "environment", "status", "is_rollback", "is_hotfix", "committed_at", "updated_at", "deployed_by")
    assert {key: [row[name] for name in names] for key, row in rows.items()} == {
        "1": ["orders", "production", "rolled_back", "0", "0", instant(12), instant(20), "u1"],
        "2": ["orders", "production", "half_done", "0", "1", instant(12), instant(14), "u1"],
        "3": ["orders", "production", "succeeded", "1", "0", instant(12), instant(14), "u1"],
        "4": ["unknown", "unknown", "canceled", "0", "0", None, instant(14), "u1"],
        "6": ["orders", "production", "pending", "0", "0", instant(12), instant(12), None],
    }


def test_users_by_hand(racine: Racine) -> None:
    person = {"email": "jane@corp.example", "name": "Jane Doe", "is_active": 0, "created_at": at(12)}
    for key in ("u1", "u2"):
        racine.put("users", id=key, **person)
    for number, role in enumerate(("viewer", "DATA_STEWARD", "zebra")):
        racine.put("roles", id=number, name=role)
        racine.put("user_roles", user_id="u1", role_id=number)
    values = {"theme": "dark", "page": "50", "tags": '["a", {"b": 1}]', "none": None, "quote": 'a"b\\', "long": "x" * 3_000}
    for key, value in values.items():
        racine.put("user_preferences", user_id="u1", key=key, value=value, updated_at=at(15))
    rows = racine.mapped("users")
    assert json.loads(rows["u1"]["preferences"]) == values | {"page": 50, "tags": ["a", {"b": 1}]}
    assert [rows["u1"][name] for name in ("role", "is_active", "updated_at")] == ["data_steward", "0", instant(15)]
    assert [rows["u2"][name] for name in ("role", "preferences", "updated_at")] == [None, "{}", instant(12)]
    assert "Jane" not in str(rows)
