"""The tasks on real warehouses: the same run again gives the same tables, and hourly rows do not depend on how samples came in."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flows.settings import ExpertiseSettings
from storage.catalogue import INSIGHTS
from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.active_scans import ACTIVE_SCANS
from tasks.insights.alert_noise import ALERT_NOISE
from tasks.insights.anomalies import ANOMALIES
from tasks.insights.anomaly_scores import ANOMALY_SCORES
from tasks.insights.application_health import APPLICATION_HEALTH
from tasks.insights.book import check_output
from tasks.insights.deployment_metrics import DEPLOYMENT_METRICS
from tasks.insights.deployment_periods import DEPLOYMENT_PERIODS
from tasks.insights.deployment_trends import DEPLOYMENT_TRENDS
from tasks.insights.domain_experts import DOMAIN_EXPERTS
from tasks.insights.domain_owners import DOMAIN_OWNERS
from tasks.insights.expertise_scores import EXPERTISE_SCORES
from tasks.insights.forecasts import FORECASTS
from tasks.insights.hours import choose_window_start
from tasks.insights.metric_correlations import METRIC_CORRELATIONS
from tasks.insights.performance_insights import PERFORMANCE_INSIGHTS
from tasks.insights.scan_limits import SCAN_LIMITS
from tasks.insights.scan_performance import SCAN_PERFORMANCE
from tasks.insights.scan_queues import SCAN_QUEUES
from tasks.insights.system_metrics_hourly import SYSTEM_METRICS_HOURLY
from tasks.insights.user_profiles import USER_PROFILES
from tests.acts import act_rows
from tests.homes import migrated_home
from tests.insights import compute_table

AS_OF = datetime(2026, 3, 10, 12, tzinfo=UTC)
UNFILLED = {
    "insights.alert_noise",
    "insights.anomalies",
    "insights.metric_correlations",
    "insights.scan_queues",
    "insights.scan_limits",
}
"""Four hours of three samples are no anomaly and no correlation, no scan waits and none has a limit; other tests have these tables
with rows."""
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
SCAN_OPTIONS = {"window_days": 90, "queue_bound_seconds": 604_800.0}
TREND_OPTIONS = {"window_days": 90, "gap_seconds": 3600.0, "bound_seconds": 86_400.0}
DEPLOYMENT_OPTIONS = TREND_OPTIONS | {"rework_seconds": 86_400.0, "lead_bound_seconds": 31_536_000.0}


def load(home: Home) -> None:
    with warehouse(home, LIMITS) as con:
        assert load_landing(con, home).rejected == 0


def rows_of(home: Home, sql: str) -> pl.DataFrame:
    with warehouse(home, LIMITS) as con:
        return fetch(con, sql)


def samples(*drawn: tuple[int, float | None]) -> pl.DataFrame:
    """Samples of one series, at seconds from eight o'clock."""
    start = AS_OF - timedelta(hours=4)
    return pl.DataFrame(
        {
            "host": ["h1"] * len(drawn),
            "metric": ["cpu"] * len(drawn),
            "attributes": [""] * len(drawn),
            "observed_at": [start + timedelta(seconds=second) for second, _ in drawn],
            "value": pl.Series([value for _, value in drawn], dtype=pl.Float64),
            "status": ["unreadable" if value is None else "ok" for _, value in drawn],
        }
    )


