"""What holds of deployment_trends whatever the rows, its weekly lists, and how often its verdicts are right in simulations."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tasks.insights.deployment_trends import derive_trends

AS_OF = datetime(2026, 3, 10, tzinfo=UTC)
DAY = 86_400
PARAMETERS = {"as_of": AS_OF, "window_days": 24, "gap_seconds": 3600.0, "bound_seconds": 86_400.0}
WEEKS = 3
EXAMPLES = 10
INSTANT = pl.Datetime("us", "UTC")
RATE, DURATION = "success_rate", "median_duration_seconds"
KEY = ("environment", "service", "metric")

ended = st.one_of(st.integers(-26 * DAY, DAY), st.integers(-25, 1).map(lambda day: day * DAY))
deployments = st.fixed_dictionaries(
    {
        "ended": ended.map(lambda second: AS_OF + timedelta(seconds=second)),
        "seconds": st.sampled_from([-5, 0, 60, 300, 90_000]),
        "status": st.sampled_from(["succeeded", "succeeded", "failed", "rolled_back", "canceled", "running"]),
        "service": st.sampled_from(["api", "web"]),
        "source": st.sampled_from(["racine", "sample"]),
    }
)


def rows_of(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of raw.deployments, each a version of its own."""
    rows = [
        {
            "deployment_id": f"d{number}",
            "service": "api",
            "environment": "production",
            "version": f"v{number}",
            "started_at": row["ended"] - timedelta(seconds=row["seconds"]),
            "finished_at": row["ended"],
            "updated_at": row["ended"],
            "status": "succeeded",
        }
        | {name: row[name] for name in ("service", "status", "source") if name in row}
        for number, row in enumerate(drawn)
    ]
    texts = ("deployment_id", "service", "environment", "version", "status", "source")
    instants = ("started_at", "finished_at", "updated_at")
    return pl.DataFrame(rows, schema={**dict.fromkeys(texts, pl.String), **dict.fromkeys(instants, INSTANT)})


def daily(changes_after: int, step: float, days: int = 24) -> list[dict[str, Any]]:
    """A deployment a day of 600 to 660 s, and `step` times as long after so many days."""
    return [
        {
            "ended": AS_OF - timedelta(days=days - day) + timedelta(hours=3),
            "seconds": round((600 + 10 * (day * 5 % 7)) * (step if day >= changes_after else 1)),
        }
        for day in range(days)
    ]


many = st.one_of(
    st.lists(deployments, max_size=30),
    st.builds(daily, st.integers(6, 18), st.sampled_from([0.5, 1.0, 2.0])),
).map(rows_of)


