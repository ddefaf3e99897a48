"""The task on a real warehouse, and what the findings make of it from hour to hour: a leak goes on, and a restart ends it."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.catalogue import TABLES
from storage.frames import fetch
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.forecasts import FORECASTS
from tasks.insights.performance_insights import PERFORMANCE_INSIGHTS, TABLE
from tests.insight_rows import enter, insert
from tests.insights import compute_table

AS_OF = datetime(2026, 11, 25, 12, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
OLD, NEW = "create_time=1795348800,name=api,pid=1", "create_time=1795616000,name=api,pid=1"


def seen(home: Home, hours: range, attributes: str = OLD, metric: str = "process.memory.usage", least: float = 5e6) -> None:
    """Hours counted from the day before AS_OF's, which is 12 to 13 o'clock; memory that grows by `least` an hour."""
    series = {"host": "h1", "metric": metric, "attributes": attributes, "unit": "By", "samples": 240}
    rows = []
    for hour in hours:
        value = 1e9 + least * hour
        rows.append(series | {"hour_at": AS_OF.replace(minute=0) + (hour - 24) * HOUR, "min": value, "mean": value, "max": value})
    with warehouse(home, LIMITS) as con:
        insert(con, TABLES["insights.system_metrics_hourly"], *rows)


def compute(home: Home, as_of: datetime) -> list[dict]:
    """The findings after computing as of then."""
    with warehouse(home, LIMITS) as con:
        enter(con, *{*TABLE.inputs, "system_metrics_hourly"} - {"forecasts"}, as_of=as_of, computed_at=datetime.now(UTC))
    compute_table(FORECASTS, str(home.root), limits=LIMITS, as_of=as_of)
    compute_table(PERFORMANCE_INSIGHTS, str(home.root), limits=LIMITS, as_of=as_of, window_days=90, gap_seconds=3600.0)
    return rows(home, "insights.performance_insights ORDER BY first_found_at")


def rows(home: Home, of: str) -> list[dict]:
    with warehouse(home, LIMITS) as con:
        return fetch(con, f"SELECT * FROM {of}").rows(named=True)


def test_a_leak_goes_on_as_one_finding_until_its_process_is_restarted(home: Home) -> None:
    seen(home, range(25))
    (first,) = compute(home, AS_OF)
    assert (first["kind"], first["started_at"], first["ended_at"]) == ("memory_leak", AS_OF - 24 * HOUR, None)
    seen(home, range(25, 26))
    (second,) = compute(home, AS_OF + HOUR)
    assert (second["insight_id"], second["ended_at"]) == (first["insight_id"], None)
    seen(home, range(26, 27), NEW)
    (third,) = compute(home, AS_OF + 2 * HOUR)
    assert (third["insight_id"], third["ended_at"]) == (first["insight_id"], AS_OF + 2 * HOUR)
    (forecast,) = rows(home, "insights.forecasts")
    assert (forecast["attributes"], forecast["no_forecast_reason"]) == (NEW, "too_little_history")


@pytest.mark.parametrize("least", [0.0, -5e6], ids=["constant", "shrinks"])
def test_memory_that_does_not_grow_is_no_finding(home: Home, least: float) -> None:
    seen(home, range(25), least=least)
    assert compute(home, AS_OF) == []
    (forecast,) = rows(home, "insights.forecasts")
    assert (forecast["no_forecast_reason"], forecast["is_growing"]) == ("no_growth", False)


def test_what_a_process_may_grow_by_is_what_its_host_has_available(home: Home) -> None:
    seen(home, range(25))
    seen(home, range(25), "", "system.memory.available", least=0.0)
    compute(home, AS_OF)
    (forecast,) = rows(home, "insights.forecasts")
    assert forecast["limit_value"] == pytest.approx(1e9 + 24 * 5e6 + 1e9)
    assert forecast["no_forecast_reason"] == "beyond_horizon"
    assert forecast["slope_per_day"] == pytest.approx(1.2e8)


def test_hours_after_as_of_are_not_seen(home: Home) -> None:
    seen(home, range(60))
    compute(home, AS_OF)
    (forecast,) = rows(home, "insights.forecasts")
    assert forecast["value"] == 1e9 + 24 * 5e6
    assert forecast["hours"] == 24


def test_a_host_without_any_hours_has_no_rows(home: Home) -> None:
    assert compute(home, AS_OF) == []
    assert rows(home, "insights.forecasts") == []
