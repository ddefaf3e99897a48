"""Ids that contain a person's: listed, or hashed for good, the same in every table and whenever they come in again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from storage.catalogue import TABLES
from storage.fingerprints import fingerprint, row_id
from storage.home import Home
from storage.intake.comparison import compare
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.people.forgetting import forget_user
from storage.verification.keys import verify_keys
from storage.warehouse import warehouse
from tests.acts import AS_OF, act_rows
from tests.homes import migrated_home
from tests.insight_rows import BLANK_AT, insert

NOW = datetime(2026, 7, 1, 1, tzinfo=UTC)
AT = AS_OF - timedelta(days=3)
LONG = pytest.mark.campaign
IDS = [
    "ann.lee",
    "ünï's",
    *(
        pytest.param(user, marks=LONG)
        for user in ("o'hara", 'a"b', "100%x", "a\\b", "[x]y", "ann lee", "a@corp.example", "u_1", "a.*b")
    ),
]
SOURCE = {"source": "racine"}


def rows_of(user: str, seen: timedelta = timedelta()) -> dict[str, pl.DataFrame]:
    """What a platform says whose ids are made of names: of the user, of bob, and of others whose ids are like the user's."""
    people = [user, "bob", f"{user}-2", f"x{user}"]
    base = {"updated_at": AT, "extracted_at": AT + seen}
    scans = {"data_source": [f"home of {user}", "crm", "crm", "crm"], "scan_type": "full", "status": "running", "name": None}
    errors = [f"{user} may not read crm", "of bob", f"of {user}-2", None]
    acts = [
        {"activity_id": f"a/{each}/{n}", "user_id": each, "resource_type": "document", "resource_id": f"doc/{each}/1"}
        for n, each in enumerate(people)
    ]
    names = {"triggered_by": people, "error_message": errors}
    return {
        "users": pl.DataFrame({"user_id": people, "preferences": [json.dumps({"delegate": user})] * 4, **base}),
        "scans": pl.DataFrame({"scan_id": [f"scan-{each}-20260301" for each in people], **scans, **names, **base}),
        "activity": act_rows(acts).with_columns(extracted_at=pl.lit(AT + seen), updated_at=pl.lit(AT)),
    }


def load(home: Home, user: str, seen: timedelta = timedelta()) -> None:
    for dataset, rows in rows_of(user, seen).items():
        land(home, dataset, rows, metadata=SOURCE)
    with warehouse(home) as con:
        load_landing(con, home)


def keys(con: duckdb.DuckDBPyConnection) -> list[Any]:
    return con.sql("SELECT scan_id FROM raw.scans UNION ALL SELECT activity_id FROM raw.activity ORDER BY ALL").fetchall()


def texts_with(con: duckdb.DuckDBPyConnection, user: str) -> set[str]:
    """Every text of every table that holds the id, as it is or as JSON has it."""
    found: set[str] = set()
    for schema, table, column in con.sql(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal"
        " AND database_name = current_database() AND data_type IN ('VARCHAR', 'JSON')"
    ).fetchall():
        held = f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {schema}.{table} WHERE {column} IS NOT NULL"
        for (text,) in con.sql(held).fetchall():
            if user in text or json.dumps(user)[1:-1] in text:
                found.add(text)
    return found


def others_of(user: str) -> set[str]:
    """What people are called whom nobody forgot, and what is called after them."""
    return {f"{who}{each}{after}" for each in (f"{user}-2", f"x{user}") for who, after in CALLED} | {f"of {user}-2"}


CALLED = (("", ""), ("scan-", "-20260301"), ("a/", "/2"), ("a/", "/3"), ("doc/", "/1"))


@pytest.fixture
def stored(tmp_path: Path) -> Home:
    return migrated_home(tmp_path / "stored")


@pytest.mark.parametrize("user", IDS)
def test_without_being_asked_longer_ids_stay_and_are_listed(stored: Home, user: str) -> None:
    load(stored, user)
    with warehouse(stored) as con:
        before = keys(con)
        found = forget_user(con, user, "root", NOW)
        assert keys(con) == before
        listed = {holding.column: (holding.rows, holding.examples) for holding in found.holdings}
        assert con.sql("SELECT DISTINCT error_message FROM raw.scans WHERE contains(error_message, 'may not')").fetchall() == [
            ("(forgotten) may not read crm",)
        ]
        assert con.sql("SELECT DISTINCT preferences ->> 'delegate' FROM raw.users").fetchall() == [("(forgotten)",)]
    assert set(listed) == {"raw.scans.scan_id", "raw.scans.data_source", "raw.activity.activity_id", "raw.activity.resource_id"}
    assert {rows for rows, _ in listed.values()} == {1}
    if " " not in user:
        assert listed["raw.scans.scan_id"] == (1, (f"scan-{user}-20260301",))