def deployment(key: str, status: str, started_at: datetime) -> dict[str, Any]:
    return {
        "deployment_id": key,
        "service": "api",
        "version": key,
        "environment": "production",
        "status": status,
        "started_at": started_at,
        "finished_at": started_at + timedelta(minutes=10),
        "updated_at": started_at + timedelta(minutes=10),
    }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = migrated_home(tmp_path)
    hours = [AS_OF - timedelta(hours=hour) for hour in (30, 20, 2)]
    land(home, "deployments", pl.DataFrame([deployment(f"d{i}", "failed", at) for i, at in enumerate(hours)]))
    scan = {"scan_id": "s1", "data_source": "crm", "scan_type": "full", "status": "running", "updated_at": hours[2]}
    land(home, "scans", pl.DataFrame([scan | {"started_at": hours[2]}]))
    land(home, "system_metrics", samples((0, 1.0), (60, None), (3700, 3.0)))
    land(home, "system_metrics", samples((13_000, 0.5)).with_columns(metric=pl.lit("system.memory.utilization")))
    land(
        home,
        "activity",
        act_rows([{"occurred_at": hours[1]}, {"occurred_at": hours[2], "user_id": "bob", "operation": "GET /assets"}]),
    )
    land(home, "owners", pl.DataFrame({"domain": ["sales"], "user_id": ["ann"]}))
    load(home)
    return home


def compute_all(home: Home, as_of: datetime) -> dict[str, pl.DataFrame]:
    root = str(home.root)
    compute_table(DEPLOYMENT_METRICS, root, limits=LIMITS, as_of=as_of, **DEPLOYMENT_OPTIONS)
    compute_table(DEPLOYMENT_PERIODS, root, limits=LIMITS, as_of=as_of)
    compute_table(ACTIVE_SCANS, root, limits=LIMITS, as_of=as_of, **SCAN_OPTIONS)
    compute_table(SCAN_QUEUES, root, limits=LIMITS, as_of=as_of)
    compute_table(SCAN_LIMITS, root, limits=LIMITS, as_of=as_of)
    compute_table(ALERT_NOISE, root, limits=LIMITS, as_of=as_of)
    compute_table(DEPLOYMENT_TRENDS, root, limits=LIMITS, as_of=as_of, **TREND_OPTIONS)
    compute_table(SCAN_PERFORMANCE, root, limits=LIMITS, as_of=as_of, **SCAN_OPTIONS)
    compute_table(EXPERTISE_SCORES, root, limits=LIMITS, as_of=as_of, rules=ExpertiseSettings().rules)
    compute_table(DOMAIN_EXPERTS, root, limits=LIMITS, as_of=as_of)
    compute_table(DOMAIN_OWNERS, root, limits=LIMITS, as_of=as_of)
    compute_table(USER_PROFILES, root, limits=LIMITS, as_of=as_of, bot_pattern="", preferences={"default": {"theme": "light"}})
    compute_table(SYSTEM_METRICS_HOURLY, root, limits=LIMITS, as_of=as_of, window_start=as_of - timedelta(hours=12))
    compute_table(APPLICATION_HEALTH, root, limits=LIMITS, as_of=as_of, window_start=as_of - timedelta(hours=12))
    compute_table(FORECASTS, root, limits=LIMITS, as_of=as_of)
    compute_table(ANOMALY_SCORES, root, limits=LIMITS, as_of=as_of, window_start=as_of - timedelta(hours=12))
    compute_table(ANOMALIES, root, limits=LIMITS, as_of=as_of)
    compute_table(METRIC_CORRELATIONS, root, limits=LIMITS, as_of=as_of)
    compute_table(PERFORMANCE_INSIGHTS, root, limits=LIMITS, as_of=as_of, window_days=90, gap_seconds=3600.0)
    tables = [f"insights.{name}" for name in INSIGHTS] + ["history.deployment_metrics"]
    with warehouse(home, LIMITS) as con:
        return {name: fetch(con, f"SELECT * FROM {name} ORDER BY ALL") for name in tables}


def test_the_same_as_of_again_gives_the_same_tables(home: Home) -> None:
    first, second = compute_all(home, AS_OF), compute_all(home, AS_OF)
    for name, frame in first.items():
        assert (frame.height > 0) == (name not in UNFILLED), name
        assert_frame_equal(second[name], frame, check_exact=True)


