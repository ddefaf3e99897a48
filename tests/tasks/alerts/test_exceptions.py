"""Exceptions: for whom they hold, for how long, and what becomes of an alert under them; free bytes and time left."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.catalogue import TABLES
from storage.errors import ConfigurationError
from tasks.alerts.engine import evaluate_on, read_alerts
from tasks.alerts.exceptions import cases_of, judged
from tasks.alerts.in_force import read_definition, rules_in_force
from tasks.alerts.replay import replay
from tasks.alerts.rule import Exemption, Rule
from tasks.alerts.rules import load_rules, load_with_sources
from tasks.alerts.states import Observation
from tasks.alerts.written_rule import definition_of
from tasks.matchers import parse_matcher
from tests.insight_rows import insert

OPS = {"ops": "warning"}
GAUGE = Rule("gauge", "SELECT subject, value, zone FROM gauges", warning=80, critical=90, clear=70)
SHIPPED = '\n[[rule]]\nname = "disk_almost_full"\n'
MINE = '\n[[rule]]\nname = "mine"\nsql = "SELECT host AS subject, 1 AS value FROM ops.runs"\nwarning = 1\n'


def excepted(*matchers: str, **values) -> Exemption:
    return Exemption(tuple(map(parse_matcher, matchers)), **values)


def own(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text)
    return path


@pytest.fixture
def gauge(con):
    """Set what the rule sees: of one subject a value and a zone."""
    con.execute("CREATE TABLE gauges (subject VARCHAR, value DOUBLE, zone VARCHAR, bytes_free DOUBLE, seconds_left DOUBLE)")

    def set_gauge(subject: str, value: float, zone: str = "eu", free: float | None = None, left: float | None = None) -> None:
        con.execute("DELETE FROM gauges WHERE subject = ?", [subject])
        con.execute("INSERT INTO gauges VALUES (?, ?, ?, ?, ?)", [subject, value, zone, free, left])

    return set_gauge


def states(con) -> dict[str, tuple[str, str | None]]:
    return dict(con.sql("SELECT subject, row(state, severity) FROM alerts.alerts").fetchall())


def test_another_threshold_holds_for_whom_all_matchers_hold(con, gauge, at) -> None:
    rule = replace(GAUGE, exceptions=(excepted("subject=~big-.*", "zone=eu", warning=95.0, critical=99.0),))
    gauge("big-1", 92), gauge("big-2", 97), gauge("big-3", 92, zone="us"), gauge("small", 92)
    evaluate_on(con, [rule], OPS, at(0))
    assert states(con) == {"big-2": ("firing", "warning"), "big-3": ("firing", "critical"), "small": ("firing", "critical")}


def test_an_exception_may_be_stricter_than_the_rule(con, gauge, at) -> None:
    rule = replace(GAUGE, exceptions=(excepted("subject=a", warning=50.0),))
    gauge("a", 60), gauge("b", 60)
    evaluate_on(con, [rule], OPS, at(0))
    assert states(con) == {"a": ("firing", "warning")}


def test_the_first_that_matches_holds(con, gauge, at) -> None:
    rule = replace(GAUGE, exceptions=(excepted("subject=a", warning=95.0, critical=99.0), excepted("zone=eu", off=True)))
    gauge("a", 97), gauge("b", 97)
    evaluate_on(con, [rule], OPS, at(0))
    assert states(con) == {"a": ("firing", "warning")}


def test_an_alert_clears_at_the_threshold_of_its_exception(con, gauge, at) -> None:
    """And not at the rule's 70, where a subject that is always above it never would."""
    rule = replace(GAUGE, exceptions=(excepted("subject=a", warning=95.0, critical=99.0),))
    for minute, value in ((0, 97), (5, 94)):
        gauge("a", value)
        evaluate_on(con, [rule], OPS, at(minute))
    assert states(con)["a"][0] == "resolved"


