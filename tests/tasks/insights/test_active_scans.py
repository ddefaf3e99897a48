"""The verdict on unfinished scans: Bayes' rule, sentences, properties of the table and of the SQL."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tasks.insights.scans.durations import fit_survival
from tasks.insights.scans.verdicts import dead_probability, share_of_dying
from tests.scan_fleets import BEGIN, KINDS, simulate

AS_OF = datetime(2026, 3, 10, tzinfo=UTC)
PARAMETERS = {"as_of": AS_OF, "window_days": 90}
ONE = np.array([0])


def scan(key: str, started: timedelta, seconds: float | None, status: str = "succeeded", changed: timedelta | None = None):
    """A scan that began so long before AS_OF."""
    begun = AS_OF - started
    ended = None if seconds is None else begun + timedelta(seconds=seconds)
    instants = {"started_at": begun, "finished_at": ended, "updated_at": AS_OF - changed if changed else ended or begun}
    return {"scan_id": key, "data_source": "crm", "scan_type": "full", "status": status, "queued_at": begun, **instants}


def history(seconds: list[float]) -> list[dict]:
    return [scan(f"r{number}", timedelta(days=number + 2), run) for number, run in enumerate(seconds)]


def unfinished(elapsed: float, changed: float | None = None):
    last_change = None if changed is None else timedelta(seconds=changed)
    return scan("open", timedelta(seconds=elapsed), None, "running", last_change)


def judged(compute, *scans: dict) -> dict:
    table = compute("active_scans", pl.DataFrame(scans, infer_schema_length=None), PARAMETERS)
    return table.filter(pl.col("scan_id") == "open").row(0, named=True)


def test_dead_probability_is_bayes_rule() -> None:
    """Half of the runs last 600 s: with 2 % dying, 0.02 / (0.02 + 0.98 * 0.5)."""
    survival = fit_survival(np.full((1, 40), 600.0), grain=1.0)
    assert dead_probability(survival, ONE, np.array([600.0]), np.zeros(1), 0.02) == pytest.approx(0.02 / 0.51)
    alive = dead_probability(survival, ONE, np.array([600.0]), np.array([600.0]), 0.02)
    assert alive == pytest.approx(0.02), "a sign of life just now takes it back to what is known of any scan"


def test_the_share_of_dying_starts_at_2_percent_and_learns() -> None:
    assert share_of_dying(0, 0, 0) == pytest.approx(0.02)
    assert share_of_dying(500, 9500, 500) == pytest.approx(0.05, rel=0.01)
    assert share_of_dying(0, 10_000, 0) < 0.0002


def test_one_that_lasts_longer_is_not_less_likely_dead(compute) -> None:
    past = history([500.0, 550.0, 600.0, 650.0, 700.0, 620.0])
    rows = [judged(compute, *past, unfinished(elapsed)) for elapsed in (60, 600, 900, 1800, 7200, 200_000)]
    probabilities = [row["dead_probability"] for row in rows]
    assert probabilities == sorted(probabilities)
    order = ["on_track", "slow", "probably_dead"]
    verdicts = [row["verdict"] for row in rows]
    assert verdicts == sorted(verdicts, key=order.index)
    assert set(verdicts) == set(order)


def test_a_sign_of_life_makes_it_less_likely_dead_and_is_said(compute) -> None:
    past = history([500.0, 550.0, 600.0, 650.0, 700.0, 620.0])
    silent, changed = judged(compute, *past, unfinished(3000)), judged(compute, *past, unfinished(3000, changed=300))
    assert changed["dead_probability"] < silent["dead_probability"]
    assert changed["evidence"].endswith("; its record changed 5 min ago")
    assert "changed" not in silent["evidence"]


def test_failed_and_canceled_runs_that_lasted_for_days_make_death_more_likely_only(compute) -> None:
    """Somebody cleans up: what had died days before is marked failed. That does not make it a long run."""
    past = history([500.0, 550.0, 600.0, 650.0, 700.0, 620.0])
    cleaned = [scan(f"c{number}", timedelta(days=number + 9), 200_000.0, "failed") for number in range(3)]
    alone, beside = judged(compute, *past, unfinished(2500)), judged(compute, *past, *cleaned, unfinished(2500))
    assert beside["slow_seconds"] == alone["slow_seconds"]
    assert beside["dead_probability"] > alone["dead_probability"]


def test_unfinished_scans_that_outlasted_all_others_make_death_more_likely(compute) -> None:
    """Those of the window: how many died is a share of what there was in it."""
    past = history([500.0, 550.0, 600.0, 650.0, 700.0, 620.0])
    within, before = ([scan(f"o{n}", timedelta(days=days + n), None, "running") for n in range(3)] for days in (10, 100))
    alone, *others = (judged(compute, *past, *dead, unfinished(2500)) for dead in ([], within, before))
    assert others[0]["dead_probability"] > alone["dead_probability"]
    assert others[1]["dead_probability"] == alone["dead_probability"]


def test_after_a_change_a_scan_is_judged_by_how_long_it_takes_now(compute) -> None:
    """An hour is long where it took 10 minutes of late and three hours before, and short the other way round."""
    minutes, hours = ([level * (1 + number % 5 / 20) for number in range(31)] for level in (600.0, 10_800.0))
    faster, slower = (judged(compute, *history(runs), unfinished(3600)) for runs in (minutes + hours, hours + minutes))
    assert faster["verdict"] == "probably_dead"
    assert slower["verdict"] == "on_track"


def test_a_scan_whose_beginning_is_not_known_is_not_judged(compute) -> None:
    nowhere = unfinished(0) | {"queued_at": None, "started_at": None, "updated_at": AS_OF - timedelta(hours=1)}
    row = judged(compute, *history([600.0] * 9), nowhere)
    assert (row["verdict"], row["no_finish_reason"]) == ("too_little_history", "start_unknown")
    assert (row["dead_probability"], row["finish_high_at"], row["history_runs"]) == (None, None, 9)
    assert row["evidence"].startswith("it is running, for how long is not known; ")


def test_an_interval_beyond_all_measure_is_not_given(compute) -> None:
    """Five runs from a second to a day do not say when this one finishes."""
    row = judged(compute, *history([1.0, 86_400.0, 10.0, 40_000.0, 100.0]), unfinished(3600))
    assert (row["no_finish_reason"], row["finish_low_at"], row["finish_high_at"]) == ("too_uncertain", None, None)


def test_when_nothing_is_unfinished_there_are_no_rows(compute) -> None:
    rows = pl.DataFrame(history([600.0] * 9), infer_schema_length=None)
    assert compute("active_scans", rows, PARAMETERS).is_empty()
    assert compute("active_scans", rows.clear(), PARAMETERS).is_empty()


lists_of_runs = st.lists(st.floats(1, 50_000), max_size=60)


@given(lists_of_runs, st.floats(1, 500_000), st.none() | st.floats(1, 500_000))
@settings(max_examples=20, deadline=None)
def test_what_a_row_says_agrees_with_itself(compute, runs: list[float], elapsed: float, changed: float | None) -> None:
    row = judged(compute, *history(runs), unfinished(elapsed, changed))
    interval = [row[name] for name in ("finish_low_at", "expected_finish_at", "finish_high_at")]
    assert (row["no_finish_reason"] is None) == (None not in interval)
    if row["no_finish_reason"] is None:
        assert [AS_OF, *interval] == sorted([AS_OF, *interval])
    assert (row["verdict"] == "too_little_history") == (row["dead_probability"] is None)
    assert row["dead_probability"] is None or 0 <= row["dead_probability"] <= 0.9999
    assert (row["verdict"] == "probably_dead") == ((row["dead_probability"] or 0) >= 0.95)
    assert (row["usual_seconds"] is None) == (row["history_runs"] == 0)


def test_what_came_after_as_of_changes_nothing(compute) -> None:
    """Rows as a later extraction finds them, and as they were found then, give the same table."""
    fleet = simulate(KINDS["mixed"], 3, sources=6, days=20).drop("fate", "p99_seconds")
    as_of = BEGIN + timedelta(days=15, hours=7)
    is_over, has_begun = pl.col("finished_at") < as_of, pl.col("started_at") < as_of
    unfinished_then = pl.when(has_begun).then(pl.lit("running")).otherwise(pl.lit("queued"))
    then = fleet.filter(pl.col("queued_at") < as_of).with_columns(
        started_at=pl.when(has_begun).then("started_at"),
        finished_at=pl.when(is_over).then("finished_at"),
        status=pl.when(is_over).then("status").otherwise(unfinished_then),
        updated_at=pl.when(is_over).then("finished_at").when(has_begun).then("started_at").otherwise("queued_at"),
    )
    tables = [compute("active_scans", rows, {"as_of": as_of, "window_days": 90}) for rows in (fleet, then)]
    assert tables[0].height > 3
    assert_frame_equal(tables[0], tables[1], check_exact=True)


def test_a_source_that_was_not_read_for_long_is_told_of(compute) -> None:
    """The finish is foreseen from when it was last seen, and may be over: nobody has looked since."""
    case = Path(__file__).with_name("cases") / "active_scans" / "source_not_read"
    rows = pl.read_csv(case / "input.csv", infer_schema=False)
    parameters = {"as_of": datetime(2026, 3, 10, tzinfo=UTC), "window_days": 90}
    (found,) = compute("active_scans", rows, parameters).to_dicts()
    assert found["evidence"].endswith("; judged as of 9 h 55 min ago, when the source was last read")
    assert datetime(2026, 3, 9, 14, 5, tzinfo=UTC) <= found["finish_low_at"] < found["finish_high_at"] < parameters["as_of"]
    assert found["dead_probability"] < 0.5
