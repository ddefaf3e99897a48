"""A person who was forgotten is in no table and in no byte of the files, and does not come in again; what they did still counts."""

import json
import math
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from storage.backups.keeping import drop_outdated_backups
from storage.catalogue import TABLES
from storage.frames import registered
from storage.intake.comparison import compare
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.journal.files import begin_segment, drop_segments_before
from storage.maintenance import compact
from storage.people.forgetting import forget_user
from storage.people.person import can_be_told
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
from tasks.message import Member, Message, from_json, to_json
from tests.acts import AS_OF, act_rows, scores_now
from tests.backups import back_up_now
from tests.insight_rows import insert
from tests.messages import message

ANN = "ann-8c41d2f7-person"
NOW = datetime(2026, 7, 1, 1, tzinfo=UTC)


def land_platform(home, ann: str = ANN) -> None:
    """Ann and bob: a user, an owner, three acts, a deployment and a scan each; of ann an act and a scan that are refused; of bob an
    act on ann."""
    both, at = [ann, "bob"], AS_OF - timedelta(days=3)
    land(home, "users", pl.DataFrame({"user_id": both, "role": "steward", "updated_at": at}), metadata={"source": "racine"})
    land(home, "owners", pl.DataFrame({"domain": "sales", "user_id": both}))
    land(home, "activity", act_rows([{"user_id": user} for user in both for _ in range(3)]))
    land(home, "activity", act_rows([{"activity_id": "bad", "user_id": ann}]).with_columns(item_count=pl.lit(-1)))
    land(home, "activity", act_rows([{"activity_id": "on ann", "user_id": "bob", "resource_type": "profile", "resource_id": ann}]))
    deployment = {"service": "api", "environment": "production", "status": "failed", "deployed_by": both, "updated_at": at}
    land(home, "deployments", pl.DataFrame({"deployment_id": ["d1", "d2"]} | deployment))
    scan = {"data_source": "crm", "scan_type": "full", "status": "running", "triggered_by": both, "updated_at": at}
    land(home, "scans", pl.DataFrame({"scan_id": ["s1", "s2"]} | scan))
    land(home, "scans", pl.DataFrame([{**scan, "scan_id": "bad", "triggered_by": ann, "status": "odd"}]))


def places_of(con: duckdb.DuckDBPyConnection, user: str) -> list[str]:
    """Every column of every table and view that holds the id, alone or within a text."""
    columns = con.sql(
        "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns()"
        " WHERE NOT internal AND database_name = current_database() AND data_type NOT IN ('BIGINT', 'DOUBLE', 'BOOLEAN', 'HUGEINT')"
    ).fetchall()
    where = "contains(CAST({} AS VARCHAR), ?)"
    return [
        f"{table}.{column}"
        for table, column in columns
        if con.execute(f"SELECT 1 FROM {table} WHERE {where.format(column)} LIMIT 1", [user]).fetchall()
    ]


@pytest.fixture
def known(home):
    """A home that knows ann and bob, with scores and rows of other insights that name ann."""
    land_platform(home)
    with warehouse(home) as con:
        load_landing(con, home)
        scores_now(con)
        for name in ("insights.domain_experts", "history.domain_experts"):
            insert_into(con, name, {"domain": "sales", "expert_user_id": ANN, "runner_up_user_id": "bob"})
        insert(con, TABLES["insights.domain_owners"], {"domain": "sales", "user_id": ANN})
        finding = {"kind": "knowledge_at_risk", "statement": f"sales rests on {ANN}", "evidence": f'{{"expert_user_id": "{ANN}"}}'}
        insert(con, TABLES["insights.performance_insights"], finding)
        insert(con, TABLES["insights.active_scans"], {"scan_id": "s1", "triggered_by": ANN})
        insert(con, TABLES["insights.user_profiles"], {"user_id": "bob", "recent_acts": f'[{{"resource_id": "{ANN}"}}]'})
        insert(con, TABLES["alerts.transitions"], {"transition_id": "t", "reason": f"sales rests on {ANN}: {ANN} {ANN}."})
        insert(con, TABLES["ops.audit_log"], {"action": "load", "detail": f"users: {ANN}, x.csv"})
    return home


def insert_into(con: duckdb.DuckDBPyConnection, name: str, row: dict) -> None:
    """A row of a table, or of its namesake in history."""
    schema, table = name.split(".")
    insert(con, replace(TABLES[f"insights.{table}"], schema=schema), row)


