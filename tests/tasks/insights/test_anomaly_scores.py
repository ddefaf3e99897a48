"""The task on real warehouses: hosts that are sampled every five minutes, three metrics each, and what came of them."""

import shutil
from collections.abc import Callable
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

DAY_3 = datetime(2026, 3, 3, tzinfo=UTC)
STEP = timedelta(minutes=5)
A_DAY = 288
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
INCIDENT = slice(2 * A_DAY + 30, 2 * A_DAY + 36)
"""Half past two to three o'clock on the third day."""


def values(seed: int = 1) -> dict[str, np.ndarray]:
    """Two days and a half; cpu and io leave what is usual in the incident."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.normal(10, 1, 2 * A_DAY + A_DAY // 2) for name in ("cpu", "io", "net")}
    drawn["cpu"][INCIDENT] += 15
    drawn["io"][INCIDENT] -= 40
    return drawn


def samples(drawn: dict[str, np.ndarray], host: str = "h1", start: datetime = DAY_3 - timedelta(days=2)) -> pl.DataFrame:
    """A sample every five minutes from `start` on; NaN is no sample."""
    series = [
        pl.DataFrame({"observed_at": [start + i * STEP for i in range(len(each))], "value": each}).with_columns(metric=pl.lit(name))
        for name, each in drawn.items()
    ]
    return pl.concat(series).filter(pl.col("value").is_not_nan()).with_columns(host=pl.lit(host), attributes=pl.lit("unit=a"))


def put(home: Home, *frames: pl.DataFrame) -> None:
    with warehouse(home, LIMITS) as con:
        for frame in frames:
            with registered(con, "given", frame.with_columns(status=pl.lit("ok"))):
                con.execute("INSERT INTO raw.system_metrics BY NAME SELECT * FROM given")


def judge(home: Home, as_of: datetime = DAY_3 + timedelta(hours=4), start: datetime | None = DAY_3) -> pl.DataFrame:
    for insight in (SYSTEM_METRICS_HOURLY, ANOMALY_SCORES):
        compute_table(insight, str(home.root), limits=LIMITS, as_of=as_of, window_start=start)
    return rows(home, "insights.anomaly_scores")


def rows(home: Home, table: str) -> pl.DataFrame:
    with warehouse(home, LIMITS) as con:
        return fetch(con, f"SELECT * FROM {table} ORDER BY ALL")


def figures(scored: pl.DataFrame) -> pl.DataFrame:
    return scored.drop("as_of").sort("host", "observed_at")


@pytest.fixture(scope="module")
def judged_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """To be copied: a host whose model was trained and whose hours were scored."""
    home = migrated_home(tmp_path_factory.mktemp("judged"))
    put(home, samples(values()))
    judge(home)
    return home


@pytest.fixture
def judged(home: Home, judged_home: Home) -> pl.DataFrame:
    """What was scored, in a home of the test's own."""
    shutil.copytree(judged_home.root, home.root, dirs_exist_ok=True)
    return rows(home, "insights.anomaly_scores")


def test_every_sample_is_scored_and_the_incident_is_found_with_the_guilty_named(judged: pl.DataFrame) -> None:
    assert judged["observed_at"].to_list() == [DAY_3 + i * STEP for i in range(48)]
    anomalous = judged.filter("is_anomalous")
    assert anomalous["observed_at"].min() in (DAY_3 + 30 * STEP, DAY_3 + 31 * STEP)
    worst = judged.filter(pl.col("observed_at") == DAY_3 + 32 * STEP)["top_metrics"].str.json_decode(
        pl.List(pl.Struct({"metric": pl.String, "attributes": pl.String, "contribution": pl.Float64}))
    )[0]
    assert [each["metric"] for each in worst[:2]] == ["io", "cpu"]
    assert worst[0]["attributes"] == "unit=a"
    assert (
        judged.filter(pl.col("score") < pl.col("threshold"))["top_metrics"].null_count()
        == judged.filter(pl.col("score") < pl.col("threshold")).height
    )


def test_rows_say_what_they_rest_on(judged: pl.DataFrame) -> None:
    (said,) = judged.select("strands", "trained_until", "history_minutes", "metrics", "coverage").unique().rows()
    assert said == ("forest,recent,unrest,z", DAY_3, 2 * 1440, 3, 1.0)


def test_the_same_again_is_the_same_with_the_model_that_lies_there_and_without(home: Home, judged: pl.DataFrame) -> None:
    model = rows(home, "ops.anomaly_models")
    assert_frame_equal(judge(home), judged)
    assert_frame_equal(rows(home, "ops.anomaly_models"), model)
    (file,) = home.models.iterdir()
    file.unlink()
    assert_frame_equal(judge(home), judged)
    assert rows(home, "ops.anomaly_models")["trained_at"][0] > model["trained_at"][0]
    assert rows(home, "ops.anomaly_models")["sha256"][0] == model["sha256"][0]


