"""The calendar on a real warehouse: a host that is sampled every five minutes, with a job each night, and an incident."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from storage.frames import fetch, registered
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.anomalies import ANOMALIES
from tasks.insights.anomaly_scores import ANOMALY_SCORES
from tasks.insights.system_metrics_hourly import SYSTEM_METRICS_HOURLY
from tests.homes import migrated_home
from tests.insights import compute_table

DAY_0, A_DAY, JOB = datetime(2026, 3, 3, tzinfo=UTC), 288, 27
"""The job begins at 02:15, up to ten minutes earlier or later."""
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NAMES = ("cpu", "io", "net", "mem")


def drawn(days: int, nights: Iterable[int]) -> np.ndarray:
    rng = np.random.default_rng(5)
    values = rng.normal(10, 1, (4, days * A_DAY))
    for night in nights:
        start = night * A_DAY + JOB + int(rng.integers(-2, 3))
        values[:2, start : start + 5] += 25
    return values


def at(values: np.ndarray, metric: str, day: int, first: int, steps: int, size: float) -> None:
    values[NAMES.index(metric), day * A_DAY + first : day * A_DAY + first + steps] += size


def put(home: Home, values: np.ndarray) -> None:
    instants = [DAY_0 + timedelta(minutes=5 * step) for step in range(values.shape[1])]
    frame = pl.concat(
        pl.DataFrame({"observed_at": instants, "value": row, "metric": name}) for name, row in zip(NAMES, values, strict=True)
    )
    with warehouse(home, LIMITS) as con, registered(con, "given", frame.with_columns(host=pl.lit("h1"), attributes=pl.lit(""))):
        con.execute("INSERT INTO raw.system_metrics BY NAME SELECT *, 'ok' AS status FROM given")


def judge(home: Home, as_of: datetime, start: datetime) -> pl.DataFrame:
    compute_table(SYSTEM_METRICS_HOURLY, str(home.root), limits=LIMITS, as_of=as_of, window_start=DAY_0)
    compute_table(ANOMALY_SCORES, str(home.root), limits=LIMITS, as_of=as_of, window_start=start)
    compute_table(ANOMALIES, str(home.root), limits=LIMITS, as_of=as_of)
    with warehouse(home, LIMITS) as con:
        return fetch(con, "SELECT * FROM insights.anomalies ORDER BY started_at")


def night(day: int, hours: float) -> datetime:
    return DAY_0 + timedelta(days=day, hours=hours)


@pytest.mark.parametrize(("nights", "is_usual"), [((0, 1, 2, 3), False), ((0, 1, 2, 3, 4), True)], ids=["second", "third"])
def test_a_job_is_usual_after_three_nights(home: Home, nights: tuple[int, ...], is_usual: bool) -> None:
    first = 0 if is_usual else 2
    put(home, drawn(len(nights), nights[first:]))
    (found,) = judge(home, night(len(nights) - 1, 4), night(len(nights) - 1, 0)).rows(named=True)
    assert found["is_usual"] == is_usual
    assert (found["severity"] == "note") == is_usual
    said = found["usual_because"]
    assert (said or "").startswith("came on each of the last 4 days at about 02:") if is_usual else said is None


@pytest.mark.parametrize(
    ("metric", "first", "size"),
    [("mem", JOB + 1, 25.0), ("io", JOB + 1, 80.0), ("cpu", JOB + 90, 25.0)],
    ids=["another metric within the job", "much larger than the job", "as large, seven hours later"],
)
def test_an_incident_beside_the_job_is_no_job(home: Home, metric: str, first: int, size: float) -> None:
    values = drawn(6, range(6))
    at(values, metric, 5, first, 5, size)
    put(home, values)
    found = judge(home, night(5, 12), night(5, 0)).filter(~pl.col("is_usual"))
    assert (
        found.filter(pl.col("started_at") <= night(5, (first + 5) / 12), pl.col("ended_at") >= night(5, first / 12))["top_metrics"]
        .str.contains(f'"{metric}"')
        .any()
    )


def test_hours_one_by_one_and_once_more_end_in_what_all_at_once_gives(home: Home, tmp_path: Path) -> None:
    values = drawn(6, range(6))
    at(values, "mem", 5, JOB + 2, 5, 25.0)
    put(home, values)
    whole = judge(home, night(5, 5), night(5, 0))
    assert set(whole["is_usual"]) == {True, False}
    other = migrated_home(tmp_path / "other")
    put(other, values)
    for hour in (1, 2, 3, 3, 4, 5):
        hourly = judge(other, night(5, hour), night(5, hour - 1))
    assert_frame_equal(hourly.drop("as_of", "is_ongoing"), whole.drop("as_of", "is_ongoing"))


def test_a_change_of_no_practical_size_is_a_note(home: Home) -> None:
    def severity(to: float) -> set[str]:
        values = drawn(4, ())
        values[3] = 200.0
        values[3, 3 * A_DAY + 20 : 3 * A_DAY + 32] = to
        put(home, values)
        return set(judge(home, night(3, 4), night(3, 0))["severity"])

    assert severity(205.0) == {"note"}
    with warehouse(home, LIMITS) as con:
        con.execute("DELETE FROM raw.system_metrics")
    assert severity(300.0) & {"warning", "critical"}
