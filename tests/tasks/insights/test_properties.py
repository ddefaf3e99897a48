"""What holds of the insights whatever the rows: order, shifts in time, what lies outside the window, sums over groups."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

AS_OF = datetime(2026, 3, 10, tzinfo=UTC)
DEPLOYMENTS = {"as_of": AS_OF, "window_days": 7, "gap_seconds": 3600.0, "bound_seconds": 86_400.0, "rework_seconds": 86_400.0}
COUNTS = (
    *("deployments", "attempts", "succeeded", "failed", "rolled_back", "canceled", "in_progress", "stuck", "out_of_bounds"),
    *("durations", "failed_changes", "recovered", "unrecovered", "rework", "lead_times", "undated"),
)
EXAMPLES = 10
INSTANT = pl.Datetime("us", "UTC")

offsets = st.integers(-10 * 86_400, 86_400).map(lambda seconds: AS_OF + timedelta(seconds=seconds))
deployments = st.fixed_dictionaries(
    {
        "service": st.sampled_from(["api", "web", "job"]),
        "version": st.sampled_from(["v1", "v2", None]),
        "environment": st.sampled_from(["production", "PROD ", "staging"]),
        "target": st.sampled_from([None, "eu", "us"]),
        "status": st.sampled_from(["pending", "running", "succeeded", "failed", "rolled_back", "canceled"]),
        "started_at": st.none() | offsets,
        "seconds": st.none() | st.integers(-60, 100_000),
        "updated_at": offsets,
        "is_rollback": st.sampled_from([None, False, True]),
        "is_hotfix": st.sampled_from([None, False, True]),
        "committed_at": st.none() | offsets,
        "source": st.sampled_from(["racine", "sample"]),
    }
)
scans = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["queued", "running", "succeeded", "failed", "canceled"]),
        "queued_at": st.none() | offsets,
        "started_at": st.none() | offsets,
        "finished_at": st.none() | offsets,
        "updated_at": offsets,
    }
)
samples = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(["cpu", "disk"]),
        "second": st.integers(-3 * 3600, 3600),
        "value": st.none() | st.floats(-1e6, 1e6),
    }
)

requests = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(["GET /assets", "totals", None]),
        "status": st.sampled_from(["succeeded", "succeeded", "failed", "running", "canceled"]),
        "weeks": st.integers(0, 5),
        "occurred_at": st.integers(-3 * 3600, 3600).map(lambda seconds: AS_OF + timedelta(seconds=seconds)),
        "duration_seconds": st.none() | st.floats(0, 1e6),
        "source": st.sampled_from(["racine", "sample"]),
        "copies": st.sampled_from([1, 1, 70]),
    }
)


def deployment_rows(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    rows = [row | {"deployment_id": f"d{number}"} for number, row in enumerate(drawn)]
    for row in rows:
        seconds, started = row.pop("seconds"), row["started_at"]
        row["finished_at"] = started + timedelta(seconds=seconds) if started and seconds is not None else None
    texts = ("deployment_id", "service", "version", "environment", "target", "status", "source")
    instants, flags = ("committed_at", "started_at", "finished_at", "updated_at"), ("is_rollback", "is_hotfix")
    schema = {**dict.fromkeys(texts, pl.String), **dict.fromkeys(instants, INSTANT), **dict.fromkeys(flags, pl.Boolean)}
    return pl.DataFrame(rows, schema=schema)


def scan_rows(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    fixed = {"data_source": "crm", "scan_type": "full"}
    rows = [{"scan_id": f"s{number}", **fixed, **row} for number, row in enumerate(drawn)]
    instants = ("queued_at", "started_at", "finished_at", "updated_at")
    texts = ("scan_id", "data_source", "scan_type", "status")
    return pl.DataFrame(rows, schema={**dict.fromkeys(texts, pl.String), **dict.fromkeys(instants, INSTANT)})


def sample_rows(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    rows = [
        {
            "host": "h1",
            "metric": row["metric"],
            "attributes": "",
            "observed_at": AS_OF + timedelta(seconds=row["second"]),
            "value": row["value"],
            "status": "ok" if row["value"] is not None else "unreadable",
        }
        for row in drawn
    ]
    schema = {"host": pl.String, "metric": pl.String, "attributes": pl.String, "observed_at": INSTANT, "value": pl.Float64}
    return pl.DataFrame(rows, schema={**schema, "status": pl.String}).unique(
        ["metric", "observed_at"], keep="first", maintain_order=True
    )


def request_rows(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    """Each as often as `copies` says, so that there are baselines."""
    texts = ("activity_id", "operation", "status", "source")
    schema = {**dict.fromkeys(texts, pl.String), "occurred_at": INSTANT, "updated_at": INSTANT, "duration_seconds": pl.Float64}
    rows = []
    for number, row in enumerate(drawn):
        at = row["occurred_at"] - timedelta(weeks=row["weeks"])
        kept = {name: row[name] for name in ("operation", "status", "duration_seconds", "source")} | {
            "occurred_at": at,
            "updated_at": at,
        }
        rows += [kept | {"activity_id": f"a{number}-{copy}"} for copy in range(row["copies"])]
    return pl.DataFrame(rows, schema=schema)


INPUTS = {
    "deployment_metrics": (st.lists(deployments, max_size=12).map(deployment_rows), DEPLOYMENTS),
    "active_scans": (st.lists(scans, max_size=8).map(scan_rows), {"as_of": AS_OF, "window_days": 7}),
    "system_metrics_hourly": (
        st.lists(samples, max_size=12).map(sample_rows),
        {"as_of": AS_OF, "window_start": AS_OF - timedelta(hours=2)},
    ),
    "application_health": (
        st.lists(requests, max_size=8).map(request_rows),
        {"as_of": AS_OF, "window_start": AS_OF - timedelta(hours=2)},
    ),
}
KEYS = {"deployment_metrics": "deployment_id", "active_scans": "scan_id", "application_health": "activity_id"}
inputs = st.sampled_from(sorted(INPUTS)).flatmap(lambda name: st.tuples(st.just(name), INPUTS[name][0]))


@given(inputs, st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES, deadline=None)
def test_same_input_in_any_order_gives_the_same_rows(compute, given_rows, random) -> None:
    name, rows = given_rows
    once = compute(name, rows, INPUTS[name][1])
    shuffled = rows[random.sample(range(rows.height), rows.height)] if rows.height else rows
    assert_frame_equal(compute(name, shuffled, INPUTS[name][1]), once, check_exact=True)


@given(st.sampled_from(sorted(KEYS)).flatmap(lambda name: st.tuples(st.just(name), INPUTS[name][0])))
@settings(max_examples=EXAMPLES, deadline=None)
def test_rows_that_the_source_deleted_change_nothing(compute, given_rows) -> None:
    name, rows = given_rows
    key = KEYS[name]
    gone = rows.with_columns(pl.col(key) + " gone", is_deleted=True)
    both = pl.concat([rows.with_columns(is_deleted=False), gone])
    assert_frame_equal(compute(name, both, INPUTS[name][1]), compute(name, rows, INPUTS[name][1]), check_exact=True)


@given(inputs, st.integers(-4000, 4000))
@settings(max_examples=EXAMPLES, deadline=None)
def test_shifting_all_instants_shifts_only_the_instants(compute, given_rows, hours: int) -> None:
    """By whole hours, for the hourly table counts from the full hour; by whole weeks where weeks are compared."""
    name, rows = given_rows
    by = timedelta(weeks=hours // 100) if name == "application_health" else timedelta(hours=hours)
    parameters = {key: value + by if isinstance(value, datetime) else value for key, value in INPUTS[name][1].items()}
    shifted = compute(name, rows.with_columns(pl.col(INSTANT) + by), parameters)
    expected = compute(name, rows, INPUTS[name][1]).with_columns(pl.col(INSTANT) + by)
    assert_frame_equal(shifted, expected, check_exact=True)


@given(st.lists(deployments, max_size=14).map(deployment_rows))
@settings(max_examples=EXAMPLES, deadline=None)
def test_counts_of_the_parts_add_up_to_the_all_rows(compute, rows: pl.DataFrame) -> None:
    table = compute("deployment_metrics", rows, DEPLOYMENTS)
    parts = table.filter(pl.col("environment") != "all", pl.col("service") != "all")
    for name, over in (("service", "environment"), ("environment", "service")):
        totals = table.filter(pl.col(name) == "all", pl.col(over) != "all").sort(over)
        summed = parts.group_by(over).agg(pl.col(COUNTS).sum()).sort(over)
        assert_frame_equal(totals.select(over, *COUNTS), summed)
    everything = table.filter(pl.col("environment") == "all", pl.col("service") == "all")
    assert everything.height == 1
    assert_frame_equal(everything.select(COUNTS), parts.select(pl.col(COUNTS).sum()))


@given(st.lists(deployments, max_size=14).map(deployment_rows))
@settings(max_examples=EXAMPLES, deadline=None)
def test_figures_of_a_row_agree_with_each_other(compute, rows: pl.DataFrame) -> None:
    for row in compute("deployment_metrics", rows, DEPLOYMENTS).iter_rows(named=True):
        terminal = row["succeeded"] + row["failed"] + row["rolled_back"]
        assert row["deployments"] == terminal
        assert row["attempts"] >= terminal + row["canceled"]
        assert (row["success_rate"] is None) == (terminal == 0) == (row["no_data_reason"] is not None)
        for name in ("median_duration", "recovery_median", "lead_time_median"):
            if row[f"{name}_low"] is not None and row[f"{name}_high"] is not None:
                assert row[f"{name}_low"] <= row[f"{name}_seconds"] <= row[f"{name}_high"]
        for name in ("success_rate", "first_attempt_success_rate", "change_failure_rate", "rework_rate"):
            assert (row[name] is None) == (terminal == 0)
            assert row[name] is None or 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1
        assert row["failed_changes"] >= row["failed"] + row["rolled_back"]
        assert row["durations"] + row["out_of_bounds"] <= terminal
        assert row["deployments_per_day_low"] <= row["deployments_per_day"] <= row["deployments_per_day_high"]
        if row["success_rate_shrunk"] is not None:
            assert row["service"] != "all"
            assert 0 <= row["success_rate_shrunk_low"] <= row["success_rate_shrunk"] <= row["success_rate_shrunk_high"] <= 1


@given(st.lists(deployments.map(lambda row: row | {"version": None}), max_size=10).map(deployment_rows))
@settings(max_examples=EXAMPLES, deadline=None)
def test_no_attempt_falls_between_the_counts(compute, rows: pl.DataFrame) -> None:
    """Without versions every attempt is its own deployment: what had appeared, and had not ended before the window, is counted."""
    table = compute("deployment_metrics", rows, DEPLOYMENTS)
    total = table.filter(pl.col("environment") == "all", pl.col("service") == "all").row(0, named=True)
    appeared = pl.coalesce("started_at", "committed_at", "finished_at", "updated_at")
    ended = ~pl.col("status").is_in(["pending", "running"]) & (pl.coalesce("finished_at", "updated_at") < AS_OF)
    placed = pl.coalesce("finished_at", appeared)
    seen = rows.filter(appeared < AS_OF).filter(~ended | (placed >= AS_OF - timedelta(days=7)))
    assert sum(total[name] for name in ("deployments", "canceled", "in_progress", "stuck", "undated")) == seen.height


def finished_at(by: timedelta, others: list[dict[str, Any]]) -> pl.DataFrame:
    finished = {"status": "succeeded", "seconds": 300}
    far = [row | finished | {"started_at": AS_OF + by} for row in others]
    return deployment_rows(far).with_columns(deployment_id="x" + pl.col("deployment_id"))


@given(st.lists(deployments, max_size=12).map(deployment_rows), st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES, deadline=None)
def test_weeks_and_months_tell_of_the_same_deployments_in_any_order(compute, rows: pl.DataFrame, random) -> None:
    table = compute("deployment_periods", rows, DEPLOYMENTS)
    shuffled = rows[random.sample(range(rows.height), rows.height)] if rows.height else rows
    assert_frame_equal(compute("deployment_periods", shuffled, DEPLOYMENTS), table, check_exact=True)
    names = ("deployments", "canceled", "failed_changes", "rework", "recovered", "unrecovered", "lead_times")
    sums = [table.filter(period=period).group_by("environment", "service").agg(pl.col(names).sum()) for period in ("week", "month")]
    assert_frame_equal(*sums, check_row_order=False)


@given(st.lists(deployments, max_size=8).map(deployment_rows), st.lists(deployments, max_size=4))
@settings(max_examples=EXAMPLES, deadline=None)
def test_deployments_after_as_of_change_nothing(compute, rows: pl.DataFrame, others) -> None:
    more = pl.concat([rows, finished_at(timedelta(days=2), others)])
    for name in ("deployment_metrics", "deployment_periods"):
        assert_frame_equal(compute(name, more, DEPLOYMENTS), compute(name, rows, DEPLOYMENTS))


@given(st.lists(deployments, max_size=8).map(deployment_rows), st.lists(deployments, max_size=4))
@settings(max_examples=EXAMPLES, deadline=None)
def test_deployments_before_the_window_say_only_what_is_first(compute, rows: pl.DataFrame, others) -> None:
    """Since when a place is known, and which versions were delivered already: fewer lead times, and never more a day."""
    more = pl.concat([rows, finished_at(timedelta(days=-30), others)])
    with_them, without = (compute("deployment_metrics", each, DEPLOYMENTS) for each in (more, rows))
    first = pl.selectors.starts_with("lead_", "deployments_per_day", "known_days")
    assert_frame_equal(with_them.select(~first), without.select(~first))
    assert (with_them["lead_times"] <= without["lead_times"]).all()
    assert (with_them["deployments_per_day"] <= without["deployments_per_day"]).all()


@given(st.lists(samples, max_size=12).map(sample_rows))
@settings(max_examples=EXAMPLES, deadline=None)
def test_samples_outside_the_window_change_nothing(compute, rows: pl.DataFrame) -> None:
    parameters = INPUTS["system_metrics_hourly"][1]
    within = rows.filter(pl.col("observed_at") >= parameters["window_start"], pl.col("observed_at") < AS_OF)
    computed = compute("system_metrics_hourly", rows, parameters)
    assert_frame_equal(computed, compute("system_metrics_hourly", within, parameters))
    assert computed["samples"].sum() + computed["missing"].sum() == within.height


def test_the_mean_does_not_depend_on_the_order_of_arrival(compute) -> None:
    """Added up as they come, 1e16, -1e16 and 1 give 1, but 1e16, 1 and -1e16 give 0."""
    means = set()
    for values in ((1e16, -1e16, 1.0), (1e16, 1.0, -1e16), (1.0, -1e16, 1e16)):
        drawn = [{"metric": "cpu", "second": -int(abs(value) % 97) - (value > 0), "value": value} for value in values]
        computed = compute("system_metrics_hourly", sample_rows(drawn), INPUTS["system_metrics_hourly"][1])
        assert computed["samples"].to_list() == [3]
        means.update(computed["mean"].to_list())
    assert len(means) == 1


@given(st.lists(requests, max_size=8).map(request_rows))
@settings(max_examples=EXAMPLES, deadline=None)
def test_figures_of_an_hour_agree_with_each_other_and_nothing_is_lost(compute, rows: pl.DataFrame) -> None:
    table = compute("application_health", rows, INPUTS["application_health"][1])
    within = rows.filter(pl.col("occurred_at").is_between(AS_OF - timedelta(hours=2), AS_OF, closed="left"))
    counted = within.filter(pl.col("operation").is_not_null(), pl.col("status") != "running")
    assert table["requests"].sum() + table["canceled"].sum() == counted.height
    for row in table.iter_rows(named=True):
        assert row["requests"] >= row["failed"]
        assert row["timed"] <= row["requests"] - row["failed"]
        assert (row["slow"] is None) == (row["baseline_p95_seconds"] is None)
        assert row["slow"] is not None or row["baseline_weeks"] == 0
        assert row["slow"] is None or row["timed"] >= row["slow"] >= row["very_slow"] >= 0
        assert (row["p50_seconds"] is None) == (row["timed"] == 0)


@given(st.lists(requests, max_size=6).map(request_rows))
@settings(max_examples=EXAMPLES, deadline=None)
def test_an_hour_is_the_same_whatever_else_is_computed_with_it(compute, rows: pl.DataFrame) -> None:
    """The window says which hours, not how."""
    name, long = "application_health", {"as_of": AS_OF, "window_start": AS_OF - timedelta(days=20)}
    short = INPUTS[name][1]
    of_long = compute(name, rows, long).filter(pl.col("hour_at") >= short["window_start"])
    assert_frame_equal(of_long, compute(name, rows, short), check_exact=True)