def test_the_person_is_in_no_table(known) -> None:
    with warehouse(known) as con:
        assert len(places_of(con, ANN)) >= 12
        counts = forget_user(con, ANN, "root", NOW).counts
        assert places_of(con, ANN) == []
        assert (counts["raw.activity"], counts["ops.rejected_rows"]) == (4, 2)
        assert counts["raw.users"] == counts["raw.owners"] == counts["insights.active_scans"] == 1
        assert counts["insights.domain_experts"] == counts["history.domain_experts"] == 1


def test_what_they_did_still_counts_and_others_stay(known) -> None:
    with warehouse(known) as con:
        forget_user(con, ANN, "root", NOW)
        assert con.sql("SELECT count(*), count(user_id) FROM raw.activity").fetchall() == [(7, 4)]
        assert con.sql("SELECT count(*), count(deployed_by) FROM raw.deployments").fetchall() == [(2, 1)]
        assert con.sql("SELECT user_id, knowledge FROM insights.expertise_scores WHERE domain = 'sales'").fetchall() == [
            ("bob", 4.0)
        ]
        assert con.sql("SELECT expert_user_id, runner_up_user_id FROM insights.domain_experts").fetchall() == [(None, "bob")]
        assert con.sql("SELECT scan_id, triggered_by FROM insights.active_scans").fetchall() == [("s1", None)], "its alert goes on"
        assert con.sql("SELECT reason FROM alerts.transitions").fetchall() == [
            ("sales rests on (forgotten): (forgotten) (forgotten).",)
        ]
        assert scores_now(con)["user_id"].unique().to_list() == ["bob"]


def test_the_person_is_in_no_byte_of_the_files(known) -> None:
    with warehouse(known) as con:
        con.execute("CHECKPOINT")
        assert ANN.encode() in known.warehouse.read_bytes()
        forget_user(con, ANN, "root", NOW)
        con.execute("CHECKPOINT")
        assert ANN.encode() in known.warehouse.read_bytes(), "without writing it anew it would still be readable"
        compact(con, known)
    with warehouse(known) as con:
        publish(con, known)
    drop_segments_before(known, begin_segment(known))  # as when there is a new backup
    assert [path for path in known.root.rglob("*") if path.is_file() and ANN.encode() in path.read_bytes()] == []
    with duckdb.connect(str(known.published), read_only=True) as con:
        assert places_of(con, "bob") != []
        assert places_of(con, ANN) == []


def test_the_person_does_not_come_in_again(known) -> None:
    with warehouse(known) as con:
        forget_user(con, ANN, "root", NOW)
    land_platform(known)
    with warehouse(known) as con:
        load_landing(con, known)
        assert places_of(con, ANN) == []
        assert con.sql("SELECT count(*), count(user_id) FROM raw.activity").fetchall() == [(7, 4)]
        refused = con.sql("SELECT dataset, key, row ->> 'item_count', row ->> 'scan_type' FROM ops.rejected_rows ORDER BY 1")
        assert refused.fetchall() == [("activity", "bad", "-1", None), ("scans", "bad", None, "full")]


def test_others_come_in_while_somebody_is_forgotten(known) -> None:
    with warehouse(known) as con:
        forget_user(con, "nobody", "root", NOW)
    land_platform(known, "eve")
    with warehouse(known) as con:
        load_landing(con, known)
        assert con.sql("SELECT user_id FROM raw.users ORDER BY 1").fetchall() == [(ANN,), ("bob",), ("eve",)]


def test_reconciling_does_not_miss_them(known, tmp_path: Path) -> None:
    listing = tmp_path / "listing.parquet"
    pl.DataFrame({"key": [ANN, "bob", "eve"], "updated_at": [AS_OF - timedelta(days=3)] * 3}).write_parquet(listing)
    with warehouse(known) as con:
        con.execute("UPDATE raw.users SET source = 'racine'")
        forget_user(con, ANN, "root", NOW)
        found = compare(con, "users", "racine", listing, NOW, datetime.now(UTC) + timedelta(days=1))
    assert (found.missing, found.stale, found.deleted.num_rows) == (("eve",), (), 0)


def test_the_audit_log_says_that_somebody_was_forgotten_and_not_who(known) -> None:
    with warehouse(known) as con:
        forget_user(con, ANN, "root", NOW)
        ((action, detail, actor, done_at),) = con.sql("SELECT * FROM ops.audit_log WHERE action = 'forget'").fetchall()
    assert (action, actor, done_at) == ("forget", "root", NOW)
    assert "4 of raw.activity" in detail
    assert ANN not in detail