def test_a_foreign_file_in_the_place_of_a_model_is_not_opened(home: Home, judged: pl.DataFrame, tmp_path: Path) -> None:
    (file,) = home.models.iterdir()
    trap = tmp_path / "sprung"
    file.write_bytes(b"cos\nsystem\n(S'touch " + str(trap).encode() + b"'\ntR.")
    assert_frame_equal(judge(home), judged)
    assert not trap.exists()


def test_hours_one_by_one_end_in_the_same_scores_as_all_at_once(home: Home, judged: pl.DataFrame) -> None:
    for hour in range(4):
        judge(home, DAY_3 + timedelta(hours=hour + 1), DAY_3 + timedelta(hours=hour))
    assert_frame_equal(figures(rows(home, "insights.anomaly_scores")), figures(judged))


def test_the_order_of_arrival_does_not_matter(home: Home, tmp_path: Path, judged: pl.DataFrame) -> None:
    other = migrated_home(tmp_path / "other")
    put(other, *samples(values()).sample(fraction=1, shuffle=True, seed=5).iter_slices(700))
    assert_frame_equal(judge(other), judged)


def test_hosts_do_not_know_of_each_other(home: Home, judged: pl.DataFrame) -> None:
    put(home, samples(values(2), "h0"), samples(values(3), "h2"))
    both = judge(home)
    assert_frame_equal(both.filter(host="h1"), judged)
    assert sorted(both["host"].unique()) == ["h0", "h1", "h2"]


def test_the_next_day_has_a_model_of_its_own_and_its_hours_share_it(home: Home) -> None:
    drawn = {name: np.concatenate([each, each[:A_DAY]]) for name, each in values().items()}
    put(home, samples(drawn))
    day_4 = DAY_3 + timedelta(days=1)
    judge(home)
    judge(home, day_4 + timedelta(hours=1), day_4)
    trained = rows(home, "ops.anomaly_models")
    judge(home, day_4 + timedelta(hours=2), day_4 + timedelta(hours=1))
    assert_frame_equal(rows(home, "ops.anomaly_models"), trained)
    assert rows(home, "insights.anomaly_scores")["trained_until"].unique().sort().to_list() == [DAY_3, day_4]


def test_a_host_known_for_less_than_a_day_has_the_z_score_alone_and_under_sixty_readings_nothing(home: Home) -> None:
    put(home, samples({"cpu": values()["cpu"][:200]}, start=DAY_3))
    early = judge(home, DAY_3 + timedelta(hours=5), DAY_3 + timedelta(hours=4))
    assert early["no_score_reason"].to_list() == ["too_little_history"] * 12
    assert early["score"].null_count() == 12
    assert early["history_minutes"].unique().to_list() == [240]
    assert not early["is_anomalous"].any()
    late = judge(home, DAY_3 + timedelta(hours=7), DAY_3 + timedelta(hours=6)).tail(12)
    assert late["strands"].unique().to_list() == ["z"]
    assert late["score"].null_count() == 0
    assert late["trained_until"].unique().to_list() == [DAY_3 + timedelta(hours=6)]


def _gap(drawn: dict[str, np.ndarray]) -> None:
    for each in drawn.values():
        each[2 * A_DAY + 10 : 2 * A_DAY + 20] = np.nan


def _absent_metric(drawn: dict[str, np.ndarray]) -> None:
    drawn["net"][2 * A_DAY :] = np.nan


def _constant(drawn: dict[str, np.ndarray]) -> None:
    drawn["limit"] = np.full_like(drawn["cpu"], 8.0)


def _infinite(drawn: dict[str, np.ndarray]) -> None:
    drawn["net"][2 * A_DAY + 5] = np.inf


def _counter(drawn: dict[str, np.ndarray]) -> None:
    """Bytes since boot: the host boots at one o'clock, and they begin at nothing."""
    counted = np.cumsum(np.random.default_rng(4).uniform(9e8, 11e8, len(drawn["cpu"])))
    counted[2 * A_DAY + 12 :] -= counted[2 * A_DAY + 11]
    drawn["bytes"] = counted


