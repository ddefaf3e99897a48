"""Evaluations on a warehouse: what is stored, that one failing rule stops no other, and the shipped rules on rows that fire
them."""

from datetime import timedelta
from typing import Any

import duckdb
import pytest

from storage.asking.reader import asking_on
from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.alerts.engine import evaluate_on, evaluate_rules, read_alerts
from tasks.alerts.observing import observe
from tasks.alerts.rule import Rule
from tasks.hours import parse_hours
from tasks.matchers import parse_matcher
from tasks.routes import Recipients, Route

OPS, BOTH = {"ops": "warning"}, {"ops": "warning", "pager": "critical"}
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
    result = evaluate_on(con, [GAUGE], BOTH, at(0))
    assert (result.events, result.firing, result.failures) == ({"firing": 1}, 1, ())
    gauges(a=2.5)
    evaluate_on(con, [GAUGE], BOTH, at(5))
    gauges(a=0.5)
    result = evaluate_on(con, [GAUGE], BOTH, at(10))
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
        evaluate_on(con, [GAUGE], BOTH, at(minute))
        once = [fetch(con, f"SELECT * FROM {name} ORDER BY ALL").rows() for name in tables]
        again = evaluate_on(con, [GAUGE], BOTH, at(minute))
        assert again.events == {}
        assert [fetch(con, f"SELECT * FROM {name} ORDER BY ALL").rows() for name in tables] == once


def test_alerts_read_back_are_those_written(con, gauges, at) -> None:
    labelled = Rule("gauge", "SELECT subject, value, 'x' AS zone, 1 AS part, true AS is_sample FROM gauges", warning=1)
    gauges(a=1.5)
    evaluate_on(con, [labelled], {}, at(0))
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
    "value as text of no row": ("SELECT 'a' AS subject, 'high' AS value WHERE false", "must be a number, not VARCHAR"),
    "value as text that reads as one": ("SELECT 'a' AS subject, '2' AS value", "must be a number, not VARCHAR"),
    "labels as text of no row": ("SELECT 'a' AS subject, 1 AS value, 'x' AS labels WHERE false", "must be a JSON object"),
    "value as an instant": ("SELECT 'a' AS subject, $as_of AS value", "must be a number"),
    "fails on a row": ("SELECT 'a' AS subject, CAST('x' AS INTEGER) AS value", "x"),
    "labels as text": ("SELECT 'a' AS subject, 1 AS value, 'x' AS labels", "its labels must be a JSON object, not VARCHAR"),
    "labels as a list": ("SELECT 'a' AS subject, 1 AS value, '[1]'::JSON AS labels", "its labels must be a JSON object"),
    "unknown parameter": ("SELECT 'a' AS subject, 1 AS value WHERE $now IS NOT NULL", "parameter"),
}


@pytest.mark.parametrize(("sql", "said"), FAILING.values(), ids=FAILING)
def test_a_failing_rule_is_named_and_keeps_its_alerts_while_others_go_on(con, gauges, at, sql: str, said: str) -> None:
    gauges(a=1.5)
    evaluate_on(con, [GAUGE], OPS, at(0))
    broken = Rule("gauge", sql, warning=1)
    result = evaluate_on(con, [broken, OTHER], OPS, at(5))
    (failure,) = result.failures
    assert failure.startswith("rule gauge: ")
    assert said in failure
    assert "\n" not in failure
    states = con.sql("SELECT rule, subject, state, updated_at FROM alerts.alerts ORDER BY ALL").fetchall()
    assert states == [("gauge", "a", "firing", at(0)), ("gauge", "gauge", "error", at(5)), ("other", "x", "firing", at(5))]


def test_a_rule_that_fails_is_one_alert_until_it_is_mended(con, gauges, at) -> None:
    gauges(a=0.5)
    broken = Rule("gauge", "SELECT subject, value FROM nowhere", warning=1)
    told = []
    for minute, rule in ((0, GAUGE), (5, broken), (10, broken), (15, broken), (20, GAUGE), (25, GAUGE)):
        told += [(minute, event) for event in evaluate_on(con, [rule], OPS, at(minute)).events]
    assert told == [(5, "error"), (20, "resolved")]
    rows = con.sql("SELECT to_state, severity, reason FROM alerts.transitions ORDER BY transitioned_at").fetchall()
    assert [(state, severity) for state, severity, _ in rows] == [("error", "warning"), ("resolved", "warning")]
    assert "nowhere" in rows[0][2]
    assert rows[1][2] == "gauge works again"


def test_a_problem_of_the_rules_file_is_told_as_a_failing_rule_is(con, gauges, at) -> None:
    gauges(a=0.5)
    told = []
    for minute, problems in ((0, {"rules_file": "rules file x: line 3"}), (5, {"rules_file": "rules file x: line 3"}), (10, {})):
        result = evaluate_on(con, [GAUGE], OPS, at(minute), problems)
        told += result.events.items()
        assert result.failures == tuple(problems.values())
    assert told == [("error", 1), ("resolved", 1)]