def test_again_finds_nothing_and_keeps_one_hash(known) -> None:
    with warehouse(known) as con:
        forget_user(con, ANN, "root", NOW)
        assert forget_user(con, ANN, "root", NOW + timedelta(hours=1)).counts == {}
        forget_user(con, "bob", "root", NOW + timedelta(hours=2))
        salts = con.sql("SELECT count(*), count(DISTINCT salt), count(DISTINCT forgotten_id) FROM ops.forgotten").fetchall()
    assert salts == [(2, 1, 2)]


IDS = ["7", "o'hara", 'a"b', "100%", "a\\b", "ünï", "a.b", "[x]", "all", "production"]


@pytest.mark.parametrize("user", IDS)
def test_any_id_is_taken_whole(con, user: str) -> None:
    """Ids like it and rows that hold it as a part of something else stay."""
    people = [user, user + "7", "7" + user]
    acts = [{"activity_id": f"a{number}", "user_id": name} for number, name in enumerate(people)]
    with registered(con, "given", act_rows(acts)):
        con.execute("INSERT INTO raw.activity BY NAME FROM given")
    for name, evidence in {
        "stays": {"n": 7, "who": ["17", user + "7", f'x"{user}', f"x = {user}"]},
        "goes": {"who": [{"first": user}]},
        "goes too": {user: 1},
    }.items():
        for is_ascii in (True, False):  # as whoever wrote it pleased to write ü
            text = json.dumps(evidence, ensure_ascii=is_ascii)
            insert(con, TABLES["insights.performance_insights"], {"insight_id": f"{name} {is_ascii}", "evidence": text})
    forget_user(con, user, "root", NOW)
    assert con.sql("SELECT user_id FROM raw.activity ORDER BY activity_id").fetchall() == [(None,), *((n,) for n in people[1:])]
    assert con.sql("SELECT insight_id FROM insights.performance_insights ORDER BY 1").fetchall() == [
        ("stays False",),
        ("stays True",),
    ]


def test_findings_go_whose_subject_they_are_and_that_hand_over_to_them(con) -> None:
    """As `expert_left` writes them: whoever a finding names is among the values of its evidence."""
    for name, subject, heirs in (("about", ANN, ["bob"]), ("heir", "bob", ["eve", ANN]), ("other", "bob", [None, "eve"])):
        evidence = json.dumps({"user_id": subject, "heirs": heirs})
        finding = {"insight_id": name, "kind": "expert_left", "subject": subject, "statement": subject, "evidence": evidence}
        insert(con, TABLES["insights.performance_insights"], finding)
    assert forget_user(con, ANN, "root", NOW).counts == {"insights.performance_insights": 2}
    assert con.sql("SELECT insight_id FROM insights.performance_insights").fetchall() == [("other",)]
    assert places_of(con, ANN) == []


@pytest.mark.parametrize("user", IDS)
def test_alerts_about_them_go_with_all_that_was_told(con, user: str) -> None:
    alerts = {"a": {"subject": user}, "b": {"subject": "sales", "labels": json.dumps({"who": user})}, "c": {"subject": user + "7"}}
    for name, alert in alerts.items():
        insert(con, TABLES["alerts.alerts"], {"fingerprint": name, **alert})
        transition = {"transition_id": name, "fingerprint": name, "subject": alert["subject"], "reason": f"{user}7 or 7{user} is 7"}
        insert(con, TABLES["alerts.transitions"], transition)
        insert(con, TABLES["alerts.notifications"], {"notification_id": name, "transition_id": name, "fingerprint": name})
    found = forget_user(con, user, "root", NOW).counts
    assert found == {"alerts.alerts": 2, "alerts.transitions": 2, "alerts.notifications": 2}
    for table in ("alerts", "transitions", "notifications"):
        assert con.sql(f"SELECT fingerprint FROM alerts.{table}").fetchall() == [("c",)]
    assert con.sql("SELECT reason FROM alerts.transitions").fetchall() == [(f"{user}7 or 7{user} is 7",)]


def told(con: duckdb.DuckDBPyConnection, name: str, message: Message, **row: Any) -> None:
    insert(con, TABLES["alerts.notifications"], {"notification_id": name, "fingerprint": name, "message": to_json(message), **row})


