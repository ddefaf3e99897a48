"""A clock that was wrong for a while and is put right: nothing stays frozen or is lost, and what cannot be right is taken out.

Twins live through the same days beside the same source, one by a clock that is right throughout.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from storage.catalogue import INSIGHTS, TABLES
from storage.clock import reading_at
from storage.frames import fetch, registered
from storage.home import Home
from storage.intake.future import take_back_future
from storage.intake.landing import land
from storage.intake.ledger import last_seen, rejected_keys, uncovered_since, watermarks
from storage.intake.load_result import LoadResult
from storage.intake.loading import load_landing
from storage.transaction import transaction
from storage.write import replace, upsert_rows
from tasks.alerts.engine import conclude, read_alerts
from tasks.alerts.rule import Rule
from tasks.alerts.states import Observation
from tasks.insights.book import Computation, enter
from tasks.insights.findings.joining import as_found, write_findings
from tasks.insights.hours import choose_window_start
from tasks.insights.macros import define_macros
from tasks.insights.system_metrics_hourly import SYSTEM_METRICS_HOURLY
from tasks.runs import land_run, run_row
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import extract_datasets
from tasks.sources.landing_stream import LandingStream
from tasks.sources.progress import Progress, SourceProgress
from tests.homes import migrated_connection
from tests.tasks.sources.test_extraction import Platform

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR, DAY, DECADE = timedelta(hours=1), timedelta(days=1), timedelta(days=3652)
NEVER = timedelta()
FAILING = Rule(
    "failing", "SELECT data_source AS subject, count(*) AS value FROM raw.scans WHERE status = 'failed' GROUP BY ALL", warning=2
)
HOURLY = INSIGHTS["system_metrics_hourly"]
OLD = 1000.0


@dataclass
class Life:
    """A home beside a source, hour by hour."""

    con: object
    home: Home
    source: Platform
    said: list[LoadResult] = field(default_factory=list)

    def past(self, start: datetime, days: int) -> None:
        """Runs of the days before, so that there are books; and an old sample that retention still keeps."""
        rows = [self._run(f"past-{hour}", start - hour * HOUR, start - hour * HOUR) for hour in range(1, 24 * days)]
        upsert_rows(self.con, TABLES["ops.runs"], rows)
        self._land_sample(start - 29 * DAY, OLD)
        self._load(start - HOUR)

    def hour(self, number: int, true: datetime, clock: datetime) -> None:
        """What a pass of govpulse does, by `clock`, in the hour `number` of the source's life."""
        land_run(self.home, self._run(f"run-{number}", clock, clock) | {"status": "running", "finished_at": None})
        self._land_sample(clock, number / 100)
        self._load(clock)
        self._extract(number, true, clock)
        self._load(clock)
        self._compute_hours(clock)
        self._find(number, clock)
        self._alert(clock)
        land_run(self.home, self._run(f"run-{number}", clock, clock + timedelta(minutes=1)))
        self._load(clock + timedelta(minutes=1))

    def _run(self, key: str, started_at: datetime, now: datetime) -> dict:
        return run_row(key, "govpulse_pipeline", started_at, started_at, now, prefect_flow_run_id=None, results={})

    def _land_sample(self, at: datetime, value: float) -> None:
        row = {
            "host": "h",
            "metric": "system.cpu.utilization",
            "attributes": "",
            "unit": "1",
            "observed_at": at,
            "value": value,
            "status": "ok",
        }
        land(self.home, "system_metrics", pl.DataFrame([row]))

    def _load(self, clock: datetime) -> None:
        put_right = take_back_future(self.con, clock, self.home.quarantine)
        self.said.append(LoadResult(put_right=put_right) + load_landing(self.con, self.home, now=clock))

    def _extract(self, number: int, true: datetime, clock: datetime) -> None:
        """The source's own clock is right."""
        at = f"{true:%Y-%m-%d %H:%M:%S}"
        status = "failed" if 6 <= number < 20 else "completed"
        self.source.scan(f"new-{number}", "completed", at, at, at)
        self.source.scan(f"old-{number % 3}", status, at, at, at)
        self.source.scan("odd", "nonsense" if 6 <= number < 9 else "completed", at, at, at)
        marks = watermarks(self.con, "racine")
        keys = tuple(rejected_keys(self.con, "scans", "racine", 10))
        standing = SourceProgress({"scans": Progress(marks.get("scans"), keys)}, last_seen(self.con, "racine"))
        source = Source("racine", Address("sqlite", str(self.source.path)), "racine", "UTC")
        options = {"overlap_seconds": 300.0, "extracted_at": clock, "report": lambda _: None}
        extract_datasets.fn(str(self.home.root), source=source, so_far=standing, **options)
        owners = ["a", *(["b"] if not 6 <= number < 9 else ["c"])]
        with LandingStream(self.home, "owners", "racine", standing.seen_at(clock)) as landing:
            landing.put_listing(iter([pa.table({"domain": ["finance"] * len(owners), "user_id": owners})]))

    def _compute_hours(self, clock: datetime) -> None:
        start = choose_window_start(clock, None, uncovered_since(self.con, HOURLY.name, "system_metrics"))
        define_macros(self.con)
        read_at = reading_at(self.con, clock)
        rows = SYSTEM_METRICS_HOURLY.read(self.con, {"as_of": clock, "window_start": start}).select(HOURLY.column_names)
        with registered(self.con, "computed", rows), transaction(self.con):
            replace(self.con, HOURLY, "computed", (start, clock))
            enter(self.con, Computation(HOURLY.name, clock, start, rows.height, 0.1, read_at))

    def _find(self, number: int, clock: datetime) -> None:
        """`early` lasts until the eighth hour, `late` begins in the sixth, `all` lasts throughout."""
        subjects = ["all", *(["early"] if number < 8 else []), *(["late"] if number >= 6 else [])]
        said = {"kind": "stuck_scan", "severity": "critical", "statement": "s", "recommendation": "r", "evidence": "{}"}
        begun = {"started_at": START - 5 * DAY, "confidence": 0.9, "is_sample": False}
        found = [{"subject": subject, "labels": "{}", **said, **begun} for subject in subjects if clock > START - 5 * DAY]
        with transaction(self.con):
            write_findings(self.con, as_found(found, clock), clock)
            enter(self.con, Computation("performance_insights", clock, None, len(found), 0.1, reading_at(self.con, clock)))

    def _alert(self, clock: datetime) -> None:
        seen = {FAILING.name: [Observation(subject, float(value)) for subject, value in self.rows(FAILING.sql)]}
        conclude(self.con, [FAILING], seen, {}, read_alerts(self.con), {}, clock, "")

    def rows(self, sql: str) -> list[tuple]:
        return fetch(self.con, sql).rows()

    def end(self) -> dict[str, list[tuple]]:
        """What must be as if the clock had been right."""
        return {
            "scans": self.rows("SELECT * EXCLUDE (extracted_at) FROM raw.scans ORDER BY scan_id"),
            "last looks": self.rows("SELECT max(extracted_at) FROM raw.scans UNION ALL SELECT max(extracted_at) FROM raw.owners"),
            "owners": self.rows("SELECT domain, user_id, is_deleted FROM raw.owners ORDER BY ALL"),
            "refused": self.rows("SELECT key FROM ops.rejected_rows ORDER BY ALL"),
            "watermarks": self.rows("SELECT dataset, watermark, read_until FROM ops.watermarks ORDER BY ALL"),
            "alerts": self.rows("SELECT rule, subject, state, severity FROM alerts.alerts ORDER BY ALL"),
            "findings": self.rows("SELECT subject, ended_at IS NULL FROM insights.performance_insights ORDER BY ALL"),
            "runs": self.rows("SELECT run_id, status FROM ops.runs ORDER BY ALL"),
        }

    def samples(self, hours: Iterable[int]) -> list[tuple]:
        """Those of the hours whose samples say so, and of the days before."""
        found = self.rows("SELECT observed_at, value FROM raw.system_metrics ORDER BY ALL")
        return [(at, value) for at, value in found if value in (OLD, *(number / 100 for number in hours))]

    def by_the_hour(self, hours: Iterable[int]) -> list[tuple]:
        found = self.rows(f"SELECT hour_at, * EXCLUDE (hour_at, as_of) FROM {HOURLY.full_name} ORDER BY ALL")
        return [row for row in found if row[0] in {START + number * HOUR for number in hours}]