@given(many, st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_order_of_the_rows_does_not_matter(compute, rows: pl.DataFrame, random) -> None:
    shuffled = rows[random.sample(range(rows.height), rows.height)] if rows.height else rows
    assert_frame_equal(
        compute("deployment_trends", shuffled, PARAMETERS), compute("deployment_trends", rows, PARAMETERS), check_exact=True
    )


@given(many, st.integers(-4000, 4000))
@settings(max_examples=EXAMPLES, deadline=None)
def test_shifting_all_instants_shifts_only_the_instants(compute, rows: pl.DataFrame, hours: int) -> None:
    by = timedelta(hours=hours)
    shifted = compute("deployment_trends", rows.with_columns(pl.col(INSTANT) + by), PARAMETERS | {"as_of": AS_OF + by})
    expected = compute("deployment_trends", rows, PARAMETERS).with_columns(pl.col(INSTANT) + by)
    assert_frame_equal(shifted, expected, check_exact=True)


@given(many)
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_the_source_deleted_changes_nothing(compute, rows: pl.DataFrame) -> None:
    gone = rows.with_columns(deployment_id=pl.col("deployment_id") + " gone", is_deleted=True)
    both = pl.concat([rows.with_columns(is_deleted=False), gone])
    assert_frame_equal(compute("deployment_trends", both, PARAMETERS), compute("deployment_trends", rows, PARAMETERS))


@given(many, st.lists(deployments, min_size=1, max_size=5).map(rows_of), st.sampled_from([-60, 40]))
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_lies_outside_the_window_changes_nothing(compute, rows: pl.DataFrame, others: pl.DataFrame, days: int) -> None:
    ended = others.filter(pl.col("status") != "running")
    far = ended.with_columns(pl.col(INSTANT) + timedelta(days=days), *(pl.col(name) + "x" for name in ("deployment_id", "version")))
    both = compute("deployment_trends", pl.concat([rows, far]), PARAMETERS)
    assert_frame_equal(both, compute("deployment_trends", rows, PARAMETERS), check_exact=True)


@given(many)
@settings(max_examples=EXAMPLES, deadline=None)
def test_there_are_two_rows_for_each_service_that_had_deployments(compute, rows: pl.DataFrame) -> None:
    since = AS_OF - timedelta(days=PARAMETERS["window_days"])
    begun = pl.col("started_at") < AS_OF
    seen = rows.filter(
        begun, pl.col("finished_at").is_between(since, AS_OF, closed="left"), ~pl.col("status").is_in(["running", "canceled"])
    )
    computed = compute("deployment_trends", rows, PARAMETERS)
    keys = {(service, metric) for service in seen["service"] for metric in (RATE, DURATION)}
    assert set(computed.select("service", "metric").iter_rows()) == keys
    assert computed.height == len(keys)


@given(many)
@settings(max_examples=EXAMPLES, deadline=None)
def test_figures_of_a_row_agree_with_each_other(compute, rows: pl.DataFrame) -> None:
    for row in compute("deployment_trends", rows, PARAMETERS).iter_rows(named=True):
        values, counts = row["weekly_values"], row["weekly_counts"]
        assert len(values) == len(counts) == WEEKS
        assert [value is None for value in values] == [number == 0 for number in counts]
        assert row["weeks"] == sum(value is not None and (value > 0 or row["metric"] == RATE) for value in values)
        assert row["first_week_at"] == AS_OF - timedelta(days=21)
        assert row["trend"] == "too_little_data", "of three weeks"
        for level in ("level_before", "level_after"):
            if row[f"{level}_low"] is not None:
                assert row[f"{level}_low"] <= row[level] <= row[f"{level}_high"]
        is_change = row["change"] in ("higher", "lower")
        assert (row["changed_at"] is not None) == (row["level_after"] is not None) == (row["after"] > 0) == is_change
        assert (row["change_p_value"] is None) == (row["change"] == "too_little_data") == (row["days"] < 8)
        if is_change:
            assert row["change"] == ("higher" if row["level_after"] > row["level_before"] else "lower")
            assert AS_OF - timedelta(days=24) < row["changed_at"] < AS_OF
            assert row["change_p_value"] <= row["change_q_value"] <= 0.05


def test_the_steps_that_the_properties_draw_are_found(compute) -> None:
    rows = compute("deployment_trends", rows_of(daily(10, 2.0)), PARAMETERS).filter(metric=DURATION)
    assert rows["change"].to_list() == ["higher"]
    assert rows["changed_at"].to_list() == [AS_OF - timedelta(days=14)]


def test_a_week_is_its_deployments_and_starts_where_the_last_one_ends(compute) -> None:
    """Of 24 days the oldest 3 are in no whole week. At the border of two weeks a deployment belongs to the later one."""
    ends = [(24, 900), (21, 100), (14, 300), (14, 500), (0.001, 700)]
    drawn = [{"ended": AS_OF - timedelta(days=day), "seconds": seconds} for day, seconds in ends]
    failed = {"ended": AS_OF - timedelta(days=9), "seconds": 60, "status": "failed"}
    rows = compute("deployment_trends", rows_of([*drawn, failed]), PARAMETERS)
    duration, rate = rows.filter(metric=DURATION).row(0, named=True), rows.filter(metric=RATE).row(0, named=True)
    assert (duration["weekly_values"], duration["weekly_counts"]) == ([100.0, 400.0, 700.0], [1, 2, 1])
    assert (rate["weekly_values"], rate["weekly_counts"]) == ([1.0, 2 / 3, 1.0], [1, 3, 1])
    assert (duration["days"], rate["days"], rate["before"]) == (4, 5, 6)


def test_a_week_of_nothing_has_no_value(compute) -> None:
    drawn = [{"ended": AS_OF - timedelta(days=day), "seconds": 60} for day in (20, 2)]
    rows = compute("deployment_trends", rows_of(drawn), PARAMETERS)
    assert rows["weekly_values"].to_list() == [[60.0, None, 60.0], [1.0, None, 1.0]]
    assert rows["weekly_counts"].to_list() == [[1, 0, 1], [1, 0, 1]]


def test_a_window_under_a_week_has_no_weeks(compute) -> None:
    drawn = [{"ended": AS_OF - timedelta(days=1), "seconds": 60}]
    rows = compute("deployment_trends", rows_of(drawn), PARAMETERS | {"window_days": 5})
    assert rows["weekly_values"].to_list() == rows["weekly_counts"].to_list() == [[], []]
    assert set(rows["first_week_at"]) == {AS_OF}


def pairs_of(medians: np.ndarray, hits: np.ndarray, trials: np.ndarray) -> pl.DataFrame:
    """What the SQL yields of services with deployments on each of 90 days, but nothing a week."""
    count = len(medians)
    nothing = {name: [[]] * count for name in ("weekly_deployments", "weekly_rates", "weekly_durations", "weekly_median_seconds")}
    lists = {
        "days": np.tile(np.arange(89, -1, -1), (count, 1)),
        "deployments": trials,
        "succeeded": hits,
        "median_seconds": medians,
    }
    whole = dict.fromkeys(("days", "deployments", "succeeded", "weekly_deployments", "weekly_durations"), pl.List(pl.Int64))
    parts = dict.fromkeys(("median_seconds", "weekly_rates", "weekly_median_seconds"), pl.List(pl.Float64))
    frame = {name: values.tolist() for name, values in lists.items()} | nothing | {"service": [f"s{n:04}" for n in range(count)]}
    return pl.DataFrame(frame, schema_overrides=whole | parts).with_columns(
        environment=pl.lit("production"), is_sample=False, window_days=pl.lit(90, pl.Int64), as_of=pl.lit(AS_OF, INSTANT)
    )


def simulated(changed: int, quiet: int) -> pl.DataFrame:
    """Verdicts on that many services of which duration (1.5 sd, a factor of 1.57) and rate (.95 to .7) changed on day 45."""
    rng = np.random.default_rng(changed)
    medians = 0.3 * rng.standard_normal((changed + quiet, 90)) + 6.0
    rates = np.full((changed + quiet, 90), 0.95)
    medians[:changed, 45:] += 0.45
    rates[:changed, 45:] = 0.7
    trials = rng.integers(1, 9, rates.shape)
    verdicts = derive_trends(pairs_of(np.exp(medians), rng.binomial(trials, rates), trials))
    return verdicts.with_columns(
        is_called=pl.col("change").is_in(["higher", "lower"]),
        is_changed=pl.col("service") < f"s{changed:04}",
        error_days=((pl.col("changed_at") - (AS_OF - timedelta(days=45))).dt.total_days()).abs(),
    )


def test_of_many_quiet_services_few_are_called_changed() -> None:
    called = simulated(0, 400).group_by("metric").agg(pl.col("is_called").sum())
    assert max(called["is_called"]) <= 2, "q-values keep the chance of a single one at 5 % a metric"


def test_changes_among_quiet_services_are_found_and_are_most_of_what_is_called() -> None:
    verdicts = simulated(40, 360)
    for metric in (RATE, DURATION):
        rows = verdicts.filter(metric=metric)
        found = rows.filter("is_changed")
        assert found["is_called"].mean() >= 0.9
        assert (found["error_days"] <= 5).mean() >= 0.8
        assert rows.filter("is_called")["is_changed"].mean() >= 0.9


def test_a_rate_that_changed_by_less_than_a_twentieth_is_no_news() -> None:
    """Of 1000 a day 990 succeed, then 960: sure, but .03 apart; with 930 it is .06."""
    for later, verdict in ((960, "no_evidence"), (930, "lower")):
        hits = np.where(np.arange(90) < 45, 990, later) + np.arange(90) % 2
        verdicts = derive_trends(pairs_of(np.full((1, 90), 60.0), hits[None], np.full((1, 90), 1000)))
        row = verdicts.filter(metric=RATE).row(0, named=True)
        assert row["change"] == verdict
        assert row["change_q_value"] < 0.001
