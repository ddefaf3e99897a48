"""Slow operations and the metric of a host they follow. As of 25 Nov 2026 12:30 UTC; the fixture's is slow since 10 o'clock."""

import json

import pytest


@pytest.fixture
def link(ago):
    return {
        "as_of": ago(), "host": "db1", "metric": "system.disk.io_time", "attributes": "device=sda", "other_kind": "operation",
        "other": "GET /assets", "other_metric": "p50_seconds", "other_attributes": "", "lag_minutes": 2, "correlation": 0.62,
        "correlation_low": 0.58, "correlation_high": 0.66, "samples": 1437, "coverage": 0.998, "p_value": 1e-30, "q_value": 1e-27,
        "tested": 2400,
    }  # fmt: skip


@pytest.fixture
def hours(ago):
    """Sound up to 10 o'clock, then 2.4 times as slow, the last hour not over yet."""

    def hour(before: int, ratio: float, spread: float = 0.1):
        p95 = {"p95_seconds": 0.5 * ratio, "p95_low": 0.5 * ratio * (1 - spread), "p95_ratio": ratio, "baseline_p95_seconds": 0.5}
        return {"as_of": ago(), "operation": "GET /assets", "kind": "api", "hour_at": ago(hours=before, minutes=30)} | p95

    return [*(hour(before, 1.0) for before in range(3, 30)), hour(2, 2.4), hour(1, 1.4), hour(0, 2.4)]


def of_kind(found):
    return [each for each in found if each["kind"] == "correlated_metrics"]


def test_it_says_where_to_look(find_in, link, hours, ago) -> None:
    (found,) = of_kind(find_in(metric_correlations=[link], application_health=hours))
    assert (found["subject"], found["severity"], found["is_sample"]) == ("GET /assets", "warning", False)
    assert found["started_at"] == ago(hours=2, minutes=30)
    assert found["statement"] == (
        "GET /assets has been slow since 25 Nov 2026 10:00 UTC (95 of 100 requests take up to 1.2 s, 2.4 times the "
        "usual), and over the last 24 hours its median duration rises 2 minutes after system.disk.io_time (device "
        "sda) of db1 rises: correlation 0.62 (0.58 to 0.66) over 1,437 minutes"
    )
    assert found["recommendation"].startswith(
        "Find out what drives system.disk.io_time (device sda) of db1 and whether GET /assets runs"
    )
    assert found["confidence"] == pytest.approx(0.975)
    evidence = json.loads(found["evidence"])
    assert (evidence["lag_minutes"], evidence["tested"]) == (2, 2400)
    assert evidence["sql"].endswith("host = 'db1' AND other = 'GET /assets' AND other_metric = 'p50_seconds'")


def test_what_is_scarce_falls_at_once(find_in, link, hours) -> None:
    scarce = {"metric": "system.memory.available", "attributes": "", "lag_minutes": 0, "correlation": -0.7}
    (found,) = of_kind(find_in(metric_correlations=[link | scarce], application_health=hours))
    assert "its median duration falls in the same minute as system.memory.available of db1 rises" in found["statement"]


@pytest.mark.parametrize(
    "given",
    [
        {"lag_minutes": -1},
        {"correlation": 0.49},
        {"q_value": 2e-6},
        {"other_metric": "requests"},
        {"other": "GET /other"},
        {"other_kind": "metric", "other": "db1"},
    ],
    ids=["the operation leads", "weak", "not sure", "its load", "another operation", "another metric"],
)
def test_other_links_are_no_finding(find_in, link, hours, given) -> None:
    assert of_kind(find_in(metric_correlations=[link | given], application_health=hours)) == []


def test_an_operation_that_is_sound_has_none(find_in, link, hours) -> None:
    assert of_kind(find_in(metric_correlations=[link], application_health=hours[:-3])) == []
    recovered = hours[-1] | {"p95_seconds": 0.6, "p95_low": 0.5}
    assert of_kind(find_in(metric_correlations=[link], application_health=[*hours[:-1], recovered])) == []
    no_baseline = [hour | {"baseline_p95_seconds": None} for hour in hours]
    assert of_kind(find_in(metric_correlations=[link], application_health=no_baseline)) == []


def test_a_slow_operation_that_nobody_has_asked_for_hours_has_none(find_in, link, hours, ago) -> None:
    old = [hour | {"hour_at": ago(hours=5 + place)} for place, hour in enumerate(reversed(hours))]
    assert of_kind(find_in(metric_correlations=[link], application_health=old)) == []


def test_of_several_hosts_the_closest_is_named_and_the_others_counted(find_in, link, hours) -> None:
    links = [link, link | {"host": "db2", "correlation": -0.8}, link | {"host": "db3", "correlation": 0.55}]
    (found,) = of_kind(find_in(metric_correlations=links, application_health=hours))
    assert "of db2 (2 other hosts likewise)" in found["recommendation"]