@pytest.mark.parametrize(
    ("mess", "scored", "coverage"),
    [(_gap, 38, 1.0), (_absent_metric, 48, 2 / 3), (_constant, 48, 1.0), (_infinite, 48, 2 / 3), (_counter, 48, 1.0)],
    ids=["gap", "a metric vanishes", "constant", "infinite", "counter that is reset"],
)
def test_messes_are_no_anomalies(home: Home, mess: Callable[[dict], None], scored: int, coverage: float) -> None:
    drawn = values()
    mess(drawn)
    put(home, samples(drawn))
    found = judge(home)
    before = found.filter(pl.col("observed_at") < DAY_3 + 30 * STEP)
    assert found.height == scored
    assert found["coverage"].min() == pytest.approx(coverage)
    assert not before["is_anomalous"].any(), before.filter("is_anomalous")
    assert found["is_anomalous"].any()


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_by_an_hour_bears_no_anomaly(home: Home, hours: int) -> None:
    late = pl.col("observed_at") >= DAY_3 + timedelta(hours=1)
    jumped = samples(values()).with_columns(
        pl.col("observed_at") + pl.when(late).then(timedelta(hours=hours)).otherwise(timedelta())
    )
    put(home, jumped.unique(["metric", "observed_at"], keep="first"))
    found = judge(home, DAY_3 + timedelta(hours=2 + min(hours, 0), minutes=25))
    assert not found["is_anomalous"].any()


def test_a_host_that_appears_and_one_that_vanishes_and_one_with_a_single_sample(home: Home) -> None:
    drawn = values()
    put(home, samples({"cpu": drawn["cpu"][: 2 * A_DAY + 12]}, "gone"), samples({"cpu": drawn["cpu"][:24]}, "new", DAY_3))
    put(home, samples({"cpu": drawn["cpu"][:1]}, "once", DAY_3 + timedelta(hours=2)))
    found = judge(home)
    assert found.group_by("host").len().sort("host").rows() == [("gone", 12), ("new", 24), ("once", 1)]
    assert not found["is_anomalous"].any()
    assert found.filter(pl.col("host") != "gone")["no_score_reason"].unique().to_list() == ["too_little_history"]


def test_nobody_sampled_is_nobody_judged(home: Home) -> None:
    assert judge(home).is_empty()
    compute_table(ANOMALIES, str(home.root), limits=LIMITS, as_of=DAY_3 + timedelta(hours=4))
    assert rows(home, "insights.anomalies").is_empty()


def test_without_being_asked_it_looks_back_two_days_and_takes_older_rows_as_seen(home: Home) -> None:
    put(home, samples(values()))
    with warehouse(home, LIMITS) as con:
        con.execute(
            "INSERT INTO ops.loads (file, dataset, status, rows, first_at, last_at, loaded_at) VALUES"
            " ('f', 'system_metrics', 'loaded', 1, ?, ?, now() - INTERVAL 1 MINUTE)",
            [DAY_3 - timedelta(days=2), DAY_3 + timedelta(hours=12)],
        )
    as_of = DAY_3 + timedelta(hours=12, minutes=1)
    assert judge(home, as_of, None)["observed_at"].min() == DAY_3 - timedelta(hours=36)
    with warehouse(home, LIMITS) as con:
        con.execute("DELETE FROM insights.anomaly_scores")
    assert judge(home, as_of + timedelta(minutes=1), None).is_empty()  # the hour of as_of has no samples


def test_episodes_are_what_the_scores_say_hour_by_hour_or_at_once(home: Home, judged: pl.DataFrame) -> None:
    end = DAY_3 + timedelta(hours=4)
    compute_table(ANOMALIES, str(home.root), limits=LIMITS, as_of=end)
    whole = rows(home, "insights.anomalies").drop("as_of", "is_ongoing")
    (episode,) = whole.filter(pl.col("started_at") >= DAY_3 + 30 * STEP).rows(named=True)
    at_peak = judged.filter(pl.col("score") == judged["score"].max())
    assert episode["peak"] == judged["score"].max()
    assert episode["peak_at"] == at_peak["observed_at"].min()
    assert episode["severity"] == ("critical" if episode["peak"] >= 2 * episode["threshold"] else "warning")
    assert episode["top_metrics"].startswith('[{"metric":"io"')
    with warehouse(home, LIMITS) as con:
        con.execute("DELETE FROM insights.anomalies")
    for minutes in (*range(45, 240, 30), 240):  # ends within the incident, too
        as_of = DAY_3 + timedelta(minutes=minutes)
        judge(home, as_of, max(as_of.replace(minute=0) - timedelta(hours=1), DAY_3))
        compute_table(ANOMALIES, str(home.root), limits=LIMITS, as_of=as_of)
    assert_frame_equal(rows(home, "insights.anomalies").drop("as_of", "is_ongoing"), whole)
