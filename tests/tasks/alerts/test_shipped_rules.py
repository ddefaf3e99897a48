"""The shipped rules: one for each kind of finding, and each on rows that make it fire, escalate and resolve."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from storage.asking.reader import asking_on
from storage.catalogue import TABLES
from storage.catalogue.insights.performance_insights import KINDS
from tasks.alerts.engine import evaluate_on
from tasks.alerts.observing import observe
from tasks.alerts.rule import Rule, ending, evidence_query
from tasks.alerts.rules import SHIPPED, read_rules
from tasks.insights.scans.verdicts import DEAD
from tests.insight_rows import insert

Put = Callable[[duckdb.DuckDBPyConnection, datetime, Any], None]
RULES = {rule.name: rule for rule in read_rules(SHIPPED)}
TOLD_BY_ANOTHER = {
    "stuck_scan": "scan_probably_dead",
    "queue_stands_still": "scan_queue_stands_still",
    "scan_limit": "scan_limit_missed",
}
"""Kinds of finding without a rule of their own, and the rule that tells of the same."""
OPS = {"ops": "warning"}


def put(con: duckdb.DuckDBPyConnection, name: str, row: dict[str, Any]) -> None:
    insert(con, TABLES[name], row)


def host_value(metric: str, attributes: str = "") -> Put:
    def put_value(con: duckdb.DuckDBPyConnection, now: datetime, value: float) -> None:
        sample = {"host": "h1", "metric": metric, "attributes": attributes, "observed_at": now - timedelta(seconds=20)}
        put(con, "raw.system_metrics", sample | {"value": value, "status": "ok"})

    return put_value


def filling_fast(con: duckdb.DuckDBPyConnection, now: datetime, seconds: float) -> None:
    """A filesystem of 70 % that is full in so many seconds at the pace of the last minutes."""
    con.execute("DELETE FROM raw.system_metrics")
    row = {"host": "h1", "metric": "system.filesystem.utilization", "attributes": "mountpoint=/", "status": "ok"}
    for step in range(6):
        at, value = now - timedelta(minutes=2 * step), 0.7 - 0.3 * 120 / seconds * step
        put(con, "raw.system_metrics", row | {"observed_at": at, "value": value})


def silent_for(con: duckdb.DuckDBPyConnection, now: datetime, seconds: float) -> None:
    """Insights know the host, and its last sample is so old."""
    con.execute("DELETE FROM raw.system_metrics")
    con.execute("DELETE FROM insights.system_metrics_hourly")
    at = now - timedelta(seconds=seconds)
    put(con, "raw.system_metrics", {"host": "h1", "metric": "system.uptime", "observed_at": at, "value": 1.0, "status": "ok"})
    hour = {"host": "h1", "metric": "system.uptime", "hour_at": at.replace(minute=0, second=0), "samples": 240}
    put(con, "insights.system_metrics_hourly", hour)


def scan_since(con: duckdb.DuckDBPyConnection, now: datetime, seconds: float) -> None:
    con.execute("DELETE FROM insights.active_scans")
    if seconds:
        row = {"as_of": now, "data_source": "crm", "elapsed_seconds": seconds}
        put(con, "insights.active_scans", row | {"scan_id": "s1", "subject": "s1", "verdict": "too_little_history"})
        put(
            con,
            "insights.active_scans",
            row | {"scan_id": "judged", "subject": "judged", "verdict": "on_track", "dead_probability": 0.02},
        )


def scan_dead(con: duckdb.DuckDBPyConnection, now: datetime, probability: float | None) -> None:
    """With a probability under 0 the scan has ended."""
    con.execute("DELETE FROM insights.active_scans")
    if probability is not None and probability < 0:
        return
    row = {"as_of": now, "scan_id": "s1", "subject": "s1", "data_source": "crm", "elapsed_seconds": 90_000.0, "verdict": "slow"}
    put(con, "insights.active_scans", row | {"dead_probability": probability})


def queue_still(con: duckdb.DuckDBPyConnection, now: datetime, seconds: float) -> None:
    con.execute("DELETE FROM insights.scan_queues")
    row = {"as_of": now, "source": "racine", "still_seconds": seconds, "evidence": "2 scans waiting"}
    verdict = "stands_still" if seconds >= 600 else "moving"
    put(con, "insights.scan_queues", row | {"scanner": "all", "subject": "racine", "verdict": verdict, "is_covered": False})
    put(con, "insights.scan_queues", row | {"scanner": "a", "subject": "racine, a", "verdict": verdict, "is_covered": True})


def limit_missed(con: duckdb.DuckDBPyConnection, now: datetime, probability: float | None) -> None:
    con.execute("DELETE FROM insights.scan_limits")
    row = {"as_of": now, "kind": "done_by", "data_source": "crm", "scan_type": "full", "limit_name": "done by 06:00 UTC"}
    verdict = "met" if probability is None else "missed" if probability == 1 else "on_track"
    row |= {"subject": "crm, full: done by 06:00 UTC", "verdict": verdict, "miss_probability": probability, "evidence": "due"}
    put(con, "insights.scan_limits", row)


def success_high(con: duckdb.DuckDBPyConnection, now: datetime, high: float) -> None:
    con.execute("DELETE FROM insights.deployment_metrics")
    for environment, service in (("production", "api"), ("all", "api"), ("production", "all"), ("all", "all")):
        row = {"as_of": now, "environment": environment, "service": service, "success_rate_exact_high": high}
        put(con, "insights.deployment_metrics", row)


def finding(kind: str, subject: str = "web-1", labels: str = "{}") -> Put:
    """A finding of this severity; with none, the one that there is has ended."""

    def put_finding(con: duckdb.DuckDBPyConnection, now: datetime, severity: str) -> None:
        if not severity:
            con.execute("UPDATE insights.performance_insights SET ended_at = ? WHERE ended_at IS NULL", [now])
            return
        found = con.execute("SELECT min(first_found_at) FROM insights.performance_insights").fetchall()[0][0] or now
        con.execute("DELETE FROM insights.performance_insights")
        row = {"kind": kind, "subject": subject, "labels": labels, "severity": severity, "statement": f"{subject} {severity}"}
        since = {"insight_id": kind, "started_at": now - timedelta(days=2), "first_found_at": found, "as_of": now}
        put(con, "insights.performance_insights", row | since)

    return put_finding


def succeeded_ago(con: duckdb.DuckDBPyConnection, now: datetime, seconds: float) -> None:
    """The extraction last succeeded so long ago, and has failed since."""
    con.execute("DELETE FROM ops.runs")
    row = {"flow": "extract_sources", "updated_at": now}
    at = now - timedelta(seconds=seconds)
    put(con, "ops.runs", row | {"run_id": "1", "status": "succeeded", "started_at": at, "finished_at": at})
    failed = {"status": "failed", "error": "extract: no route to host\nscans: no table", "started_at": now, "finished_at": now}
    put(con, "ops.runs", row | {"run_id": "2"} | failed)
    put(con, "ops.runs", row | {"run_id": "3", "flow": "compute_insights", "status": "failed", "started_at": at, "finished_at": at})


def given_up(con: duckdb.DuckDBPyConnection, now: datetime, count: int) -> None:
    for number in range(count):
        row = {"notification_id": f"{now} {number}", "channel": "pager", "status": "dead", "reason": "HTTP 401", "updated_at": now}
        put(con, "alerts.notifications", row)


def backed_up(con: duckdb.DuckDBPyConnection, now: datetime, hours: float) -> None:
    con.execute("DELETE FROM ops.backups")
    at = now - timedelta(hours=hours)
    put(con, "ops.backups", {"number": 7, "destination": "home", "made_at": at, "proven_at": at})


THREE = ("firing", "escalated", "resolved")
FOUR = ("firing", "escalated", "eased", "resolved")
CASES: dict[str, tuple[Put, list[tuple[float, Any]], tuple[str, ...]]] = {
    "disk_almost_full": (
        host_value("system.filesystem.utilization", "mountpoint=/"),
        [(0, 0.86), (1, 0.96), (2, 0.79), (8, 0.79)],
        THREE,
    ),
    "memory_almost_full": (
        host_value("system.memory.utilization"),
        [(0, 0.91), (9, 0.91), (10, 0.92), (15, 0.98), (16, 0.8), (27, 0.8)],
        THREE,
    ),
    "disk_filling_fast": (filling_fast, [(0, 7300), (5, 7100), (10, 3500), (15, 7300), (25, 7300)], THREE),
    "host_silent": (silent_for, [(0, 899), (5, 900), (60, 3600), (600, 9 * 3600), (605, 30)], THREE),
    "scan_probably_dead": (scan_dead, [(0, 0.94), (15, 0.95), (30, 0.99), (45, 0.02), (60, None), (75, -1)], FOUR),
    "scan_queue_stands_still": (queue_still, [(0, 599), (15, 600), (30, 1500), (45, 0)], ("firing", "resolved")),
    "scan_limit_missed": (limit_missed, [(0, 0.49), (15, 0.5), (30, 1.0), (45, 0.3)], THREE),
    "scan_running_long": (scan_since, [(0, 43_199), (1, 43_200), (700, 86_400), (720, 0)], THREE),
    "deployments_failing": (success_high, [(0, 0.81), (5, 0.79), (10, 0.59), (15, 0.84), (20, 0.9)], FOUR),
    "pipeline_silent": (
        succeeded_ago,
        [(0, 2759), (5, 2760), (10, 3060), (15, 3360), (400, 25_000), (420, 300)],
        THREE,
    ),
    "backup_overdue": (backed_up, [(0, 35.9), (5, 36), (10, 71.9), (15, 72), (20, 1)], THREE),
    "notification_dead": (given_up, [(0, 0), (5, 1), (600, 2), (1445, 0), (2039, 0), (2041, 0)], ("firing", "resolved")),
} | {
    kind: (finding(kind), [(0, "warning"), (60, "critical"), (120, ""), (209, ""), (210, "")], THREE)
    for kind in KINDS
    if kind not in TOLD_BY_ANOTHER
}
"""What puts a value, minutes with values, and what is told of them."""


@pytest.mark.parametrize("name", CASES)
def test_a_shipped_rule_fires_escalates_and_resolves(con, at, name: str) -> None:
    put_value, history, expected = CASES[name]
    for minute, value in history:
        put_value(con, at(minute), value)
        assert evaluate_on(con, [RULES[name]], OPS, at(minute)).failures == ()
    told = con.sql("SELECT event, rule FROM alerts.transitions WHERE event IS NOT NULL ORDER BY transitioned_at").fetchall()
    assert told == [(event, name) for event in expected]
    last = con.sql("SELECT max(transitioned_at) FROM alerts.transitions WHERE event = 'resolved'").fetchall()[0][0]
    assert last == at(history[-1][0])


@pytest.mark.parametrize("name", CASES)
def test_no_other_shipped_rule_fires_on_the_same_rows(con, at, name: str) -> None:
    put_value, history, _ = CASES[name]
    for minute, value in history[:3]:
        put_value(con, at(minute), value)
    result = evaluate_on(con, tuple(RULES.values()), OPS, at(history[2][0]))
    assert result.failures == ()
    assert {transition.after.rule for transition in result.transitions} <= {name}


def test_every_shipped_rule_is_tried() -> None:
    assert list(CASES.keys() ^ RULES.keys()) == []


def test_every_kind_of_finding_has_its_rule() -> None:
    assert [kind for kind in KINDS if TOLD_BY_ANOTHER.get(kind, kind) not in RULES] == []
    assert [kind for kind in KINDS if kind not in TOLD_BY_ANOTHER and f"kind = '{kind}'" not in RULES[kind].sql] == []


def test_a_stuck_scan_is_what_scan_probably_dead_fires_for() -> None:
    assert RULES["scan_probably_dead"].warning == DEAD


def seen(con: duckdb.DuckDBPyConnection, rule: str, as_of: datetime) -> list[tuple[str, float, dict[str, str], str]]:
    return [(each.subject, each.value, dict(each.labels), each.detail) for each in observe(asking_on(con), RULES[rule], as_of)]


ABOUT = {
    "disk_full": ("h1", {"filesystem": "mountpoint=/data / old"}),
    "sustained_cpu": ("h1", {}),
    "scan_slowdown": ("Sales / EU", {"scan_type": "full"}),
    "deployment_failures": ("api", {"environment": "it's / ours"}),
    "expert_left": ("o'neil", {}),
}


@pytest.mark.parametrize("kind", ABOUT)
def test_a_finding_is_about_what_the_alert_is_about(con, at, kind: str) -> None:
    """The evidence of the alert is the finding, and no other."""
    subject, labels = ABOUT[kind]
    finding(kind, subject, json.dumps(labels))(con, at(0), "critical")
    other = {"kind": kind, "subject": "another", "severity": "warning", "insight_id": "other", "first_found_at": at(0)}
    put(con, "insights.performance_insights", other | {"started_at": at(0), "as_of": at(0)})
    assert (subject, 2.0, labels, f"{subject} critical") in seen(con, kind, at(0))
    shown = con.sql(evidence_query(RULES[kind], subject, at(0)))
    assert [row[0] for row in shown.fetchall()] == [subject]
    assert {"statement", "evidence"} <= set(shown.columns)


def test_a_finding_is_seen_from_its_first_computation_to_its_end(con, at) -> None:
    """It may have begun long before anybody found it."""
    finding("memory_leak", "h1")(con, at(60), "warning")
    finding("memory_leak")(con, at(120), "")
    assert [bool(seen(con, "memory_leak", at(minute))) for minute in (59, 60, 119, 120)] == [False, True, True, False]


def test_a_finding_that_is_missed_once_does_not_resolve(con, at) -> None:
    find = finding("error_rate_rise", "GET /a")
    for minute, severity in ((0, "warning"), (60, ""), (120, "warning"), (180, "warning")):
        find(con, at(minute), severity)
        evaluate_on(con, tuple(RULES.values()), OPS, at(minute))
    assert con.sql("SELECT event FROM alerts.transitions WHERE event IS NOT NULL").fetchall() == [("firing",)]


def test_a_host_that_falls_silent_has_no_data_and_does_not_resolve(con, at) -> None:
    host_value("system.filesystem.utilization", "mountpoint=/")(con, at(0), 0.99)
    for minute in (0, 14, 20, 45, 61):
        evaluate_on(con, tuple(RULES.values()), OPS, at(minute))
    told = con.sql("SELECT rule, event FROM alerts.transitions WHERE event IS NOT NULL ORDER BY transitioned_at").fetchall()
    assert told == [
        ("disk_almost_full", "firing"),
        ("host_silent", "firing"),
        ("disk_almost_full", "no_data"),
        ("host_silent", "escalated"),
    ]


def test_a_silent_host_speaks_for_everything_that_is_measured_on_it() -> None:
    of_hosts = {name for name, rule in RULES.items() if "raw.system_metrics" in rule.sql} - {"host_silent"}
    assert of_hosts <= set(RULES["host_silent"].inhibits)
    assert {"disk_full", "memory_leak", "sustained_cpu", "cpu_spike", "anomaly"} <= set(RULES["host_silent"].inhibits)


def sampled_every(con: duckdb.DuckDBPyConnection, now: datetime, minutes: int, value: float = 0.5) -> None:
    """A host known for a day, up to `now`, and its hours."""
    con.execute("DELETE FROM raw.system_metrics")
    con.execute("DELETE FROM insights.system_metrics_hourly")
    row = {"host": "h1", "metric": "system.memory.utilization", "attributes": "", "status": "ok", "value": value}
    instants = [now - timedelta(minutes=minutes * step) for step in range(1440 // minutes)]
    hours = Counter(at.replace(minute=0, second=0) for at in instants)
    for at in instants:
        put(con, "raw.system_metrics", row | {"observed_at": at})
    for hour, samples in hours.items():
        put(
            con,
            "insights.system_metrics_hourly",
            {"host": "h1", "metric": row["metric"], "attributes": "", "hour_at": hour, "samples": samples},
        )


@pytest.mark.parametrize("minutes", [10, 30, 60, 240])
def test_a_host_that_is_sampled_seldom_is_silent_by_its_own_intervals(con, at, minutes: int) -> None:
    sampled_every(con, at(0), minutes)
    (early,), (late,) = (seen(con, "host_silent", at(intervals * minutes)) for intervals in (1, 4))
    assert early[1] == pytest.approx(1.0, rel=0.2)
    assert late[1] == pytest.approx(4.0, rel=0.2)


@pytest.mark.parametrize("minutes", [10, 30, 240])
def test_a_host_that_is_sampled_seldom_has_a_value_between_its_samples(con, at, minutes: int) -> None:
    sampled_every(con, at(0), minutes, 0.98)
    assert seen(con, "memory_almost_full", at(0.9 * minutes)) == [("h1", 0.98, {}, "")]
    assert seen(con, "memory_almost_full", at(5 * minutes)) == []


def test_a_host_is_known_for_a_week(con, at) -> None:
    for days, known in ((6.9, True), (7.1, False)):
        silent_for(con, at(0), days * 86_400)
        assert bool(seen(con, "host_silent", at(0))) is known


def test_samples_after_as_of_are_not_seen(con, at) -> None:
    host_value("system.filesystem.utilization")(con, at(60), 0.99)
    assert [name for name in RULES if seen(con, name, at(30))] == []


def test_samples_that_could_not_be_read_are_none(con, at) -> None:
    host_value("system.memory.utilization")(con, at(0), 0.5)
    sample = {"host": "h1", "metric": "system.memory.utilization", "attributes": "", "observed_at": at(0)}
    put(con, "raw.system_metrics", sample | {"value": None, "status": "unreadable: EIO"})
    assert seen(con, "memory_almost_full", at(1)) == [("h1", 0.5, {}, "")]


def runs(con: duckdb.DuckDBPyConnection, flow: str, *ended: tuple[str, datetime]) -> None:
    for number, (status, instant) in enumerate(ended):
        row = {"run_id": f"{flow} {number}", "flow": flow, "status": status, "started_at": instant, "updated_at": instant}
        put(con, "ops.runs", row | {"finished_at": None if status == "running" else instant, "error": f"{status} {number}"})


def test_a_flow_that_never_succeeded_is_not_missed(con, at) -> None:
    runs(con, "extract_sources", ("failed", at(0)), ("running", at(1)))
    assert seen(con, "pipeline_silent", at(6000)) == []


def test_a_flow_is_overdue_since_its_last_success_whatever_it_did_since(con, at) -> None:
    runs(con, "compute_insights", ("failed", at(-60)), ("succeeded", at(0)), ("failed", at(60)), ("running", at(120)))
    (subject, value, labels, detail) = seen(con, "pipeline_silent", at(151))[0]
    assert (subject, value, labels) == ("compute_insights", 60.0, {})
    assert detail == "it last succeeded at 2026-03-10 12:00 UTC; the latest run failed: failed 2"
    assert seen(con, "pipeline_silent", at(59))[0][1:] == (0.0, {}, "it last succeeded at 2026-03-10 12:00 UTC")


def test_what_is_started_by_hand_is_late_when_it_fails_again_and_again(con, at) -> None:
    """Nobody has to start it; one that failed once was seen by whoever did."""
    runs(con, "govpulse_pipeline", ("succeeded", at(0)), ("failed", at(6000)), ("failed", at(6050)), ("failed", at(6120)))
    values = [seen(con, "pipeline_silent", at(minute))[0][1] for minute in (5999, 6049, 6119, 6120, 9000)]
    assert values == [0.0, 0.0, 0.0, 3600.0, 3600.0]


def test_a_home_that_was_never_backed_up_is_overdue_from_its_first_day_on(con, at) -> None:
    """A second destination counts for itself, until it has been out of use for a month."""
    con.execute("UPDATE ops.schema_migrations SET applied_at = ?", [at(0)])
    assert seen(con, "backup_overdue", at(-1)) == []
    assert seen(con, "backup_overdue", at(60))[0][1:] == (3600.0, {}, "there has been none since 2026-03-10 12:00 UTC")
    for destination, minute in (("home", 0), ("home", 120), ("s3://bucket", 60)):
        put(con, "ops.backups", {"number": minute, "destination": destination, "made_at": at(minute), "proven_at": at(minute)})
    found = {subject: (value, detail) for subject, value, _, detail in seen(con, "backup_overdue", at(180))}
    assert found == {"home": (3600.0, "the last is number 120"), "s3://bucket": (7200.0, "the last is number 60")}
    assert [subject for subject, *_ in seen(con, "backup_overdue", at(180 + 30 * 1440))] == ["home"]


def test_dead_notifications_are_counted_by_channel(con, at) -> None:
    given_up(con, at(0), 2)
    for status, channel, minute in (("failed", "pager", 1), ("dead", "mail", 2), ("dead", "pager", -1441)):
        row = {"notification_id": f"{minute}", "channel": channel, "status": status, "reason": "HTTP 500", "updated_at": at(minute)}
        put(con, "alerts.notifications", row)
    found = [(subject, value, detail) for subject, value, _, detail in seen(con, "notification_dead", at(3))]
    assert sorted(found) == [("mail", 1.0, "HTTP 500"), ("pager", 2.0, "HTTP 401")]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_evidence_of_a_shipped_rule_runs(con, at, rule: Rule) -> None:
    assert rule.evidence
    assert con.sql(evidence_query(rule, "o'neil {as_of}", at(0))).fetchall() == []


def test_a_silent_host_is_told_once_for_as_long_as_it_is_silent(con, at) -> None:
    """Also where nothing is computed by the hour; its disk and its memory say nothing of it, before, within and after two hours."""
    for minute in range(-60, 1, 5):
        host_value("system.filesystem.utilization", "mountpoint=/")(con, at(minute), 0.97)
        host_value("system.memory.utilization")(con, at(minute), 0.98)
    day = 24 * 60
    rules = [ending(rule, timedelta(days=1)) for rule in RULES.values()]
    for minute in (-20, 0, 20, 35, 70, 119, 125, 180, day, 2 * day, 6 * day):
        evaluate_on(con, rules, OPS, at(minute))
    states = con.sql("SELECT rule, state FROM alerts.alerts ORDER BY rule").fetchall()
    assert states == [("disk_almost_full", "no_data"), ("host_silent", "firing"), ("memory_almost_full", "no_data")]
    told = con.sql("SELECT rule, event FROM alerts.transitions WHERE event IS NOT NULL AND rule = 'host_silent'").fetchall()
    assert told == [("host_silent", "firing"), ("host_silent", "escalated")]
    evaluate_on(con, rules, OPS, at(7 * day + 5))
    assert con.sql("SELECT DISTINCT state FROM alerts.alerts").fetchall() == [("gone",)]


def test_a_host_that_is_gone_ends_as_gone_with_what_was_measured_on_it(con, at) -> None:
    """A week after its last sample; nothing of it is called resolved, and nothing follows."""
    host_value("system.filesystem.utilization", "mountpoint=/")(con, at(0), 0.99)
    finding("cpu_spike", "h1")(con, at(0), "warning")
    day = 24 * 60
    for minute in (0, 20, 45, 61, 2 * day, 7 * day - 1, 7 * day + 5, 7 * day + 10, 9 * day):
        if minute == 20:
            finding("cpu_spike", "h1")(con, at(20), "")
        evaluate_on(con, [ending(rule, timedelta(days=1)) for rule in RULES.values()], OPS, at(minute))
    told = con.sql("SELECT rule, event FROM alerts.transitions WHERE event IS NOT NULL ORDER BY transitioned_at, rule").fetchall()
    assert told == [
        ("cpu_spike", "firing"),
        ("disk_almost_full", "firing"),
        ("host_silent", "firing"),
        ("disk_almost_full", "no_data"),
        ("host_silent", "escalated"),
        ("cpu_spike", "gone"),
        ("disk_almost_full", "gone"),
        ("host_silent", "gone"),
    ]
    assert con.sql("SELECT DISTINCT state FROM alerts.alerts").fetchall() == [("gone",)]
    host_value("system.filesystem.utilization", "mountpoint=/")(con, at(9 * day + 5), 0.99)
    evaluate_on(con, list(RULES.values()), OPS, at(9 * day + 5))
    assert con.sql("SELECT rule, state, episode FROM alerts.alerts WHERE state = 'firing'").fetchall() == [
        ("disk_almost_full", "firing", 2)
    ], "who comes back is new"
