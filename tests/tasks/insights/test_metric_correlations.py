"""The table's rows from made-up minutes, and what the SELECT makes of samples and requests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from storage.catalogue import INSIGHTS, TABLES
from storage.frames import fetch
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.book import check_output
from tasks.insights.correlations.innovations import ORDER
from tasks.insights.metric_correlations import METRIC_CORRELATIONS, MINUTES, STRONGEST, derive_correlations
from tasks.insights.statistics.intervals import Values
from tests.insight_rows import insert
from tests.insights import compute_table
from tests.minute_series import autocorrelated, cycling, minute_rows, noise, walk

AS_OF = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = Limits(lock_timeout_seconds=10.0, threads=2)
TABLE = INSIGHTS["metric_correlations"]
NO_HOST = pl.lit(None, pl.String)


def table(rows: pl.DataFrame) -> pl.DataFrame:
    frame = derive_correlations(rows).select(TABLE.column_names)
    check_output(TABLE, frame)
    return frame


def following(seed: int, lag: int, strength: float = 1.0) -> tuple[Values, Values]:
    rng = np.random.default_rng(seed)
    leads = walk(rng, 1)
    return leads, strength * np.roll(leads, lag, axis=1) + autocorrelated(rng, 1, 0.9)


def operation(name: str, metric: str, values: Values) -> pl.DataFrame:
    return minute_rows(AS_OF, {"none": values}).with_columns(host=NO_HOST, operation=pl.lit(name), metric=pl.lit(metric))


@pytest.mark.parametrize("is_first", [True, False], ids=["in order", "the later one leads"])
def test_a_planted_lag_of_5_minutes_has_the_one_that_leads_first(is_first: bool) -> None:
    leads, follows = following(1, 5)
    pair = [leads, follows] if is_first else [follows, leads]
    (row,) = table(minute_rows(AS_OF, {"h1": np.concatenate([*pair, walk(np.random.default_rng(2), 10)])})).rows(named=True)
    names = ("m00.x", "m01.x") if is_first else ("m01.x", "m00.x")
    assert (row["host"], row["metric"], row["other_metric"], row["lag_minutes"]) == ("h1", *names, 5)
    assert 0.5 < row["correlation_low"] < row["correlation"] < row["correlation_high"] < 0.9
    assert (row["other_kind"], row["other"], row["tested"]) == ("metric", "h1", 66)
    assert row["samples"] == MINUTES - 1 - ORDER - 5
    assert row["coverage"] == pytest.approx((MINUTES - 6 - ORDER) / MINUTES)


def test_what_falls_when_the_other_rises_has_a_correlation_below_0() -> None:
    leads, follows = following(3, 5, -1.0)
    (row,) = table(minute_rows(AS_OF, {"h1": np.concatenate([leads, follows])})).rows(named=True)
    assert row["lag_minutes"] == 5
    assert row["correlation_high"] < -0.5


def test_of_runs_with_nothing_in_common_few_have_a_row() -> None:
    """One in 20 is meant to; 4 of 24 or more come about once in 40 times."""
    runs = 0
    for seed in range(24):
        rng = np.random.default_rng([4, seed])
        drawn = np.concatenate([draw(rng, 8) for draw in (walk, autocorrelated, noise, cycling)])
        runs += table(minute_rows(AS_OF, {"h1": drawn})).height > 0
    assert runs <= 4


def test_metrics_of_two_hosts_are_not_held_against_each_other() -> None:
    leads, follows = following(5, 5)
    assert table(minute_rows(AS_OF, {"h1": leads, "h2": follows})).is_empty()


@pytest.mark.parametrize(("lag", "said"), [(5, 5), (-5, -5), (0, 0)])
def test_a_host_leads_an_operation_or_is_led(lag: int, said: int) -> None:
    host, requests = following(6, lag)
    rows = pl.concat(
        [minute_rows(AS_OF, {"h1": host, "h2": walk(np.random.default_rng(7), 1)}), operation("GET /", "p50_seconds", requests)]
    )
    (row,) = table(rows).rows(named=True)
    assert (row["host"], row["metric"], row["other_kind"], row["other"]) == ("h1", "m00.x", "operation", "GET /")
    assert (row["other_metric"], row["other_attributes"], row["lag_minutes"], row["tested"]) == ("p50_seconds", "", said, 1)


def test_parts_of_one_whole_are_not_held_against_each_other() -> None:
    leads, follows = following(8, 0)
    rows = minute_rows(AS_OF, {"h1": np.concatenate([leads, follows])})
    one = rows.with_columns(metric=pl.Series(["system.memory.usage", "container.memory.usage"]))
    assert table(one).is_empty()
    assert table(rows).height == 1


def test_of_pairs_of_the_same_two_resources_the_strongest_stands_for_all() -> None:
    rng = np.random.default_rng(9)
    leads = walk(rng, 1)
    near, far = leads + autocorrelated(rng, 1, 0.5), leads + 3 * autocorrelated(rng, 1, 0.5)
    rows = minute_rows(AS_OF, {"h1": np.concatenate([leads, far, near])}).with_columns(
        metric=pl.Series(["system.cpu.utilization", "system.disk.io", "system.disk.operations"]),
        attributes=pl.Series(["", "device=sda,direction=read", "device=sda,direction=write"]),
    )
    (row,) = table(rows).rows(named=True)
    assert {row["metric"], row["other_metric"]} == {"system.cpu.utilization", "system.disk.operations"}
    assert table(rows.with_columns(attributes=pl.Series(["", "device=sda", "device=sdb"]))).height == 2


def test_a_host_has_no_more_than_its_strongest_rows() -> None:
    rng = np.random.default_rng(10)
    shared = walk(rng, 1)
    rows = table(minute_rows(AS_OF, {"h1": np.concatenate([shared + 0.1 * i * noise(rng, 1) for i in range(9)])}))
    assert rows.height == STRONGEST
    assert rows["correlation"].min() > 0.3
    assert rows["tested"].unique().to_list() == [36]


def test_rows_do_not_depend_on_the_order_of_the_series() -> None:
    rng = np.random.default_rng(11)
    drawn = {host: np.concatenate([*following(seed, 3), walk(rng, 3)]) for seed, host in enumerate("abc")}
    rows = minute_rows(AS_OF, drawn)
    assert_frame_equal(table(rows), table(rows[::-1]), check_exact=True)
    assert table(rows).height >= 3


def test_a_host_that_has_been_there_for_seven_hours_and_one_for_five() -> None:
    both = np.concatenate(following(12, 5))
    young, new = both.copy(), both.copy()
    young[:, : MINUTES - 420] = np.nan
    new[:, : MINUTES - 300] = np.nan
    (row,) = table(minute_rows(AS_OF, {"young": young, "new": new})).rows(named=True)
    assert (row["host"], row["samples"], row["lag_minutes"]) == ("young", 419 - ORDER - 5, 5)


def test_nothing_is_nothing() -> None:
    assert table(minute_rows(AS_OF, {})).is_empty()
    assert table(operation("GET /", "requests", noise(np.random.default_rng(13), 1))).is_empty()


@pytest.fixture
def inside(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    con.execute("BEGIN")
    yield con
    con.execute("ROLLBACK")


def sample(con: duckdb.DuckDBPyConnection, at: datetime, value: float | None, **given: Any) -> None:
    row = {"host": "h1", "metric": "cpu", "attributes": "", "observed_at": at, "value": value, "status": "ok"}
    insert(con, TABLES["raw.system_metrics"], row | given)


def act(con: duckdb.DuckDBPyConnection, key: str, at: datetime, **given: Any) -> None:
    row = {"activity_id": key, "operation": "GET /", "status": "succeeded", "duration_seconds": 1.0, "occurred_at": at}
    insert(con, TABLES["raw.activity"], row | {"source": "racine"} | given)


def minutes(con: duckdb.DuckDBPyConnection, metric: str = "cpu") -> dict[int, float]:
    rows = METRIC_CORRELATIONS.read(con, {"as_of": AS_OF}).filter(pl.col("metric") == metric)
    assert rows.height <= 1
    return {point["minute"]: point["value"] for row in rows["minutes"] for point in row}


def test_a_minute_has_the_mean_of_its_quarters_whatever_order_they_come_in(inside) -> None:
    start = AS_OF.replace(second=0) - MINUTE
    for second, value in ((46, 0.3), (1, 0.1), (31, 0.7), (16, 0.2), (2, None)):
        sample(inside, start + timedelta(seconds=second), value)
    sample(inside, start - MINUTE, 5.0)
    assert minutes(inside) == {1438: 5.0, 1439: (0.1 + 0.2 + 0.7 + 0.3) / 4}


def test_the_minute_of_as_of_and_what_is_older_than_a_day_are_left_out(inside) -> None:
    whole = AS_OF.replace(second=0)
    for at, value in (
        (whole, 1.0),
        (whole - MINUTE, 2.0),
        (whole - timedelta(days=1), 3.0),
        (whole - timedelta(days=1, seconds=1), 4.0),
    ):
        sample(inside, at, value)
    assert minutes(inside) == {1439: 2.0, 0: 3.0}


def test_processes_and_constants_are_left_out(inside) -> None:
    for minute in (1, 2):
        sample(inside, AS_OF - minute * MINUTE, float(minute), metric="process.memory.usage", attributes="pid=1")
        sample(inside, AS_OF - minute * MINUTE, 8.0, metric="system.memory.limit")
    assert METRIC_CORRELATIONS.read(inside, {"as_of": AS_OF}).is_empty()


def test_minutes_without_a_request_had_none_but_no_duration_and_no_share(inside) -> None:
    start = AS_OF.replace(second=0) - 10 * MINUTE
    act(inside, "a", start)
    act(inside, "b", start + timedelta(seconds=20), duration_seconds=3.0)
    act(inside, "c", start + timedelta(seconds=30), status="failed", duration_seconds=99.0)
    act(inside, "d", start + 3 * MINUTE, duration_seconds=7.0)
    act(inside, "e", start + 4 * MINUTE, status="running", duration_seconds=None)
    assert minutes(inside, "requests") == {1430: 3.0, 1431: 0.0, 1432: 0.0, 1433: 1.0}
    assert minutes(inside, "p50_seconds") == {1430: 2.0, 1433: 7.0}
    assert minutes(inside, "error_rate") == {1430: pytest.approx(1 / 3), 1433: 0.0}


@pytest.mark.parametrize("given", [{"source": "sample"}, {"is_deleted": True}, {"operation": None}])
def test_acts_of_the_sample_deleted_ones_and_ones_without_operation_are_left_out(inside, given) -> None:
    for minute in range(1, 5):
        for n in range(minute):
            act(inside, f"{minute} {n}", AS_OF - minute * MINUTE, **given)
    assert METRIC_CORRELATIONS.read(inside, {"as_of": AS_OF}).is_empty()


def test_the_busiest_operations_are_looked_at(inside) -> None:
    for place in range(22):
        for n in range(2 + (place > 1)):
            act(inside, f"{place} {n}", AS_OF - (1 + n) * MINUTE - timedelta(seconds=31), operation=f"GET /{place:02}")
    act(inside, "more", AS_OF - MINUTE, operation="GET /05")
    act(inside, "and more", AS_OF - MINUTE, operation="GET /05")
    act(inside, "most", AS_OF - 4 * MINUTE, operation="GET /00")
    found = METRIC_CORRELATIONS.read(inside, {"as_of": AS_OF}).filter(pl.col("metric") == "requests")["operation"].to_list()
    assert len(found) == 20
    assert "GET /01" not in found


def landed(home: Home, frames: list[pl.DataFrame]) -> pl.DataFrame:
    """The table after computing it twice; both times the same."""
    for frame in frames:
        land(home, "system_metrics", frame)
    with warehouse(home, LIMITS) as con:
        assert load_landing(con, home).rejected == 0
    computed = []
    for _ in range(2):
        assert compute_table(METRIC_CORRELATIONS, str(home.root), limits=LIMITS, as_of=AS_OF).rows == 1
        with warehouse(home, LIMITS) as con:
            computed.append(fetch(con, "SELECT * FROM insights.metric_correlations"))
    assert_frame_equal(*computed, check_exact=True)
    return computed[0]


def test_the_same_samples_in_any_order_of_arrival_give_the_same_table(tmp_path: Path) -> None:
    """Samples every 15 seconds of the last seven hours; of the earliest three minutes of the follower there are none."""
    leads, follows = (series[0, -420:] for series in following(14, 5))
    start = AS_OF.replace(second=0) - 420 * MINUTE
    rows = [
        {"host": "h1", "metric": metric, "observed_at": start + n * timedelta(seconds=15), "value": series[n // 4] + (n % 4) / 10}
        for metric, series in (("system.disk.io", leads), ("system.network.io", follows))
        for n in range(0 if metric == "system.disk.io" else 12, 4 * 420)
    ]
    samples = pl.DataFrame(rows).with_columns(attributes=pl.lit(""), status=pl.lit("ok"))
    in_order = landed(Home(tmp_path / "one"), [samples])
    shuffled = samples.sample(fraction=1, shuffle=True, seed=1)
    assert_frame_equal(landed(Home(tmp_path / "other"), [shuffled[900:], shuffled[:900]]), in_order, check_exact=True)
    (row,) = in_order.rows(named=True)
    assert (row["metric"], row["other_metric"], row["lag_minutes"]) == ("system.disk.io", "system.network.io", 5)
