"""Evaluations on a warehouse: what is stored, that one failing rule stops no other, and the shipped rules on rows that fire
them."""

from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from storage.catalogue import TABLES
from storage.errors import GovpulseError
from storage.frames import fetch, registered
from storage.home import Home
from storage.warehouse import Limits, warehouse
from storage.write import append
from tasks.alerts.board import evaluate_on, evaluate_rules, observe, read_alerts
from tasks.alerts.evaluation import Channel
from tasks.alerts.rules import Rule, load_rules

OPS, PAGER = Channel("ops"), Channel("pager", "critical")
GAUGE = Rule("gauge", "SELECT subject, value FROM gauges", warning=1, critical=2)
OTHER = Rule("other", "SELECT 'x' AS subject, 5 AS value", warning=1)


@pytest.fixture
def gauges(con: duckdb.DuckDBPyConnection):
    """Set what the rule `gauge` sees: a value by subject."""
    con.execute("CREATE TABLE gauges (subject VARCHAR, value DOUBLE)")

    def set_gauges(**values: float | None) -> None:
        con.execute("DELETE FROM gauges")
        for subject, value in values.items():
            con.execute("INSERT INTO gauges VALUES (?, ?)", [subject, value])

    return set_gauges


def events(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.sql("SELECT event, channel, status FROM alerts.notifications ORDER BY updated_at, channel").fetchall()


def test_firing_and_resolved_are_stored_with_one_outbox_row_a_channel(con, gauges, at) -> None:
    gauges(a=1.5)
    result = evaluate_on(con, [GAUGE], [OPS, PAGER], at(0))
    assert (result.events, result.firing, result.failures) == ({"firing": 1}, 1, ())
    gauges(a=2.5)
    evaluate_on(con, [GAUGE], [OPS, PAGER], at(5))
    gauges(a=0.5)
    result = evaluate_on(con, [GAUGE], [OPS, PAGER], at(10))
    assert (result.events, result.firing) == ({"resolved": 1}, 0)
    states = con.sql("SELECT from_state, to_state, severity, value, episode, transitioned_at FROM alerts.transitions ORDER BY ALL")
    assert sorted(states.fetchall(), key=lambda row: row[-1]) == [
        ("inactive", "firing", "warning", 1.5, 1, at(0)),
        ("firing", "firing", "critical", 2.5, 1, at(5)),
        ("firing", "resolved", "critical", 0.5, 1, at(10)),
    ]
    stored = con.sql("SELECT rule, subject, state, value, episode, resolved_at, updated_at FROM alerts.alerts").fetchall()
    assert stored == [("gauge", "a", "resolved", 0.5, 1, at(10), at(10))]
    assert events(con) == [
        ("firing", "ops", "queued"),
        ("escalated", "ops", "queued"),
        ("escalated", "pager", "queued"),
        ("resolved", "ops", "queued"),
        ("resolved", "pager", "queued"),
    ]


def test_the_same_as_of_again_adds_nothing(con, gauges, at) -> None:
    tables = ("alerts.alerts", "alerts.transitions", "alerts.notifications")
    for minute, value in ((0, 1.5), (5, 2.5), (10, 0.5)):
        gauges(a=value, b=1.0)
        evaluate_on(con, [GAUGE], [OPS, PAGER], at(minute))
        once = [fetch(con, f"SELECT * FROM {name} ORDER BY ALL").rows() for name in tables]
        again = evaluate_on(con, [GAUGE], [OPS, PAGER], at(minute))
        assert again.events == {}
        assert [fetch(con, f"SELECT * FROM {name} ORDER BY ALL").rows() for name in tables] == once


def test_alerts_read_back_are_those_written(con, gauges, at) -> None:
    labelled = Rule("gauge", "SELECT subject, value, 'x' AS zone, 1 AS part, true AS is_sample FROM gauges", warning=1)
    gauges(a=1.5)
    evaluate_on(con, [labelled], [], at(0))
    (alert,) = read_alerts(con).values()
    assert (alert.labels, alert.is_sample, alert.firing_since) == ((("part", "1"), ("zone", "x")), True, at(0))


FAILING = {
    "unknown table": ("SELECT subject, value FROM nowhere", "nowhere"),
    "syntax": ("SELEC 1", "SELEC"),
    "two statements": ("SELECT 'a' AS subject, 1 AS value; SELECT 2", "one SELECT"),
    "DELETE": ("DELETE FROM alerts.alerts", "one SELECT"),
    "nothing": ("", "one SELECT"),
    "no value": ("SELECT 'a' AS subject", "does not yield value"),
    "no subject": ("SELECT 1 AS value", "does not yield subject"),
    "value as text": ("SELECT 'a' AS subject, 'high' AS value", "must be a number"),
    "value as an instant": ("SELECT 'a' AS subject, $as_of AS value", "must be a number"),
    "fails on a row": ("SELECT 'a' AS subject, CAST('x' AS INTEGER) AS value", "x"),
    "unknown parameter": ("SELECT 'a' AS subject, 1 AS value WHERE $now IS NOT NULL", "parameter"),
}


@pytest.mark.parametrize(("sql", "said"), FAILING.values(), ids=FAILING)
def test_a_failing_rule_is_named_and_keeps_its_alerts_while_others_go_on(con, gauges, at, sql: str, said: str) -> None:
    gauges(a=1.5)
    evaluate_on(con, [GAUGE], [OPS], at(0))
    broken = Rule("gauge", sql, warning=1)
    result = evaluate_on(con, [broken, OTHER], [OPS], at(5))
    (failure,) = result.failures
    assert failure.startswith("rule gauge: ")
    assert said in failure
    assert "\n" not in failure
    states = con.sql("SELECT rule, state, updated_at FROM alerts.alerts ORDER BY rule").fetchall()
    assert states == [("gauge", "firing", at(0)), ("other", "firing", at(5))]


def test_a_missing_value_is_no_value(con, gauges, at) -> None:
    """NULL and NaN are no data; a subject with data beside it is seen. An infinite value is beyond every threshold."""
    gauges(a=None, b=float("nan"), c=1.0, d=float("inf"))
    assert [seen.subject for seen in observe(con, GAUGE, at(0))] == ["c", "d"]
    evaluate_on(con, [GAUGE], [OPS], at(0))
    assert sorted((alert.subject, alert.severity) for alert in read_alerts(con).values()) == [("c", "warning"), ("d", "critical")]


def test_nan_does_not_resolve_what_waits_for_data(con, gauges, at) -> None:
    watched = Rule("gauge", GAUGE.sql, warning=1, no_data_for=timedelta(minutes=30))
    gauges(a=1.5)
    evaluate_on(con, [watched], [OPS], at(0))
    gauges(a=float("nan"))
    evaluate_on(con, [watched], [OPS], at(5))
    evaluate_on(con, [watched], [OPS], at(40))
    assert [(alert.state) for alert in read_alerts(con).values()] == ["no_data"]
    assert [event for event, *_ in events(con)] == ["firing", "no_data"]


def test_a_failed_write_leaves_nothing_behind(con, gauges, at) -> None:
    """Alerts, transitions and outbox rows commit together: without the outbox there is no alert either."""
    gauges(a=1.5)
    con.execute("ALTER TABLE alerts.notifications RENAME TO gone")
    with pytest.raises(duckdb.Error):
        evaluate_on(con, [GAUGE], [OPS], at(0))
    con.execute("ALTER TABLE alerts.gone RENAME TO notifications")
    assert read_alerts(con) == {}
    assert evaluate_on(con, [GAUGE], [OPS], at(0)).events == {"firing": 1}


def put(con: duckdb.DuckDBPyConnection, name: str, row: dict[str, Any]) -> None:
    """Write one row, with zeros and `false` where the table requires a value and the row says nothing."""
    table = TABLES[name]
    empty = {"VARCHAR": "", "BIGINT": 0, "DOUBLE": 0.0, "BOOLEAN": False}
    whole = {column.name: row.get(column.name, empty.get(column.type) if column.is_required else None) for column in table.columns}
    with registered(con, "given", pl.DataFrame([whole])):
        append(con, table, "given")


def host_value(metric: str) -> Any:
    def put_value(con: duckdb.DuckDBPyConnection, now: datetime, value: float) -> None:
        sample = {"host": "h1", "metric": metric, "attributes": "mountpoint=/", "observed_at": now - timedelta(seconds=20)}
        put(con, "raw.system_metrics", sample | {"value": value, "status": "ok"})

    return put_value


def filling_fast(con: duckdb.DuckDBPyConnection, now: datetime, seconds: float) -> None:
    """A filesystem of 70 % that is full in so many seconds at the pace of the last minutes."""
    con.execute("DELETE FROM raw.system_metrics")
    row = {"host": "h1", "metric": "system.filesystem.utilization", "attributes": "mountpoint=/", "status": "ok"}
    for step in range(6):
        at, value = now - timedelta(minutes=2 * step), 0.7 - 0.3 * 120 / seconds * step
        put(con, "raw.system_metrics", row | {"observed_at": at, "value": value})


def scan_since(con: duckdb.DuckDBPyConnection, now: datetime, seconds: float) -> None:
    con.execute("DELETE FROM insights.active_scans")
    if seconds:
        row = {"as_of": now, "data_source": "crm", "elapsed_seconds": seconds}
        put(con, "insights.active_scans", row | {"scan_id": "s1", "verdict": "too_little_history"})
        put(con, "insights.active_scans", row | {"scan_id": "judged", "verdict": "on_track", "dead_probability": 0.02})


def scan_dead(con: duckdb.DuckDBPyConnection, now: datetime, probability: float) -> None:
    con.execute("DELETE FROM insights.active_scans")
    row = {"as_of": now, "scan_id": "s1", "data_source": "crm", "elapsed_seconds": 90_000.0, "verdict": "slow"}
    put(con, "insights.active_scans", row | {"dead_probability": probability})


def success_high(con: duckdb.DuckDBPyConnection, now: datetime, high: float) -> None:
    con.execute("DELETE FROM insights.deployment_metrics")
    for environment, service in (("production", "api"), ("all", "api"), ("production", "all"), ("all", "all")):
        row = {"as_of": now, "environment": environment, "service": service, "success_rate_exact_high": high}
        put(con, "insights.deployment_metrics", row)


SHIPPED = {
    "disk_almost_full": (host_value("system.filesystem.utilization"), [(0, 0.86), (1, 0.96), (2, 0.79), (8, 0.79)]),
    "memory_almost_full": (
        host_value("system.memory.utilization"),
        [(0, 0.91), (9, 0.91), (10, 0.92), (15, 0.98), (16, 0.8), (27, 0.8)],
    ),
    "disk_filling_fast": (filling_fast, [(0, 7300), (5, 7100), (10, 3500), (15, 7300), (25, 7300)]),
    "scan_probably_dead": (scan_dead, [(0, 0.94), (15, 0.95), (30, 0.99), (45, 0.02)]),
    "scan_running_long": (scan_since, [(0, 43_199), (1, 43_200), (700, 86_400), (720, 0)]),
    "deployments_failing": (success_high, [(0, 0.81), (5, 0.79), (10, 0.59), (15, 0.84), (20, 0.9)]),
}
"""What puts a value, and minutes with values that make the rule fire, escalate and resolve."""


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_rule_fires_escalates_and_resolves(con, at, name: str) -> None:
    put_value, history = SHIPPED[name]
    told = []
    for minute, value in history:
        put_value(con, at(minute), value)
        result = evaluate_on(con, load_rules(None), [OPS], at(minute))
        assert result.failures == ()
        told += result.events.items()
    assert told == [("firing", 1), ("escalated", 1), ("resolved", 1)]
    assert con.sql("SELECT DISTINCT rule FROM alerts.transitions").fetchall() == [(name,)]


def test_every_shipped_rule_is_tried() -> None:
    assert set(SHIPPED) == {rule.name for rule in load_rules(None)}


def test_a_host_that_falls_silent_has_no_data_and_does_not_resolve(con, at) -> None:
    host_value("system.filesystem.utilization")(con, at(0), 0.99)
    told = []
    for minute in (0, 14, 20, 45, 300):
        told += evaluate_on(con, load_rules(None), [OPS], at(minute)).events
    assert told == ["firing", "no_data"]


def test_samples_after_as_of_are_not_seen(con, at) -> None:
    host_value("system.filesystem.utilization")(con, at(60), 0.99)
    assert evaluate_on(con, load_rules(None), [OPS], at(30)).firing == 0


def test_the_task_evaluates_on_the_real_warehouse(tmp_path, at) -> None:
    own = tmp_path / "own.toml"
    own.write_text("""[[rule]]\nname = "other"\nsql = "SELECT 'x' AS subject, 5 AS value"\nwarning = 1\n""")
    options = {"limits": Limits(10.0, 1), "rules_file": str(own), "channels": (OPS,)}
    assert evaluate_rules.fn(str(tmp_path), as_of=at(0), **options).events == {"firing": 1}
    assert evaluate_rules.fn(str(tmp_path), as_of=at(0), **options).events == {}
    with warehouse(Home(tmp_path), Limits(10.0, 1)) as con:
        assert events(con) == [("firing", "ops", "queued")]


def test_observe_names_the_rule_in_its_error(con, at) -> None:
    with pytest.raises(GovpulseError, match="rule bad: "):
        observe(con, Rule("bad", "SELECT 1", warning=1), at(0))
