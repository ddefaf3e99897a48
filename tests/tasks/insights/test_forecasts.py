"""The task on a real warehouse, and what the findings make of it from hour to hour: a leak goes on, and a restart ends it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
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


def disk(days: int, used_at: Callable[[float], float], size_at: Callable[[float], float]) -> pl.DataFrame:
    """Whole hours of a filesystem up to AS_OF, in shares and in bytes; what is used and how large it is by the day."""
    hours = []
    for hour in range(24 * days):
        at, used, size = AS_OF.replace(minute=0) - (hour + 1) * HOUR, used_at(days - hour / 24), size_at(days - hour / 24)
        values = {"": used / size, ",state=used": used, ",state=free": size - used}
        hours += [(at, f"mountpoint=/{state}", value) for state, value in values.items()]
    frame = pl.DataFrame(hours, schema=["hour_at", "attributes", "mean"], orient="row")
    metric = pl.when(pl.col("attributes").str.contains("state")).then(pl.lit("system.filesystem.usage"))
    return frame.with_columns(
        metric=metric.otherwise(pl.lit("system.filesystem.utilization")), host=pl.lit("h1"), as_of=AS_OF,
        min="mean", max="mean", samples=240, missing=0,
    )  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [(500.0, 1000.0), (1000.0, 500.0)])
def test_a_filesystem_that_was_resized_neither_grows_nor_shrinks(compute, before, after) -> None:
    rows = disk(21, lambda _: 400.0, lambda day: before if day < 13 else after)
    (found,) = compute("forecasts", rows, {"as_of": AS_OF}).to_dicts()
    assert (found["value"], found["slope_per_day"], found["is_growing"]) == (400 / after, 0.0, False)


def test_growth_goes_on_through_a_resize(compute) -> None:
    """10 a day, of a size that was made twice as large: full at 1,000, from 600 in 40 days."""
    rows = disk(21, lambda day: 390.0 + 10 * day, lambda day: 700.0 if day < 13 else 1000.0)
    (found,) = compute("forecasts", rows, {"as_of": AS_OF}).to_dicts()
    assert found["slope_per_day"] == pytest.approx(0.01)
    assert found["no_forecast_reason"] == "beyond_horizon"


def test_a_filesystem_that_is_emptied_every_month_is_foretold_by_no_computation(home: Home) -> None:
    """From .45 to .90 in thirty days, three times, and again for 25 days; without that, it would be full in ten."""
    hours = disk(115, lambda day: 0.45 + 0.015 * (day % 30), lambda _: 1.0).rows(named=True)
    with warehouse(home, LIMITS) as con:
        insert(con, TABLES["insights.system_metrics_hourly"], *(row for row in hours if "state" not in row["attributes"]))
        enter(con, "system_metrics_hourly", as_of=AS_OF, computed_at=datetime.now(UTC))
    compute_table(FORECASTS, str(home.root), limits=LIMITS, as_of=AS_OF)
    (forecast,) = rows(home, "insights.forecasts")
    assert (forecast["is_growing"], forecast["crosses_at"], forecast["no_forecast_reason"]) == (True, None, "emptied_by_habit")