@pytest.mark.parametrize("user", IDS)
def test_hashed_they_are_the_same_everywhere_and_nothing_else_changes(stored: Home, user: str) -> None:
    load(stored, user)
    with warehouse(stored) as con:
        counts = con.sql("SELECT count(*) FROM raw.scans UNION ALL SELECT count(*) FROM raw.activity").fetchall()
        found = forget_user(con, user, "root", NOW, hashes_ids=True)
        assert found.holdings == ()
        assert texts_with(con, user) <= others_of(user)
        stand_in = found.people[0].stand_in
        assert con.sql("SELECT scan_id, data_source FROM raw.scans WHERE triggered_by IS NULL").fetchall() == [
            (f"scan-{stand_in}-20260301", f"home of {stand_in}")
        ]
        assert con.sql("SELECT activity_id, resource_id FROM raw.activity WHERE user_id IS NULL").fetchall() == [
            (f"a/{stand_in}/0", f"doc/{stand_in}/1")
        ]
        assert con.sql("SELECT count(*) FROM raw.scans UNION ALL SELECT count(*) FROM raw.activity").fetchall() == counts
        assert forget_user(con, user, "root", NOW + timedelta(hours=1)).counts == {}, "nothing is undone"


@pytest.mark.parametrize("user", IDS)
def test_coming_in_again_they_are_known(stored: Home, user: str) -> None:
    load(stored, user)
    with warehouse(stored) as con:
        forget_user(con, user, "root", NOW, hashes_ids=True)
        before = keys(con)
    load(stored, user, timedelta(hours=2))
    with warehouse(stored) as con:
        assert keys(con) == before
        assert texts_with(con, user) <= others_of(user)
        assert con.sql("SELECT DISTINCT extracted_at FROM raw.scans").fetchall() == [(AT + timedelta(hours=2),)]


def test_sentences_that_come_in_again_are_put_right_without_hashing_too(stored: Home) -> None:
    load(stored, "ann.lee")
    with warehouse(stored) as con:
        forget_user(con, "ann.lee", "root", NOW)
        before = keys(con)
    load(stored, "ann.lee", timedelta(hours=2))
    with warehouse(stored) as con:
        assert keys(con) == before
        assert con.sql("SELECT DISTINCT error_message FROM raw.scans ORDER BY ALL").fetchall() == [
            ("(forgotten) may not read crm",), ("of ann.lee-2",), ("of bob",), (None,),
        ]  # fmt: skip
        assert con.sql("SELECT DISTINCT preferences ->> 'delegate' FROM raw.users").fetchall() == [("(forgotten)",)]


@pytest.mark.parametrize("hashes_ids", [False, True])
def test_refused_rows_that_come_in_say_nothing_of_them(stored: Home, hashes_ids: bool) -> None:
    """Neither the row as it came, whatever its columns, nor why it was refused, which quotes it."""
    with warehouse(stored) as con:
        forget_user(con, "ann.lee", "root", NOW, hashes_ids=hashes_ids)
    row = {"scan_id": "s", "data_source": "crm", "scan_type": "full", "status": "ann.lee", "updated_at": AT, "odd": ["by ann.lee"]}
    land(stored, "scans", pl.DataFrame(row), metadata=SOURCE)
    land(stored, "users", pl.DataFrame({"user_id": ["x"], "unreadable": ["line 3: ann.lee, x, y"], "updated_at": AT}))
    with warehouse(stored) as con:
        load_landing(con, stored)
        assert con.sql("SELECT count(*) FROM ops.rejected_rows").fetchall() == [(2,)]
        assert texts_with(con, "ann.lee") == set()


@pytest.mark.parametrize("user", ["ann.lee", "ünï"])
def test_reconciling_knows_the_keys_of_the_source(stored: Home, tmp_path: Path, user: str) -> None:
    load(stored, user)
    listing = tmp_path / "listing.parquet"
    theirs = rows_of(user)["scans"]["scan_id"].to_list()
    pl.DataFrame({"key": [*theirs, f"scan-{user}-new"], "updated_at": [AT + timedelta(hours=1), AT, AT, AT, AT]}).write_parquet(
        listing
    )
    with warehouse(stored) as con:
        person = forget_user(con, user, "root", NOW, hashes_ids=True).people[0]
        found = compare(con, "scans", "racine", listing, NOW, datetime.now(UTC) + timedelta(days=1))
    assert (found.missing, found.stale, found.deleted.num_rows) == ((f"scan-{user}-new",), (theirs[0],), 0)
    assert (found.source_rows, found.raw_rows) == (5, 4)
    renamed = {f"scan-{person.stand_in}-20260301": theirs[0], f"scan-{person.stand_in}-new": f"scan-{user}-new"}
    assert found.renamed == renamed


def test_who_was_forgotten_without_hashing_changes_no_key_of_a_listing(stored: Home, tmp_path: Path) -> None:
    load(stored, "ann.lee")
    listing = tmp_path / "listing.parquet"
    pl.DataFrame({"key": rows_of("ann.lee")["scans"]["scan_id"], "updated_at": [AT] * 4}).write_parquet(listing)
    with warehouse(stored) as con:
        forget_user(con, "ann.lee", "root", NOW)
        forget_user(con, "eve.lee", "root", NOW, hashes_ids=True)
        found = compare(con, "scans", "racine", listing, NOW, datetime.now(UTC) + timedelta(days=1))
    assert (found.missing, found.stale, found.deleted.num_rows, found.renamed) == ((), (), 0, {})


