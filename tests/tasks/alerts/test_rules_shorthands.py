"""`metric` and `finding` in a rule: what they see, by worked examples."""

from pathlib import Path
from typing import Any

import pytest

from storage.asking.reader import asking_on
from storage.catalogue import TABLES
from tasks.alerts.observing import observe
from tasks.alerts.rule import Rule, evidence_query
from tasks.alerts.rules import read_rules
from tests.insight_rows import insert


@pytest.fixture
def rule(tmp_path: Path):
    """The rule with these keys."""

    def make(**values: Any) -> Rule:
        lines = [f"{key} = {value!r}" for key, value in {"name": "mine", **values}.items()]
        path = tmp_path / "own.toml"
        path.write_text("\n".join(["[[rule]]", *lines]))
        return read_rules(path)[0]

    return make


@pytest.fixture
def samples(con, at):
    """Host, metric, attributes, minute, value, and the status where it is not ok."""
    rows = (
        ("a", "system.cpu.utilization", "", -10, 9.0, "ok"),
        ("a", "system.cpu.utilization", "", -9, 0.2, "ok"),
        ("a", "system.cpu.utilization", "", -5, 0.9, "ok"),
        ("a", "system.cpu.utilization", "", 0, 0.4, "ok"),
        ("a", "system.cpu.utilization", "", 1, 9.0, "ok"),
        ("a", "system.cpu.utilization", "mode=user", -1, 0.1, "ok"),
        ("a", "system.memory.utilization", "", -1, 0.7, "ok"),
        ("b", "system.cpu.utilization", "", -4, 0.6, "ok"),
        ("b", "system.cpu.utilization", "", -3, None, "unreadable: EIO"),
        ("b", "system.cpu.utilization", "", -2, float("inf"), "ok"),
        ("b", "system.cpu.utilization", "", -1, float("nan"), "ok"),
        ("c", "system.cpu.utilization", "", -3, None, "unreadable: EIO"),
        ("d", "o'neil", "k=%27", -1, 5.0, "ok"),
    )
    names = ("host", "metric", "attributes", "observed_at", "value", "status")
    for host, metric, attributes, minute, value, status in rows:
        row = dict(zip(names, (host, metric, attributes, at(minute), value, status), strict=True))
        insert(con, TABLES["raw.system_metrics"], row)


@pytest.mark.parametrize(
    ("statistic", "of_a", "of_user"),
    [(None, 0.5, 0.1), ("mean", 0.5, 0.1), ("max", 0.9, 0.1), ("min", 0.2, 0.1), ("last", 0.4, 0.1)],
)
def test_a_metric_of_each_host_and_series(con, at, samples, rule, statistic, of_a: float, of_user: float) -> None:
    given = {} if statistic is None else {"statistic": statistic}
    found = observe(asking_on(con), rule(metric="system.cpu.utilization", warning=1, **given), at(0))
    assert sorted((each.subject, each.labels, each.value) for each in found) == [
        ("a", (("attributes", ""),), pytest.approx(of_a)),
        ("a", (("attributes", "mode=user"),), of_user),
        ("b", (("attributes", ""),), 0.6),
    ]


def test_a_metric_of_one_series_has_no_label(con, at, samples, rule) -> None:
    found = observe(asking_on(con), rule(metric="system.cpu.utilization", attributes="mode=user", warning=1), at(0))
    assert [(each.subject, each.labels, each.value) for each in found] == [("a", (), 0.1)]
    assert observe(asking_on(con), rule(metric="system.cpu.utilization", attributes="mode=idle", warning=1), at(0)) == []


def test_a_metric_is_looked_at_over_a_span_that_ends_now(con, at, samples, rule) -> None:
    """Half-open: the sample of ten minutes ago is out, that of this instant is in."""
    spans = {"4m": [0.4], "6m": [0.65], "9m": [0.65], "10m": [0.5], "11m": [2.625]}
    for over, expected in spans.items():
        found = observe(asking_on(con), rule(metric="system.cpu.utilization", attributes="", over=over, warning=1), at(0))
        assert [each.value for each in found if each.subject == "a"] == pytest.approx(expected), over


def test_names_with_quotes_are_names(con, at, samples, rule) -> None:
    quoted = rule(metric="o'neil", attributes="k=%27", warning=1)
    assert [each.value for each in observe(asking_on(con), quoted, at(0))] == [5.0]
    assert con.sql(evidence_query(quoted, "d", at(0))).fetchall() == [(at(-1), "k=%27", 5.0, "ok")]


def test_the_evidence_of_a_metric_is_its_last_hour(con, at, samples, rule) -> None:
    query = evidence_query(rule(metric="system.cpu.utilization", warning=1), "b", at(58))
    assert con.sql(query).columns == ["observed_at", "attributes", "value", "status"]
    assert [row[0] for row in con.sql(query).fetchall()] == [at(-1)]


def test_what_a_rule_says_itself_goes_before_the_shorthand(rule) -> None:
    mine = rule(metric="system.uptime", warning=1, evidence="SELECT 7", message="{value}")
    assert (mine.evidence, mine.message) == ("SELECT 7", "{value}")
    assert rule(metric="system.uptime", warning=1).message == ""


def test_a_finding_has_its_thresholds_and_its_sentence(rule) -> None:
    leak = rule(finding="memory_leak")
    assert (leak.warning, leak.critical, leak.message) == (1.0, 2.0, "{detail}")
    only_critical = rule(finding="memory_leak", critical=2)
    assert (only_critical.warning, only_critical.critical) == (None, 2.0)


def test_a_finding_is_seen_with_its_severity(con, at, rule) -> None:
    """Of other kinds there is none, and a severity that nobody knows is no value."""
    for kind, severity in (("anomaly", "warning"), ("anomaly", "critical"), ("anomaly", "odd"), ("cpu_spike", "critical")):
        row = {"kind": kind, "subject": severity, "severity": severity, "insight_id": f"{kind} {severity}", "is_sample": True}
        times = {"started_at": at(-100), "first_found_at": at(0), "as_of": at(0), "statement": f"it is {severity}"}
        insert(con, TABLES["insights.performance_insights"], row | times)
    found = observe(asking_on(con), rule(finding="anomaly"), at(0))
    assert sorted((each.subject, each.value, each.labels, each.is_sample, each.detail) for each in found) == [
        ("critical", 2.0, (), True, "it is critical"),
        ("warning", 1.0, (), True, "it is warning"),
    ]