def test_an_earlier_as_of_knows_nothing_of_what_came_later(home: Home) -> None:
    tables = compute_all(home, AS_OF - timedelta(hours=10))
    assert tables["insights.deployment_metrics"]["deployments"].to_list() == [2] * 4
    assert tables["insights.active_scans"].is_empty()
    assert tables["insights.system_metrics_hourly"].is_empty()


def test_history_keeps_one_row_set_a_day_and_state_only_the_latest(home: Home) -> None:
    for as_of in (AS_OF - timedelta(days=1), AS_OF - timedelta(hours=1), AS_OF):
        compute_table(DEPLOYMENT_METRICS, str(home.root), limits=LIMITS, as_of=as_of, **DEPLOYMENT_OPTIONS)
    instants = "SELECT DISTINCT as_of FROM {}.deployment_metrics ORDER BY as_of"
    assert rows_of(home, instants.format("insights")).rows() == [(AS_OF,)]
    assert rows_of(home, instants.format("history")).rows() == [(AS_OF - timedelta(days=1),), (AS_OF,)]


def test_every_computation_is_entered_in_the_book(home: Home) -> None:
    compute_all(home, AS_OF)
    book = rows_of(home, "SELECT insight, as_of, rows FROM ops.computations ORDER BY insight")
    assert book.rows() == [
        ("active_scans", AS_OF, 1),
        ("alert_noise", AS_OF, 0),
        ("anomalies", AS_OF, 0),
        ("anomaly_scores", AS_OF, 3),
        ("application_health", AS_OF, 1),
        ("deployment_metrics", AS_OF, 4),
        ("deployment_periods", AS_OF, 8),
        ("deployment_trends", AS_OF, 2),
        ("domain_experts", AS_OF, 2),
        ("domain_owners", AS_OF, 1),
        ("expertise_scores", AS_OF, 4),
        ("forecasts", AS_OF, 1),
        ("metric_correlations", AS_OF, 0),
        ("performance_insights", AS_OF, 1),
        ("scan_limits", AS_OF, 0),
        ("scan_performance", AS_OF, 1),
        ("scan_queues", AS_OF, 0),
        ("system_metrics_hourly", AS_OF, 3),
        ("user_profiles", AS_OF, 2),
    ]


class TestCheckOutput:
    table = INSIGHTS["active_scans"]

    @pytest.fixture
    def rows(self, home: Home) -> pl.DataFrame:
        compute_table(ACTIVE_SCANS, str(home.root), limits=LIMITS, as_of=AS_OF, **SCAN_OPTIONS)
        return rows_of(home, "SELECT * FROM insights.active_scans")

    def test_a_required_value_that_is_null_is_refused(self, rows: pl.DataFrame) -> None:
        broken = rows.with_columns(status=pl.lit(None, pl.String))
        with pytest.raises(GovpulseError, match=r"insights.active_scans: status came out NULL"):
            check_output(self.table, broken)

    def test_a_key_twice_is_refused(self, rows: pl.DataFrame) -> None:
        with pytest.raises(GovpulseError, match=r"insights.active_scans: scan_id, source came out twice"):
            check_output(self.table, pl.concat([rows, rows]))


@pytest.mark.parametrize(
    ("asked", "uncovered", "start"),
    [
        (None, None, AS_OF),
        (None, AS_OF - timedelta(minutes=130), AS_OF - timedelta(hours=3)),
        (None, AS_OF + timedelta(hours=5), AS_OF),
        (AS_OF - timedelta(minutes=30), AS_OF - timedelta(hours=9), AS_OF - timedelta(hours=1)),
    ],
    ids=["nothing new", "oldest new samples", "new samples after as_of", "as asked"],
)
def test_window_starts_at_a_full_hour(asked: datetime | None, uncovered: datetime | None, start: datetime) -> None:
    assert choose_window_start(AS_OF, asked, uncovered) == start


