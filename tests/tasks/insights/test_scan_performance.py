"""What holds of insights.scan_performance whatever the scans, and its task on a real warehouse."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from storage.frames import fetch
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.scan_performance import SCAN_PERFORMANCE
from tests.insights import compute_table

AS_OF = datetime(2026, 3, 10, 12, tzinfo=UTC)
GIVEN = {"as_of": AS_OF, "window_days": 20}
INSTANT = pl.Datetime("us", "UTC")
EXAMPLES = 10
VALUES = {name: name for name in ("success_rate", "assets_per_second", "slowdown_ratio")} | {
    f"{name}_seconds": name for name in ("queue_median", "run_median", "run_p90")
}
"""Columns, and what the ends of their intervals are called."""
PAIR = ["data_source", "scan_type"]
FINISHED: dict[str, Any] = {
    "data_source": "crm",
    "scan_type": "full",
    "status": "succeeded",
    "queued_at": AS_OF - timedelta(days=1),
    "waited": 0,
    "seconds": 60,
    "assets_scanned": 1,
    "error_message": None,
    "updated_at": AS_OF - timedelta(days=1),
    "source": "racine",
}

offsets = st.integers(-24 * 86_400, 86_400).map(lambda seconds: AS_OF + timedelta(seconds=seconds))
drawn_scans = st.fixed_dictionaries(
    {
        "data_source": st.sampled_from(["crm", "erp"]),
        "scan_type": st.sampled_from(["full", "delta"]),
        "status": st.sampled_from(["queued", "running", "succeeded", "succeeded", "failed", "canceled"]),
        "queued_at": st.none() | offsets,
        "waited": st.none() | st.integers(0, 5000),
        "seconds": st.none() | st.integers(0, 100_000),
        "assets_scanned": st.none() | st.integers(0, 1000),
        "error_message": st.sampled_from([None, "timeout after 5 s", "timeout after 77 s", "disk full", "no 'such' table", ""]),
        "updated_at": offsets,
        "source": st.sampled_from(["racine", "sample"]),
    }
)
daily_scans = st.lists(st.tuples(st.integers(0, 3600), st.integers(0, 2000)), min_size=8, max_size=20)


def scan_rows(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    rows = []
    for number, row in enumerate(drawn):
        waited, seconds = row["waited"], row["seconds"]
        started = row["queued_at"] and waited is not None and row["queued_at"] + timedelta(seconds=waited)
        finished = started and seconds is not None and started + timedelta(seconds=seconds)
        rows.append({**row, "scan_id": f"s{number}", "started_at": started or None, "finished_at": finished or None})
    texts = ("scan_id", "data_source", "scan_type", "status", "error_message", "source")
    instants = ("queued_at", "started_at", "finished_at", "updated_at")
    schema = {**dict.fromkeys(texts, pl.String), **dict.fromkeys(instants, INSTANT), "assets_scanned": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def daily_rows(drawn: list[tuple[int, int]]) -> pl.DataFrame:
    """One succeeded scan a day: enough for a slowdown and a cadence."""
    common = {"data_source": "dwh", "scan_type": "full", "status": "succeeded", "error_message": None, "source": "racine"}
    asked = [AS_OF - timedelta(days=20 - day, seconds=-waited) for day, (waited, _) in enumerate(drawn)]
    times = [{"queued_at": at, "waited": 5, "seconds": run, "updated_at": at} for at, (_, run) in zip(asked, drawn, strict=True)]
    return scan_rows([{**common, **row, "assets_scanned": row["seconds"]} for row in times]).with_columns(
        scan_id="d" + pl.col("scan_id")
    )


scans = st.tuples(st.lists(drawn_scans, max_size=14).map(scan_rows), daily_scans.map(daily_rows)).map(pl.concat)


@given(scans, st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_order_of_rows_does_not_matter(compute, rows: pl.DataFrame, random) -> None:
    shuffled = rows[random.sample(range(rows.height), rows.height)]
    once = compute("scan_performance", rows, GIVEN)
    assert_frame_equal(compute("scan_performance", shuffled, GIVEN), once, check_exact=True)
    assert once.select(PAIR).rows() == sorted(once.select(PAIR).rows())


@given(scans, st.integers(-4000, 4000))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_shift_in_time_shifts_only_the_instants(compute, rows: pl.DataFrame, hours: int) -> None:
    by = timedelta(hours=hours)
    shifted = compute("scan_performance", rows.with_columns(pl.col(INSTANT) + by), GIVEN | {"as_of": AS_OF + by})
    expected = compute("scan_performance", rows, GIVEN).with_columns(pl.col(INSTANT) + by)
    assert_frame_equal(shifted, expected, check_exact=True)


@given(scans)
@settings(max_examples=EXAMPLES, deadline=None)
def test_no_scan_falls_between_the_counts(compute, rows: pl.DataFrame) -> None:
    """What had appeared by then, and had not ended before the window, is counted once."""
    table = compute("scan_performance", rows, GIVEN)
    ended = pl.when(~pl.col("status").is_in(["queued", "running"])).then(pl.coalesce("finished_at", "updated_at"))
    seen = rows.filter(pl.coalesce("queued_at", "started_at", "updated_at") < AS_OF)
    seen = seen.filter((ended >= AS_OF - timedelta(days=20)).fill_null(True))
    assert table.select(pl.sum_horizontal("runs", "canceled", "unfinished").sum()).item() == seen.height
    assert set(table.select(PAIR).rows()) == set(seen.select(PAIR).rows())


@given(scans)
@settings(max_examples=EXAMPLES, deadline=None)
def test_figures_of_a_row_agree_with_each_other(compute, rows: pl.DataFrame) -> None:
    for row in compute("scan_performance", rows, GIVEN).iter_rows(named=True):
        assert row["success_rate"] is None or 0 <= row["success_rate"] <= 1
        assert row["runs"] == row["succeeded"] + row["failed"]
        assert row["runs"] >= row["queue_times"]
        assert row["succeeded"] >= row["run_times"] >= max(row["asset_runs"], row["days"])
        assert (row["success_rate"] is None) == (row["runs"] == 0) == (row["no_data_reason"] is not None)
        assert (row["failure_reasons"] is None) == (row["failed"] == 0)
        assert (row["slowed_at"] is None) == (row["slowdown"] not in ("slower", "faster")) == (row["slowdown_ratio"] is None)
        assert (row["slowdown_q_value"] is None) == (row["slowdown"] == "too_little_data") == (row["days"] < 8)
        assert (row["is_late"] is None) == (row["gaps"] < 5)
        for value, bounds in VALUES.items():
            lies_within(row[value], row[f"{bounds}_low"], row[f"{bounds}_high"])
        lies_within(row["next_start_at"], row["next_start_low_at"], row["next_start_high_at"])


def lies_within(value: Any, low: Any, high: Any) -> None:
    assert low is None or low <= value
    assert high is None or value <= high


@given(scans, st.lists(drawn_scans, min_size=1, max_size=5).map(scan_rows), st.sampled_from([-60, 40]))
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_ended_before_the_window_or_came_after_changes_nothing(compute, rows, others: pl.DataFrame, days: int) -> None:
    ended = others.filter(pl.col("status").is_in(["succeeded", "failed", "canceled"]))
    far = ended.with_columns(pl.col(INSTANT) + timedelta(days=days), scan_id="x" + pl.col("scan_id"))
    both = compute("scan_performance", pl.concat([rows, far]), GIVEN)
    assert_frame_equal(both, compute("scan_performance", rows, GIVEN), check_exact=True)


@given(scans)
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_the_source_deleted_changes_nothing(compute, rows: pl.DataFrame) -> None:
    gone = rows.with_columns(is_deleted=True, scan_id="gone " + pl.col("scan_id"))
    both = pl.concat([rows.with_columns(is_deleted=False), gone])
    assert_frame_equal(compute("scan_performance", both, GIVEN), compute("scan_performance", rows, GIVEN), check_exact=True)


def test_p90_needs_30_runs(compute) -> None:
    for runs, p90 in ((29, None), (30, 271.0)):
        rows = scan_rows([FINISHED | {"seconds": 10 * (number + 1)} for number in range(runs)])
        assert compute("scan_performance", rows, GIVEN)["run_p90_seconds"].to_list() == [p90], "0.9 * 29 = 26.1 from 270 to 280"


def test_the_task_writes_the_table_and_the_same_again(tmp_path: Path) -> None:
    home, limits = Home(tmp_path), Limits(lock_timeout_seconds=10.0, threads=1)
    failed = {"status": "failed", "error_message": 'no table "t"'}
    land(home, "scans", scan_rows([FINISHED, FINISHED | failed]))
    with warehouse(home, limits) as con:
        assert load_landing(con, home).rejected == 0
    tables = []
    for _ in range(2):
        assert (
            compute_table(
                SCAN_PERFORMANCE, str(home.root), limits=limits, as_of=AS_OF, window_days=20, queue_bound_seconds=604_800.0
            ).rows
            == 1
        )
        with warehouse(home, limits) as con:
            tables.append(fetch(con, "SELECT *, failure_reasons ->> '$[0].reason' AS reason FROM insights.scan_performance"))
    assert_frame_equal(*tables)
    assert tables[0].select("runs", "succeeded", "reason").rows() == [(2, 1, "no table <text>")]
