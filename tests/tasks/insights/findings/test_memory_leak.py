"""Memory that leaks. As of 25 Nov 2026 12:30 UTC; the fixture's process grows by 1.2 GB a day."""

import json

import pytest

ATTRIBUTES = "create_time=1795431600.25,name=python3.11,pid=812"
NAME = "python3.11 (pid 812, started 23 Nov 2026 11:00 UTC)"


@pytest.fixture
def process(ago):
    return {
        "host": "h1", "metric": "process.memory.usage", "attributes": ATTRIBUTES, "unit": "By", "as_of": ago(), "is_growing": True,
        "grows_since": ago(hours=24), "value": 3.1e9, "level": 3.2e9, "slope_per_day": 1.2e9, "slope_per_day_low": 1.0e9,
        "slope_per_day_high": 1.4e9, "growth_p_value": 0.0001, "window_hours": 24, "horizon_days": 7.0, "limit_value": 8e9,
        "crosses_at": ago(days=-4), "crosses_low_at": ago(days=-3, hours=-10), "crosses_high_at": ago(days=-4, hours=-19),
    }  # fmt: skip


@pytest.fixture
def host(process):
    return process | {
        "metric": "system.memory.utilization", "attributes": "", "unit": "1", "value": 0.61, "level": 0.62, "slope_per_day": 0.05,
        "slope_per_day_low": 0.04, "slope_per_day_high": 0.06, "limit_value": 1.0,
    }  # fmt: skip


def test_a_process_that_leaks(find_in, process, ago) -> None:
    (found,) = find_in(forecasts=[process])
    assert (found["kind"], found["subject"], found["severity"]) == ("memory_leak", "h1", "warning")
    assert json.loads(found["labels"]) == {"part": NAME}
    assert found["statement"] == (
        f"Memory of {NAME} on h1 has grown by 1.2 GB a day (1.0 GB to 1.4 GB) over the last 1 d (measured at its lowest points),"
        " and is now 3.1 GB;"
        " at that pace it reaches its limit in 4 d (3 d 10 h to 4 d 19 h)"
    )
    assert found["recommendation"].startswith(f"Restart {NAME} on h1 before it reaches the limit")
    assert (found["started_at"], found["confidence"], found["is_sample"]) == (ago(hours=24), pytest.approx(0.9999), False)
    assert json.loads(found["evidence"])["slope_per_day_low"] == 1.0e9


def test_a_host_names_the_process_that_leaks(find_in, host, process) -> None:
    by_part = {json.loads(found["labels"])["part"]: found for found in find_in(forecasts=[host, process])}
    assert set(by_part) == {"the host", NAME}
    found = by_part["the host"]
    assert "has grown by 5.0 % a day (4.0 % to 6.0 %)" in found["statement"]
    assert found["recommendation"].startswith(f"Most of it is {NAME}: restart it")


def test_a_host_whose_processes_do_not_leak_names_the_largest(find_in, host, process) -> None:
    quiet = process | {"is_growing": False}
    small = quiet | {"value": 1e6, "attributes": "create_time=1,name=small,pid=2"}
    (found,) = find_in(forecasts=[host, quiet, small])
    assert f"the largest on h1 is {NAME}" in found["recommendation"]


def test_a_host_without_processes_says_so(find_in, host) -> None:
    (found,) = find_in(forecasts=[host])
    assert found["recommendation"].startswith("No process was sampled: ")


def test_within_a_day_it_is_critical(find_in, process, ago) -> None:
    (found,) = find_in(forecasts=[process | {"crosses_at": ago(hours=-24)}])
    assert found["severity"] == "critical"


@pytest.mark.parametrize(
    ("reason", "said"), [("beyond_horizon", "its limit is more than 7 days away"), ("no_limit", "no limit is known")]
)
def test_without_an_instant_it_leaks_all_the_same(find_in, process, reason: str, said: str) -> None:
    none = dict.fromkeys(("crosses_at", "crosses_low_at", "crosses_high_at"))
    (found,) = find_in(forecasts=[process | none | {"no_forecast_reason": reason}])
    assert found["statement"].endswith(said)


@pytest.mark.parametrize("attributes", ["", "pid=7", "create_time=inf,name=x,pid=7", "create_time=abc,name=x,pid=7"])
def test_attributes_that_say_little_break_nothing(find_in, process, attributes: str) -> None:
    (found,) = find_in(forecasts=[process | {"attributes": attributes}])
    assert "started at an unknown time" in found["labels"]


def test_a_filesystem_that_grows_is_no_leak(find_in, process) -> None:
    assert find_in(forecasts=[process | {"metric": "system.filesystem.utilization", "crosses_at": None}]) == []