def live(folder: Path, hours: Sequence[int], step: timedelta, wrong: set[int]) -> tuple[Life, dict[str, list[tuple]]]:
    """The hours, of which those that are `wrong` are lived by a clock that is a step off; and what is there at their end."""
    folder.mkdir()
    with migrated_connection(folder) as con:
        home = Home(folder / "home")
        home.create()
        life = Life(con, home, Platform(folder))
        life.past(START, 4)
        for number in hours:
            true = START + number * HOUR + timedelta(minutes=5)
            life.hour(number, true, true + (step if number in wrong else NEVER))
        right = set(hours) - DOUBTFUL
        return life, life.end() | {"samples": life.samples(right), "hours": life.by_the_hour(right)}


STEPS = {"a day ahead": (DAY, {6, 7}), "ten years ahead": (DECADE, {6}), "a day behind": (-DAY, {6, 7})}
SHORT = (4, 5, 6, 7, 8, 9, 11, 20, 31, 36)


DOUBTFUL = {6, 7, 8, 9, 10}
"""Hours in which some clock of these tests is wrong: what was sampled then is taken out."""


@pytest.fixture(scope="module")
def twin(tmp_path_factory) -> dict[str, list[tuple]]:
    return live(tmp_path_factory.mktemp("twins") / "right", SHORT, NEVER, set())[1]