def test_notifications_that_name_them_say_the_rest(con) -> None:
    """A finding about a domain names whom it rests on; all but the name is as it was, whatever the name is like."""
    evidence = f"SELECT * FROM insights.domain_experts WHERE domain = 'sales of {ANN}-2'"
    about = {"subject": "sales", "labels": {"of": "crm"}, "value": math.inf, "query": evidence}
    before = message(
        title=f"[CRITICAL] knowledge_at_risk: sales, {ANN}", statement=f'{ANN} {ANN} know "sales"; x{ANN}, 1 ü.', **about
    )
    other = message(title="sales", statement=f"{ANN}-2 left")
    told(con, "a", before, reason=f"silenced by root: {ANN} is away (0b605301)")
    told(con, "b", other, reason=f"inhibited by expert_left of {ANN}-2")
    insert(con, TABLES["alerts.notifications"], {"notification_id": "c", "reason": f"inhibited by expert_left of {ANN}"})
    assert forget_user(con, ANN, "root", NOW).counts == {"alerts.notifications": 3}
    rows = con.sql("SELECT message, reason FROM alerts.notifications ORDER BY notification_id").fetchall()
    assert from_json(rows[0][0]) == replace(
        before,
        title="[CRITICAL] knowledge_at_risk: sales, (forgotten)",
        statement=f'(forgotten) (forgotten) know "sales"; x{ANN}, 1 ü.',
    )
    assert (from_json(rows[1][0]), rows[1][1]) == (other, f"inhibited by expert_left of {ANN}-2")
    assert [rows[0][1], rows[2][1]] == [
        "silenced by root: (forgotten) is away (0b605301)",
        "inhibited by expert_left of (forgotten)",
    ]
    assert forget_user(con, ANN, "root", NOW).counts == {}


@pytest.mark.parametrize("user", IDS)
def test_digests_do_not_tell_of_them(con, user: str) -> None:
    """Its other alerts stay, and how many they were; an alert about them that is in no table any more has its notification."""
    theirs = Member("f1", "expert_left", user, "critical", f"{user} left")
    others = [Member(f"f{name}", "expert_left", name, "warning", f"{name} left") for name in (user + "7", "x" + user)]
    naming = Member("f2", "knowledge_at_risk", "sales", "warning", f"sales rests on {user} (95 %)")
    digest = message(
        event="digest", rule="digest", subject="4 alerts", members=(theirs, *others, naming), title="4 alerts", statement="4"
    )
    told(con, "digest", digest)
    told(con, "theirs", message(subject=user))
    assert forget_user(con, user, "root", NOW).counts == {"alerts.notifications": 2}
    ((name, text),) = con.sql("SELECT notification_id, message FROM alerts.notifications").fetchall()
    left = from_json(text)
    is_word = can_be_told(user)
    assert (name, replace(left, members=())) == ("digest", replace(digest, members=()))
    assert left.members == (
        Member("(forgotten)", "expert_left", "(forgotten)", "critical", "(forgotten)"),
        *others,
        replace(naming, statement="sales rests on (forgotten) (95 %)") if is_word else naming,
    )
    assert forget_user(con, user, "root", NOW).counts == {}


@pytest.mark.parametrize("user", IDS)
def test_silences_and_acks_that_name_them_go(con, user: str) -> None:
    insert(con, TABLES["alerts.alerts"], {"fingerprint": "a", "subject": user})
    rows = {
        "subject": {"matchers": json.dumps([["rule", "=", "expert_left"], ["subject", "=", user]])},
        "ack": {"matchers": "[]", "fingerprint": "a", "episode": 1},
        "of another": {"matchers": json.dumps([["subject", "=", user + "7"]])},
        "of all": {"matchers": json.dumps([["rule", "=~", ".*"]]), "reason": f"{user}7 is away"},
    }
    for name, row in rows.items():
        insert(con, TABLES["alerts.silences"], {"silence_id": name, "kind": "silence", **row})
    assert forget_user(con, user, "root", NOW).counts == {"alerts.alerts": 1, "alerts.silences": 2}
    assert con.sql("SELECT silence_id FROM alerts.silences ORDER BY 1").fetchall() == [("of all",), ("of another",)]
    assert con.sql("SELECT reason FROM alerts.silences WHERE reason <> 'x'").fetchall() == [(f"{user}7 is away",)]


def test_silences_of_a_pattern_that_names_them_go_and_no_reason_names_them(con) -> None:
    patterns = {"alone": ANN, "among others": f"bob|{ANN}", "with more": f"{ANN}.*", "escaped": ANN.replace("-", r"\-")}
    for name, pattern in (patterns | {"another": f"{ANN}-2|joe{ANN}"}).items():
        row = {"silence_id": name, "kind": "silence", "reason": f"{ANN} is away"}
        insert(con, TABLES["alerts.silences"], row | {"matchers": json.dumps([["subject", "=~", pattern]])})
    forget_user(con, ANN, "root", NOW)
    assert con.sql("SELECT silence_id, reason FROM alerts.silences").fetchall() == [("another", "(forgotten) is away")]


