"""Which hosts and which forecasts are drawn."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from tasks.plots.reading import Filling, guiltiest, read_anomalies, read_forecasts
from tests.tasks.plots.conftest import AS_OF, ago, episode, forecast, hourly, samples


@pytest.fixture
def hosts(con: duckdb.DuckDBPyConnection) -> Callable[[], list[str]]:
    return lambda: [each.host for each in read_anomalies(con, AS_OF)]


@pytest.fixture
def fillings(con: duckdb.DuckDBPyConnection) -> Callable[[], list[Filling]]:
    return lambda: read_forecasts(con)


def recent(host: str, **more: Any) -> dict[str, Any]:
    return episode(host, ago(hours=2), ago(hours=1), **more)


def put_seen(put: Any, *episodes: dict[str, Any]) -> None:
    """Episodes, and a sample of each of their hosts."""
    put(anomalies=episodes)
    for host in {each["host"] for each in episodes}:
        put(system_metrics=samples(host, [4000]))


def test_the_worst_hosts_come_first_and_six_are_enough(hosts: Any, put: Any) -> None:
    put_seen(
        put,
        *(recent(f"w{number}", severity="warning", peak=5.0 + 0.1 * number) for number in range(6)),
        recent("c1", peak=8.5),
        recent("c2", peak=20.0),
    )
    assert hosts() == ["c2", "c1", "w5", "w4", "w3", "w2"]


@pytest.mark.parametrize(
    ("ended_hours_ago", "is_drawn"), [(0, True), (23.9, True), (24.1, False)], ids=["lasts", "within a day", "before"]
)
def test_an_episode_that_ended_a_day_ago_is_history(hosts: Any, put: Any, ended_hours_ago: float, is_drawn: bool) -> None:
    put_seen(put, episode("h", ago(hours=40), ago(hours=ended_hours_ago)))
    assert hosts() == ["h"] * is_drawn


def test_what_comes_after_as_of_is_not_known_yet(hosts: Any, put: Any) -> None:
    put_seen(put, episode("h", AS_OF + timedelta(minutes=5), AS_OF + timedelta(minutes=9)))
    assert hosts() == []


def test_a_host_without_rows_is_not_drawn(hosts: Any, put: Any) -> None:
    put(anomalies=[recent("gone")])
    put_seen(put, recent("there"))
    assert hosts() == ["there"]


def test_a_chosen_host_shows_its_episodes_of_three_days(con: duckdb.DuckDBPyConnection, put: Any) -> None:
    put_seen(put, episode("h", ago(hours=80), ago(hours=79)), episode("h", ago(hours=50), ago(hours=49)), recent("h"))
    (found,) = read_anomalies(con, AS_OF)
    assert found.episodes["started_at"].to_list() == [ago(hours=50), ago(hours=2)]


def test_the_latest_episode_names_its_metrics_first() -> None:
    earlier, latest = (
        json.dumps([{"metric": metric, "attributes": "", "contribution": 0.1} for metric in metrics]) for metrics in ("abc", "dbe")
    )
    assert guiltiest([earlier, latest]) == (("d", ""), ("b", ""), ("e", ""), ("a", ""))
    assert guiltiest(["[]"]) == ()


def test_what_is_full_within_a_month_is_drawn_the_soonest_first_and_six_of_them(fillings: Any, put: Any) -> None:
    rows = [forecast(f"h{days}", days) for days in (12, 3, 29, 31, 5, 7, 9, 11)]
    put(forecasts=[*rows, forecast("never", 1, crosses_at=None, no_forecast_reason="no_growth")])
    assert [each.forecast["host"] for each in fillings()] == ["h3", "h5", "h7", "h9", "h11", "h12"]


def test_a_month_from_now_is_the_end(fillings: Any, put: Any) -> None:
    put(forecasts=[forecast("h29", 29), forecast("h31", 31)])
    assert [each.forecast["host"] for each in fillings()] == ["h29"]


def test_the_hours_are_those_that_were_fitted(fillings: Any, put: Any) -> None:
    put(forecasts=[forecast("db-1", 9, window_hours=24)], system_metrics_hourly=hourly("db-1"))
    (found,) = fillings()
    assert (found.since, found.until) == (ago(hours=24, minutes=30), ago(minutes=30))
    assert found.hours.height == 24
    assert (found.hours["hour_at"].min(), found.hours["hour_at"].max()) == (found.since, found.until - timedelta(hours=1))


def test_nothing_to_draw_is_nothing(hosts: Any, fillings: Any) -> None:
    assert (hosts(), fillings()) == ([], [])