def test_what_an_exception_does_not_name_stays(con, gauge, at) -> None:
    """Critical from 99 on; still a warning from 80 on that clears at 70."""
    rule = replace(GAUGE, exceptions=(excepted("subject=a", critical=99.0),))
    seen = []
    for minute, value in ((0, 95), (5, 75), (10, 69)):
        gauge("a", value)
        evaluate_on(con, [rule], OPS, at(minute))
        seen.append(states(con)["a"])
    assert seen[:2] == [("firing", "warning")] * 2
    assert seen[2][0] == "resolved"


@pytest.mark.parametrize("is_seen", [True, False])
def test_an_alert_that_is_turned_off_resolves_and_says_why(con, gauge, at, is_seen: bool) -> None:
    rule = replace(GAUGE, no_data_for=timedelta(hours=1), keep_firing_for=timedelta(hours=1))
    gauge("a", 97)
    evaluate_on(con, [rule], OPS, at(0))
    if not is_seen:
        con.execute("DELETE FROM gauges")
    result = evaluate_on(con, [replace(rule, exceptions=(excepted("subject=a", off=True),))], OPS, at(5))
    assert [(each.event, each.reason) for each in result.transitions] == [("resolved", "an exception turns gauge off for a, eu")]


def test_after_its_day_the_rule_is_as_before(con, gauge, at) -> None:
    rule = replace(GAUGE, exceptions=(excepted("subject=a", off=True, until=at(10)),))
    gauge("a", 97)
    counts = [evaluate_on(con, [rule], OPS, at(minute)).firing for minute in (0, 5, 10)]
    assert counts == [0, 0, 1]


def test_free_bytes_judge_a_large_disk_by_what_is_left(con, gauge, at) -> None:
    """16 TB of which 95 % are used have 800 GB left; 20 GB at 95 % have one."""
    rule = replace(
        GAUGE,
        sql="SELECT subject, value, bytes_free FROM gauges",
        unit="%",
        warning=0.85,
        critical=0.95,
        clear=0.8,
        message="{subject} is {value} full",
        exceptions=(excepted("subject=~.*", warning=500e9, critical=2e9, measure="bytes_free"),),
    )
    gauge("large", 0.95, free=800e9), gauge("small", 0.95, free=1e9), gauge("middle", 0.2, free=400e9)
    result = evaluate_on(con, [rule], OPS, at(0))
    assert states(con) == {"small": ("firing", "critical"), "middle": ("firing", "warning")}
    assert {each.reason for each in result.transitions} == {
        "small has 1 GB free, critical at 2 GB or less",
        "middle has 400 GB free, warning at 500 GB or less",
    }
    found = {alert.subject: (alert.value, alert.threshold, alert.unit) for alert in read_alerts(con).values()}
    assert found == {"small": (1e9, 2e9, "B"), "middle": (400e9, 500e9, "B")}


def test_where_free_bytes_are_not_known_the_rule_is_as_it_is(con, gauge, at) -> None:
    sql = "SELECT subject, value, bytes_free FROM gauges"
    rule = replace(GAUGE, sql=sql, exceptions=(excepted("subject=~.*", warning=5e9, measure="bytes_free"),))
    gauge("a", 97)
    assert evaluate_on(con, [rule], OPS, at(0)).firing == 1


def test_less_time_left_is_worse(con, gauge, at) -> None:
    sql = "SELECT subject, value, seconds_left FROM gauges"
    rule = replace(GAUGE, sql=sql, warning=3 * 86_400.0, critical=3600.0, clear=None, measure="seconds_left")
    gauge("a", 0, left=86_400), gauge("b", 0, left=60), gauge("c", 99, left=1e9)
    result = evaluate_on(con, [rule], OPS, at(0))
    assert states(con) == {"a": ("firing", "warning"), "b": ("firing", "critical")}
    assert "a has 1 d left, warning at 3 d or less" in {each.reason for each in result.transitions}


def test_a_select_without_the_measure_is_an_error_of_the_rule(con, gauge, at) -> None:
    rule = replace(GAUGE, exceptions=(excepted("subject=a", warning=5.0, measure="bytes_free"),))
    assert evaluate_on(con, [rule], OPS, at(0)).failures == ("rule gauge: its sql does not yield bytes_free",)