def test_samples_that_come_late_are_counted_in_their_hour(tmp_path: Path) -> None:
    home = migrated_home(tmp_path)
    land(home, "system_metrics", samples((7200, 5.0)))
    load(home)
    compute_table(SYSTEM_METRICS_HOURLY, str(tmp_path), limits=LIMITS, as_of=AS_OF)
    land(home, "system_metrics", samples((10, 1.0), (20, 3.0)))
    load(home)
    result = compute_table(SYSTEM_METRICS_HOURLY, str(tmp_path), limits=LIMITS, as_of=AS_OF + timedelta(minutes=5))
    assert result.window_start == AS_OF - timedelta(hours=4)
    hourly = rows_of(home, "SELECT mean, samples FROM insights.system_metrics_hourly ORDER BY hour_at")
    assert hourly.rows() == [(2.0, 2), (5.0, 1)]


FIGURES = "host, metric, attributes, hour_at, min, mean, max, p95, samples, missing"
files = st.lists(
    st.lists(st.tuples(st.integers(0, 4 * 3600 - 1), st.none() | st.integers(-99, 99).map(float)), min_size=1, max_size=6),
    min_size=1,
    max_size=4,
)
"""Landing files in the order in which they arrive; what they hold may be older or newer than what came before."""
folders = count()


def hourly_after(home: Home, batches: list[list[pl.DataFrame]], instants: list[datetime]) -> pl.DataFrame:
    """The hourly figures after loading each batch of files and computing as of the instant beside it."""
    for batch, as_of in zip(batches, instants, strict=True):
        for frame in batch:
            land(home, "system_metrics", frame)
        load(home)
        compute_table(SYSTEM_METRICS_HOURLY, str(home.root), limits=LIMITS, as_of=as_of)
    return rows_of(home, f"SELECT {FIGURES} FROM insights.system_metrics_hourly ORDER BY ALL")


@given(files, st.lists(st.integers(0, 4 * 3600), min_size=4, max_size=4))
@example([[(0, 1.0)], [(13_000, 2.0)], [(7300, 3.0)]], [3600, 7200, 10_000, 12_000])
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hourly_rows_do_not_depend_on_how_samples_came_in(tmp_path: Path, drawn, seconds) -> None:
    frames = [samples(*rows) for rows in drawn]
    instants = sorted(AS_OF - timedelta(hours=4) + timedelta(seconds=second) for second in seconds[: len(frames) - 1])
    passes = hourly_after(migrated_home(tmp_path / f"{next(folders)}"), [[frame] for frame in frames], [*instants, AS_OF])
    at_once = hourly_after(migrated_home(tmp_path / f"{next(folders)}"), [frames[::-1]], [AS_OF])
    assert_frame_equal(passes, at_once, check_exact=True)


def requests(*drawn: tuple[str, int, str]) -> pl.DataFrame:
    """Acts of one operation: id, seconds from eight o'clock at which they began, and how they stand; what ended took an hour."""
    start = AS_OF - timedelta(hours=4)
    acts = [
        {
            "activity_id": key,
            "operation": "GET /assets",
            "status": status,
            "occurred_at": start + timedelta(seconds=second),
            "duration_seconds": None if status == "running" else 3600.0,
            "updated_at": start + timedelta(seconds=second if status == "running" else second + 3600),
        }
        for key, second, status in drawn
    ]
    return act_rows(acts)


def health_of(home: Home) -> list[tuple[Any, ...]]:
    return rows_of(home, "SELECT hour_at, requests, failed FROM insights.application_health ORDER BY hour_at").rows()


def test_requests_that_come_late_are_counted_in_the_hour_in_which_they_began(tmp_path: Path) -> None:
    """Their rows last changed in a later hour than that."""
    home, eight = migrated_home(tmp_path), AS_OF - timedelta(hours=4)
    land(home, "activity", requests(("a", 2 * 3600, "succeeded")))
    load(home)
    compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF)
    land(home, "activity", requests(("b", 10, "failed"), ("c", 20, "succeeded")))
    load(home)
    result = compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF + timedelta(minutes=5))
    assert result.window_start == eight
    assert health_of(home) == [(eight, 2, 1), (eight + timedelta(hours=2), 1, 0)]