@pytest.mark.parametrize("user", ["production", "api", "load", "root", "succeeded", "users", "7"])
def test_what_happens_to_be_called_like_somebody_stays(con, user: str) -> None:
    """A service, an environment, a status, a source, an operator, a number: none of them is a person."""
    metrics = {"environment": "production", "service": "api"}
    for name in ("insights.deployment_metrics", "history.deployment_metrics"):
        insert_into(con, name, metrics)
    insert(con, TABLES["raw.activity"], {"activity_id": "7", "user_id": "u", "resource_type": "table", "resource_id": "7"})
    insert(con, TABLES["ops.runs"], {"run_id": "7", "status": "succeeded", "result": '{"load": "users", "n": "7"}', "error": "7"})
    insert(con, TABLES["ops.loads"], {"file": "users/7", "dataset": "users", "source": "load", "status": "loaded"})
    insert(con, TABLES["ops.audit_log"], {"action": "load", "detail": "7", "actor": "root"})
    refused = {"dataset": "activity", "key": "7", "row": '{"activity_id": "7", "user_id": "u", "item_count": "7"}'}
    insert(con, TABLES["ops.rejected_rows"], refused)
    assert forget_user(con, user, "root", NOW).counts == {}


@pytest.mark.parametrize(("kind", "left"), [("table", "7"), ("USER", None), ("user_profile", None), (None, "7")])
def test_a_number_is_a_user_where_the_kind_of_thing_says_so(home, kind: str | None, left: str | None) -> None:
    rows = act_rows([{"user_id": "u", "resource_type": kind, "resource_id": "7"}])
    with warehouse(home) as con:
        land(home, "activity", rows)
        load_landing(con, home)
        forget_user(con, "7", "root", NOW)
        assert con.sql("SELECT user_id, resource_id FROM raw.activity").fetchall() == [("u", left)]
        land(home, "activity", rows.with_columns(pl.col("extracted_at") + timedelta(hours=1)))
        load_landing(con, home)
        assert con.sql("SELECT user_id, resource_id FROM raw.activity").fetchall() == [("u", left)]


def test_refused_lines_that_quote_them_go(con) -> None:
    for number, line in enumerate((f"line 3: a,{ANN},b", f"line 4: a,{ANN}-2,b")):
        row = {"rejected_id": str(number), "dataset": "users", "row": json.dumps({"unreadable": line})}
        insert(con, TABLES["ops.rejected_rows"], row)
    misplaced = {"rejected_id": "2", "dataset": "users", "row": json.dumps({"user_id": "x", "role": ANN})}
    insert(con, TABLES["ops.rejected_rows"], misplaced)
    forget_user(con, ANN, "root", NOW)
    assert con.sql("SELECT rejected_id FROM ops.rejected_rows").fetchall() == [("1",)]


def test_nothing_is_left_half_done(known) -> None:
    with warehouse(known) as con:
        before = {place: con.sql(f"FROM {place}").fetchall() for place in ("raw.activity", "raw.users", "insights.domain_experts")}
        con.execute("ALTER TABLE ops.audit_log RENAME TO away")
        with pytest.raises(duckdb.CatalogException, match="audit_log"):
            forget_user(con, ANN, "root", NOW)
        assert {place: con.sql(f"FROM {place}").fetchall() for place in before} == before
        assert con.sql("FROM ops.forgotten").fetchall() == []
        con.execute("ALTER TABLE ops.away RENAME TO audit_log")


def test_backups_from_before_go_once_asked_whatever_their_names_and_times_say(known) -> None:
    shutil.copy(known.warehouse, whole := known.backups / "warehouse-20990101T000000Z.duckdb")
    old = back_up_now(known, NOW + timedelta(days=9)).path
    with warehouse(known) as con:
        assert drop_outdated_backups(con, known) == 0
        forget_user(con, ANN, "root", NOW)
    between = back_up_now(known).path
    with warehouse(known) as con:
        assert drop_outdated_backups(con, known) == 2
        assert (old.exists(), whole.exists(), between.exists()) == (False, False, True)
        forget_user(con, "bob", "root", NOW - timedelta(hours=1))
    new = back_up_now(known, NOW - timedelta(days=9)).path
    (damaged := known.backups / "warehouse-x.duckdb").write_bytes(known.warehouse.read_bytes()[:5000])
    os.utime(between)
    with warehouse(known) as con:
        assert drop_outdated_backups(con, known) == 2
        assert drop_outdated_backups(con, known) == 0
    assert (between.exists(), damaged.exists(), new.exists()) == (False, False, True)
    assert [path for path in (known.backups / "content").rglob("*.parquet") if ANN.encode() in path.read_bytes()] == []