def test_a_shipped_rule_takes_exceptions_and_stays_what_it_is(tmp_path: Path) -> None:
    text = SHIPPED + '[[rule.except]]\nmatch = ["subject=archive"]\nwarning = "1TB"\ncritical = "200 GB"\n'
    path = own(tmp_path, text + '[[rule.except]]\nmatch = ["subject=~test-.*"]\noff = true\nuntil = 2027-01-31T00:00:00+01:00\n')
    (before,) = (rule for rule in load_rules(None) if rule.name == "disk_almost_full")
    ((rule, source),) = ((rule, source) for rule, source in load_with_sources(path) if rule.name == "disk_almost_full")
    assert replace(rule, exceptions=()) == before
    assert rule.exceptions == (
        excepted("subject=archive", warning=1e12, critical=200e9, measure="bytes_free"),
        excepted("subject=~test-.*", off=True, until=datetime(2027, 1, 30, 23, tzinfo=UTC)),
    )
    assert source == f"shipped, with exceptions of {path}"


def test_the_shipped_rule_of_full_disks_knows_the_free_bytes(con, at, tmp_path: Path) -> None:
    path = own(tmp_path, SHIPPED + '[[rule.except]]\nmatch = ["filesystem=mountpoint=/archive"]\nwarning = "500GB"\n')
    (rule,) = (rule for rule in load_rules(path) if rule.name == "disk_almost_full")
    row = {"host": "h1", "observed_at": at(0) - timedelta(minutes=1), "status": "ok"}
    for mount, used, free in (("/archive", 0.95, 800e9), ("/", 0.95, 1e9)):
        where = f"mountpoint={mount}"
        insert(
            con, TABLES["raw.system_metrics"], row | {"metric": "system.filesystem.utilization", "attributes": where, "value": used}
        )
        usage = row | {"metric": "system.filesystem.usage"}
        insert(con, TABLES["raw.system_metrics"], usage | {"attributes": f"{where},state=free", "value": free})
        insert(con, TABLES["raw.system_metrics"], usage | {"attributes": f"{where},state=used", "value": 1.0})
    evaluate_on(con, [rule], OPS, at(0))
    assert [alert.labels for alert in read_alerts(con).values()] == [(("filesystem", "mountpoint=/"),)]


def test_a_forecast_may_be_judged_by_the_time_left(con, at, tmp_path: Path) -> None:
    path = own(
        tmp_path, '[[rule]]\nname = "disk_full"\n[[rule.except]]\nmatch = ["subject=~.*"]\nwarning = "3 days"\ncritical = "1 day"\n'
    )
    (rule,) = (rule for rule in load_rules(path) if rule.name == "disk_full")
    for host, hours in (("soon", 12), ("later", 48), ("much-later", 200)):
        full_at = at(0) + timedelta(hours=hours)
        row = {"kind": "disk_full", "subject": host, "labels": "{}", "severity": "critical", "statement": f"{host} fills"}
        since = {"insight_id": host, "started_at": at(0), "first_found_at": at(0), "as_of": at(0)}
        evidence = json.dumps({"crosses_at": full_at.isoformat()})
        insert(con, TABLES["insights.performance_insights"], row | since | {"evidence": evidence})
    evaluate_on(con, [rule], OPS, at(1))
    assert states(con) == {"soon": ("firing", "critical"), "later": ("firing", "warning")}


def test_a_stored_rule_is_read_with_its_exceptions(con, tmp_path: Path, at) -> None:
    text = MINE.replace("1 AS value", "1 AS value, 2 AS bytes_free") + '[[rule.except]]\nmatch = ["subject=a", "zone!~eu.*"]\n'
    path = own(tmp_path, text + 'warning = "20GiB"\nclear = "30GiB"\nuntil = "2027-01-31T00:00:00Z"\n')
    rules = rules_in_force(con, path, at(0)).rules
    assert [read_definition(definition_of(rule)) for rule in rules] == list(rules)
    path.unlink()
    kept = rules_in_force(con, path, at(5))
    assert {rule.name: rule for rule in kept.rules}["mine"].exceptions == rules[-1].exceptions
    assert rules[-1].exceptions[0].clear == 30 * 2**30