def test_a_rule_can_only_read(con, gauges, at) -> None:
    """Not even by a function of a SELECT; and its transaction leaves the warehouse open to others."""
    gauges(a=1.5)
    con.execute("CREATE SEQUENCE counter")
    sneaky = Rule("sneaky", "SELECT 'a' AS subject, nextval('counter') AS value", warning=1)
    (failure,) = evaluate_on(con, [sneaky, GAUGE], OPS, at(0)).failures
    assert failure.startswith("rule sneaky: ")
    assert con.sql("SELECT nextval('counter')").fetchall() == [(1,)]


def test_a_rule_that_takes_too_long_is_interrupted(con, gauges, at) -> None:
    gauges(a=1.5)
    endless = "SELECT 'a' AS subject, count(*) AS value FROM range(1000000) a, range(1000000) b"
    slow = Rule("slow", endless, warning=1, timeout=timedelta(milliseconds=200))
    result = evaluate_on(con, [slow, GAUGE], OPS, at(0))
    assert result.failures == ("rule slow: took longer than 0.2 s",)
    assert result.events == {"firing": 1, "error": 1}


def test_what_is_beyond_no_threshold_is_not_fetched_but_ends_what_stands(con, gauges, at) -> None:
    gauges(a=1.5, b=0.1)
    for standing, expected in ([], ["a"]), (["b"], ["a", "b"]), (["b", "gone"], ["a", "b"]):
        assert [seen.subject for seen in observe(asking_on(con), GAUGE, at(0), standing)] == expected


def test_a_past_instant_does_not_set_the_alerts_back(tmp_path, at) -> None:
    own = tmp_path / "own.toml"
    own.write_text("""[[rule]]\nname = "other"\nsql = "SELECT 'x' AS subject, 5 AS value"\nwarning = 1\n""")
    options = {"limits": Limits(10.0, 1), "rules_file": str(own), "channels": OPS}
    evaluate_rules.fn(str(tmp_path), as_of=at(60), **options)
    result = evaluate_rules.fn(str(tmp_path), as_of=at(0), is_past=True, **options)
    assert str(result) == "not evaluated: alerts were already evaluated as of 2026-03-10 13:00 UTC"
    with warehouse(Home(tmp_path), Limits(10.0, 1)) as con:
        assert con.sql("SELECT DISTINCT updated_at FROM alerts.alerts").fetchall() == [(at(60),)]


def test_a_missing_value_is_no_value(con, gauges, at) -> None:
    """NULL and NaN are no data; a subject with data beside it is seen. An infinite value is beyond every threshold."""
    gauges(a=None, b=float("nan"), c=1.0, d=float("inf"))
    assert [seen.subject for seen in observe(asking_on(con), GAUGE, at(0))] == ["c", "d"]
    evaluate_on(con, [GAUGE], OPS, at(0))
    assert sorted((alert.subject, alert.severity) for alert in read_alerts(con).values()) == [("c", "warning"), ("d", "critical")]


def test_nan_does_not_resolve_what_waits_for_data(con, gauges, at) -> None:
    watched = Rule("gauge", GAUGE.sql, warning=1, no_data_for=timedelta(minutes=30))
    gauges(a=1.5)
    evaluate_on(con, [watched], OPS, at(0))
    gauges(a=float("nan"))
    evaluate_on(con, [watched], OPS, at(5))
    evaluate_on(con, [watched], OPS, at(40))
    assert [(alert.state) for alert in read_alerts(con).values()] == ["no_data"]
    assert [event for event, *_ in events(con)] == ["firing", "no_data"]


def test_a_failed_write_leaves_nothing_behind(con, gauges, at) -> None:
    """Alerts, transitions and outbox rows commit together: without the outbox there is no alert either."""
    gauges(a=1.5)
    con.execute("ALTER TABLE alerts.notifications RENAME TO gone")
    with pytest.raises(duckdb.Error):
        evaluate_on(con, [GAUGE], OPS, at(0))
    con.execute("ALTER TABLE alerts.gone RENAME TO notifications")
    assert read_alerts(con) == {}
    assert evaluate_on(con, [GAUGE], OPS, at(0)).events == {"firing": 1}


def test_the_task_evaluates_on_the_real_warehouse(tmp_path, at) -> None:
    own = tmp_path / "own.toml"
    own.write_text("""[[rule]]\nname = "other"\nsql = "SELECT 'x' AS subject, 5 AS value"\nwarning = 1\n""")
    options = {"limits": Limits(10.0, 1), "rules_file": str(own), "channels": OPS}
    assert evaluate_rules.fn(str(tmp_path), as_of=at(0), **options).events == {"firing": 1}
    assert evaluate_rules.fn(str(tmp_path), as_of=at(0), **options).events == {}
    with warehouse(Home(tmp_path), Limits(10.0, 1)) as con:
        assert events(con) == [("firing", "ops", "queued")]