@pytest.mark.parametrize(
    ("step", "wrong"),
    [pytest.param(*each, id=name, marks=[pytest.mark.campaign] if "ten" in name else []) for name, each in STEPS.items()],
)
def test_some_runs_later_all_is_as_if_the_clock_had_been_right(tmp_path, twin, step, wrong) -> None:
    life, end = live(tmp_path / "stepped", SHORT, step, wrong)
    assert end == twin
    said = "; ".join(map(str, life.said))
    assert ("were corrected" in said) == (step > NEVER)
    assert ("the clock is behind" in said) == (step < NEVER)


def apart_from(end: dict[str, list[tuple]], hours: set[int]) -> dict[str, list[tuple]]:
    """What is there at the end, but for samples of these hours."""
    touched = {START + number * HOUR for number in hours}
    kept = {name: [row for row in end[name] if row[0].replace(minute=0) not in touched] for name in ("samples", "hours")}
    return end | kept


LONG = (*range(2, 30), 54, 78, 79, 102, 126, 127, 150)


@pytest.fixture(scope="module")
def long_twin(tmp_path_factory) -> dict[str, list[tuple]]:
    return live(tmp_path_factory.mktemp("twins") / "long", LONG, NEVER, set())[1]


@pytest.mark.campaign
@pytest.mark.parametrize("length", [1, 3, 5])
@pytest.mark.parametrize("step", [*(sign * HOUR * hours for hours in (1, 2, 4, 12, 24, 100) for sign in (1, -1)), DECADE, -DECADE])
def test_any_step_of_any_length_ends_the_same(tmp_path, long_twin, step, length) -> None:
    """A clock that is off by less than what the books are silent for mixes its samples with those of that hour."""
    wrong = set(range(6, 6 + length))
    _, end = live(tmp_path / "stepped", LONG, step, wrong)
    mixed = {number + step // HOUR for number in wrong}
    assert apart_from(end, mixed) == apart_from(long_twin, mixed)