EXCEPT = '[[rule.except]]\nmatch = ["subject=a"]\n'
MISTAKES = {
    "of no shipped rule": ('\n[[rule]]\nname = "nobody"\n' + EXCEPT + "off = true", ("line 3", "nobody", "no shipped rule")),
    "with a threshold beside": (SHIPPED + "warning = 0.9\n" + EXCEPT + "off = true", ("line 4", "warning", "only except")),
    "the same rule twice": ((SHIPPED + EXCEPT + "off = true\n") * 2, ("line 9", "twice")),
    "neither": (SHIPPED + EXCEPT, ("line 4", "exception 1", "off = true")),
    "both": (SHIPPED + EXCEPT + "off = true\nwarning = 0.9", ("line 6", "exception 1", "off and warning")),
    "no matchers": (SHIPPED + "[[rule.except]]\noff = true", ("line 4", "exception 1", "match")),
    "empty matchers": (SHIPPED + "[[rule.except]]\nmatch = []\noff = true", ("line 5", "match", "list of matchers")),
    "a wrong matcher": (SHIPPED + '[[rule.except]]\nmatch = ["web"]\noff = true', ("line 5", "exception 1", "match", "'web'")),
    "by severity": (SHIPPED + '[[rule.except]]\nmatch = ["severity=critical"]\noff = true', ("line 5", "severity")),
    "out of order": (SHIPPED + EXCEPT + "warning = 0.97", ("line 4", "exception 1", "order")),
    "bytes out of order": (SHIPPED + EXCEPT + 'warning = "1GB"\ncritical = "2GB"', ("line 7", "exception 1", "order")),
    "two measures": (SHIPPED + EXCEPT + 'warning = "3 days"\ncritical = "2GB"', ("line 7", "exception 1", "one unit")),
    "no such measure": (MINE + EXCEPT + 'warning = "2GB"', ("line 8", "exception 1", "free bytes", "bytes_free")),
    "another unit": (MINE + EXCEPT + 'warning = "95%"', ("line 8", "exception 1", "%")),
    "no unit": (SHIPPED + EXCEPT + 'warning = "20"', ("line 6", "exception 1", "20GB")),
    "until without a zone": (SHIPPED + EXCEPT + "off = true\nuntil = 2027-01-31T00:00:00", ("line 7", "exception 1", "zone")),
    "until a date": (SHIPPED + EXCEPT + "off = true\nuntil = 2027-01-31", ("line 7", "exception 1", "zone")),
    "off in words": (SHIPPED + EXCEPT + 'off = "yes"', ("line 6", "exception 1", "true or false")),
    "an unknown key": (SHIPPED + EXCEPT + "off = true\nsql = 1", ("line 7", "exception 1", "sql", "until")),
    "in the second": (SHIPPED + EXCEPT + "off = true\n" + EXCEPT + "of = true", ("line 9", "exception 2", "'of'")),
    "one bracket too few": (SHIPPED + '[rule.except]\nmatch = ["subject=a"]\noff = true', ("line 4", "except", "[[rule.except]]")),
}


@pytest.mark.parametrize(("text", "named"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_an_exception_is_named_in_one_line(tmp_path: Path, text: str, named: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_rules(own(tmp_path, text))
    said = str(caught.value)
    assert "\n" not in said
    assert [word for word in named if word not in said] == [], said


def test_a_replay_takes_an_exception_for_as_long_as_it_held(at) -> None:
    rule = replace(GAUGE, exceptions=(excepted("subject=a", off=True, until=at(10)),))
    seen = Observation("a", 97.0)
    episodes = replay(rule, lambda now: [judged(seen, {}, rule, cases_of(rule, now))], [at(0), at(5), at(10), at(15)])
    assert [(each.subject, each.severity, each.started_at) for each in episodes] == [("a", "critical", at(10))]