def test_observe_names_the_rule_in_its_error(con, at) -> None:
    with pytest.raises(GovpulseError, match="rule bad: "):
        observe(asking_on(con), Rule("bad", "SELECT 1", warning=1), at(0))


def test_the_texts_of_an_alert_are_bounded_wherever_they_go(con, at) -> None:
    long = Rule(
        "long",
        "SELECT repeat('s', 10_000_000) AS subject, 5 AS value, repeat('l', 10_000_000) AS zone, repeat('d', 10_000_000) AS detail",
        warning=1,
        message="{subject} {detail}",
    )
    assert evaluate_on(con, [long], OPS, at(0)).events == {"firing": 1}
    assert evaluate_on(con, [long], OPS, at(5)).events == {}, "it is the same alert"
    longest = "SELECT max(len(COLUMNS(*)::VARCHAR)) FROM"
    for table in ("alerts", "transitions", "notifications"):
        assert max(number or 0 for number in con.execute(f"{longest} alerts.{table}").fetchall()[0]) < 30_000


def test_too_many_rows_or_labels_are_an_error_of_the_rule(con, gauges, at) -> None:
    rows = Rule("rows", "SELECT i AS subject, 5 AS value FROM range(600_000) AS r(i)", warning=1)
    labels = Rule("labels", f"SELECT 'a' AS subject, 5 AS value, {', '.join(f'1 AS l{i}' for i in range(60))}", warning=1)
    held = Rule("held", "SELECT 'a' AS subject, 5 AS value, to_json(map(range(60), range(60))) AS labels", warning=1)
    assert evaluate_on(con, [rows, labels, held, OTHER], OPS, at(0)).failures == (
        "rule rows: yields more than 500,000 rows",
        "rule labels: yields more than 50 labels",
        "rule held: yields more than 50 labels",
    )


def test_a_rule_may_yield_labels_as_columns_and_as_an_object(con, at) -> None:
    """An alert is the same whichever way it has a label."""
    columns = "SELECT 'a' AS subject, 5 AS value, 'x / y' AS zone, 7 AS part"
    both = """SELECT 'a' AS subject, 5 AS value, '{"zone": "x / y"}'::JSON AS labels, 7 AS part"""
    (one,), (other,) = (observe(asking_on(con), Rule("gauge", sql, warning=1), at(0)) for sql in (columns, both))
    assert one == other
    assert one.labels == (("part", "7"), ("zone", "x / y"))
    (none,) = observe(asking_on(con), Rule("gauge", "SELECT 'a' AS subject, 5 AS value, NULL::JSON AS labels", warning=1), at(0))
    assert none.labels == ()


def test_alerts_of_the_sample_wake_nobody(tmp_path, at) -> None:
    """They go to the console, and say what they are; a real one goes everywhere."""
    own = tmp_path / "own.toml"
    sql = "SELECT subject, 5 AS value, subject = 'made-up' AS is_sample FROM (VALUES ('made-up'), ('real')) AS t (subject)"
    own.write_text(f"""[[rule]]\nname = "other"\nsql = "{sql}"\nwarning = 1\n""")
    options = {"limits": Limits(10.0, 1), "rules_file": str(own), "channels": {"console": "warning", "pager": "warning"}}
    evaluate_rules.fn(str(tmp_path), as_of=at(0), real_only=["pager"], **options)
    with warehouse(Home(tmp_path), Limits(10.0, 1)) as con:
        told = con.sql("SELECT channel, message ->> 'title' FROM alerts.notifications ORDER BY ALL").fetchall()
    real, made_up = "[WARNING] other: real", "[WARNING] sample: other: made-up"
    assert told == [("console", real), ("console", made_up), ("pager", real)]


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_the_outbox_has_a_row_for_each_channel_that_routes_lead_to(tmp_path, at, severity: str) -> None:
    """Through the task, so that routes get there whole."""
    file = tmp_path / "own.toml"
    value = 1 if severity == "warning" else 2
    file.write_text(
        f"[[rule]]\nname = 'disk'\nsql = \"SELECT 'h1' AS subject, {value} AS value, 'db' AS team\"\nwarning = 1\ncritical = 2"
    )
    routes = (
        Route("worst", (parse_matcher("severity=critical"),), ("pager",), hours=parse_hours("Sat 09:00-17:00", "Europe/Berlin")),
        Route("db", (parse_matcher("team=db"),), ("chat",)),
    )
    channels = Recipients({"ops": "warning", "chat": "warning", "pager": "warning"}, routes)
    limits = Limits(30.0, 1, "500MB")
    evaluate_rules.fn(str(tmp_path / "home"), limits=limits, rules_file=str(file), channels=channels, as_of=at(0))
    with warehouse(Home(tmp_path / "home"), limits) as con:
        rows = con.sql("SELECT channel, routes FROM alerts.notifications WHERE message ->> 'rule' = 'disk'").fetchall()
    assert rows == {"warning": [("chat", ["db"])], "critical": [("pager", ["worst"])]}[severity]