def test_a_request_that_goes_on_is_read_again_without_its_hour_being_computed_again(tmp_path: Path) -> None:
    home, eight = migrated_home(tmp_path), AS_OF - timedelta(hours=4)
    land(home, "activity", requests(("a", 0, "running"), ("b", 60, "succeeded")))
    load(home)
    compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF)
    land(home, "activity", requests(("a", 0, "running")))
    load(home)
    again = compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF + timedelta(minutes=5))
    assert again.window_start == AS_OF
    assert health_of(home) == [(eight, 1, 0)]
    ended = requests(("a", 0, "failed")).with_columns(extracted_at=AS_OF)
    land(home, "activity", ended)
    load(home)
    assert compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF + timedelta(minutes=9)).window_start == eight
    assert health_of(home) == [(eight, 2, 1)]


def test_a_request_that_its_source_deleted_leaves_its_hour(tmp_path: Path) -> None:
    home, eight = migrated_home(tmp_path), AS_OF - timedelta(hours=4)
    rows = requests(("a", 0, "failed"), ("b", 60, "succeeded"))
    land(home, "activity", rows)
    load(home)
    compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF)
    land(home, "activity", rows.head(1).with_columns(is_deleted=True, extracted_at=AS_OF))
    load(home)
    compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF + timedelta(minutes=5))
    assert health_of(home) == [(eight, 1, 0)]


def test_real_requests_drive_out_the_hours_of_the_sample(tmp_path: Path) -> None:
    home = migrated_home(tmp_path)
    land(home, "activity", requests(("a", 0, "succeeded")), metadata={"source": "sample"})
    load(home)
    compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF)
    assert len(health_of(home)) == 1
    land(home, "activity", requests(("b", 3 * 3600, "succeeded")))
    load(home)
    compute_table(APPLICATION_HEALTH, str(tmp_path), limits=LIMITS, as_of=AS_OF)
    assert health_of(home) == [(AS_OF - timedelta(hours=1), 1, 0)]


arrivals = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 4 * 3600 - 1), st.sampled_from(["running", "succeeded", "failed"])),
        min_size=1,
        max_size=5,
        unique_by=lambda drawn: drawn[0],
    ),
    min_size=1,
    max_size=4,
)


@given(arrivals, st.lists(st.integers(0, 4 * 3600), min_size=4, max_size=4))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hours_of_requests_do_not_depend_on_how_they_came_in(tmp_path: Path, drawn, seconds) -> None:
    """Each batch was seen later than the one before; what is seen again began when it did, and what has ended does not go on."""
    began: dict[str, int] = {}
    ended: dict[str, str] = {}
    frames = []
    for number, batch in enumerate(drawn):
        seen = [(key, began.setdefault(key, second), ended.get(key, status)) for key, second, status in batch]
        ended |= {key: status for key, _, status in seen if status != "running"}
        frames.append(requests(*seen).with_columns(extracted_at=AS_OF + timedelta(minutes=number)))
    instants = [*sorted(AS_OF - timedelta(hours=4) + timedelta(seconds=second) for second in seconds[: len(frames) - 1]), AS_OF]
    home, at_once = (migrated_home(tmp_path / f"{next(folders)}") for _ in range(2))
    for frame, as_of in zip(frames, instants, strict=True):
        land(home, "activity", frame)
        load(home)
        compute_table(APPLICATION_HEALTH, str(home.root), limits=LIMITS, as_of=as_of)
    for frame in frames[::-1]:
        land(at_once, "activity", frame)
    load(at_once)
    compute_table(APPLICATION_HEALTH, str(at_once.root), limits=LIMITS, as_of=AS_OF)
    assert health_of(home) == health_of(at_once)