def test_alerts_and_findings_go_on_under_their_new_names(con) -> None:
    """Next evaluation and computation find them: by rule, subject and labels, and by kind, subject and labels."""
    subject, labels = "scan-ann.lee-1", {"data_source": "home of ann.lee", "type": "full"}
    old = fingerprint("scan_probably_dead", subject, list(labels.items()))
    insert(
        con,
        TABLES["alerts.alerts"],
        {"fingerprint": old, "rule": "scan_probably_dead", "subject": subject, "labels": json.dumps(labels)},
    )
    insert(con, TABLES["alerts.alerts"], {"fingerprint": "b", "subject": "sales"})
    for name in ("alerts.transitions", "alerts.notifications", "alerts.silences"):
        insert(con, TABLES[name], {"fingerprint": old})
    digest = json.dumps(
        {"subject": "2 alerts", "members": [{"fingerprint": old, "subject": subject, "statement": f"{subject} is dead"}]}
    )
    insert(con, TABLES["alerts.notifications"], {"notification_id": "d", "fingerprint": "d", "message": digest})
    finding = {
        "insight_id": row_id("stuck_scan", subject, "{}", BLANK_AT),
        "kind": "stuck_scan",
        "subject": subject,
        "labels": "{}",
        "started_at": BLANK_AT,
    }
    insert(con, TABLES["insights.performance_insights"], finding)
    stand_in = forget_user(con, "ann.lee", "root", NOW, hashes_ids=True).people[0].stand_in
    renamed, names = f"scan-{stand_in}-1", [("data_source", f"home of {stand_in}"), ("type", "full")]
    new = fingerprint("scan_probably_dead", renamed, names)
    assert con.sql("SELECT fingerprint, subject FROM alerts.alerts ORDER BY ALL").fetchall() == sorted(
        [(new, renamed), ("b", "sales")]
    )
    for name in ("alerts.transitions", "alerts.silences"):
        assert con.sql(f"SELECT fingerprint FROM {name}").fetchall() == [(new,)]
    ((message,),) = con.sql("SELECT message FROM alerts.notifications WHERE notification_id = 'd'").fetchall()
    assert json.loads(message)["members"] == [{"fingerprint": new, "subject": renamed, "statement": f"{renamed} is dead"}]
    assert con.sql("SELECT insight_id FROM insights.performance_insights").fetchall() == [
        (row_id("stuck_scan", renamed, "{}", BLANK_AT),)
    ]


@pytest.mark.parametrize("user", ["failed", "all", "system_metrics", "crm-kind", "7", "a", "Full"])
def test_words_numbers_and_kinds_of_things_change_nothing_that_is_no_user(stored: Home, user: str) -> None:
    scan = {"scan_id": f"scan-{user}-1", "name": f"the {user} scan", "data_source": user, "status": "failed", "updated_at": AT}
    land(
        stored, "scans", pl.DataFrame({**scan, "scan_type": [user], "triggered_by": [user], "error_message": f"{user} 7 a failed"})
    )
    with warehouse(stored) as con:
        load_landing(con, stored)
        found = forget_user(con, user, "root", NOW, hashes_ids=True)
        assert (found.counts, found.is_told, found.holdings) == ({"raw.scans": 1}, False, ())
        columns = "scan_id, name, data_source, status, scan_type, triggered_by, error_message"
        assert con.sql(f"SELECT {columns} FROM raw.scans").fetchall() == [
            (f"scan-{user}-1", f"the {user} scan", user, "failed", user, None, f"{user} 7 a failed")
        ]


def test_capital_letters_and_accents(stored: Home) -> None:
    """Other capitals are another id, which is said; an accent of its own is the same one."""
    load(stored, "Ünï.lee")
    load(stored, "ünï.lee")
    load(stored, "u\u0308ni\u0308.lee", timedelta(seconds=1))
    with warehouse(stored) as con:
        found = forget_user(con, "ünï.lee", "root", NOW, hashes_ids=True)
        assert found.namesakes == ("Ünï.lee",)
        left = con.sql("SELECT user_id FROM raw.users WHERE lower(user_id) IN ('ünï.lee', 'u\u0308ni\u0308.lee')").fetchall()
        assert left == [("Ünï.lee",)]
        assert texts_with(con, "u\u0308ni\u0308.lee") <= others_of("u\u0308ni\u0308.lee")


def test_a_warehouse_with_hashed_ids_is_sound(stored: Home) -> None:
    load(stored, "ann.lee")
    with warehouse(stored) as con:
        forget_user(con, "ann.lee", "root", NOW, hashes_ids=True)
    load(stored, "ann.lee", timedelta(hours=1))
    assert [check for check in verify_keys(stored, Limits(), NOW, deep=True) if not check.is_ok] == []
