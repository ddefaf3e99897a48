"""A home that lives: hosts are sampled, the platform goes on, people act, and the flows run in the order of prefect.yaml."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl

import flows.warehouse_steps
from benchmarks.soaking.hosts import Hosts
from benchmarks.soaking.record import Meter
from benchmarks.soaking.without_prefect import Clock
from flows.alerts import evaluate_alerts
from flows.cli.load import load_files
from flows.forgetting import forget_everywhere
from flows.insights import compute_insights
from flows.maintenance import maintain_warehouse
from flows.reconciliation import reconcile_sources
from flows.report import RunFailedError
from flows.run import Run
from flows.settings import load_settings
from flows.sources import extract_sources
from storage.home import Home
from storage.intake.landing import land
from storage.warehouse import warehouse
from tasks.silences import add_silence, end_silence, new_ack, new_silence, parse_matchers, read_all_silences
from tasks.sources.sample.database import SAMPLE_ZONE, advance_sample, write_sample

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
PAST_DAYS = 14
"""Of the platform, before the first day."""
LANDED_EVERY = 4
"""Hours."""
EVALUATED_AT = (12, 20)
"""On one day while a filesystem is full, on the next when it is not any more."""
COMPUTED_EVERY = 5
"""Days."""
RETENTION = {"SYSTEM_METRICS_DAYS": 15, "HOURLY_DAYS": 20, "INSIGHTS_DAYS": 20, "OPS_DAYS": 20}
"""In proportion some 30, 90 and 400 days: shorter, so that each has acted for long when half of the days are over."""


@dataclass
class Life:
    """A home, its platform and its hosts, and what went wrong."""

    folder: Path
    hosts: Hosts
    clock: Clock
    scale: float
    meter: Meter = field(default_factory=Meter)
    problems: list[str] = field(default_factory=list)

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")

    @property
    def elsewhere(self) -> Path:
        return self.folder / "elsewhere"

    @property
    def platform(self) -> Path:
        return self.folder / "platform.sqlite"

    def environment(self) -> dict[str, str]:
        """The settings of this home, as variables."""
        source = {"KIND": "sqlite", "URL": str(self.platform), "TIMEZONE": SAMPLE_ZONE, "NAME": "racine"}
        found = {f"GOVPULSE_SOURCE__{name}": value for name, value in source.items()}
        found |= {f"GOVPULSE_RETENTION__{name}": str(days) for name, days in RETENTION.items()}
        found |= {"GOVPULSE_WAREHOUSE__THREADS": "1"}
        return found | {"GOVPULSE_HOME": str(self.home.root), "GOVPULSE_BACKUPS__TO": str(self.elsewhere)}

    def begin(self) -> None:
        self.elsewhere.mkdir()
        write_sample(self.platform, until=START, days=PAST_DAYS, scale=self.scale)

    def day(self, number: int) -> None:
        """One day, hour by hour; said on the console is what the console channel says."""
        with (
            (self.folder / "said.txt").open("a") as said,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
            patch.dict(os.environ, self.environment()),
            patch.object(Run, "step", self.meter.measured(Run.step)),
        ):
            for hour in range(24):
                self._hour(number, hour)

    def _hour(self, number: int, hour: int) -> None:
        start = START + number * DAY + hour * HOUR
        if hour % LANDED_EVERY == 0:
            self._at(start, "land", lambda: self._land(start))
        if hour == 2 and number % COMPUTED_EVERY == 1:
            self._platform(start)
        if hour == 3:
            self._run(start + 30 * MINUTE, maintain_warehouse, publishes=True)
        if hour == 11:
            self._people(number, start + 20 * MINUTE)
        if hour == EVALUATED_AT[number % 2]:
            self._run(start + 7 * MINUTE, evaluate_alerts)

    def _land(self, until: datetime) -> None:
        land(self.home, "system_metrics", self.hosts.samples(until - LANDED_EVERY * HOUR, until))

    def _platform(self, start: datetime) -> None:
        """What has come of it since is read, compared, and computed with."""
        advance_sample(self.platform, until=start + 3 * MINUTE)
        self._run(start + 3 * MINUTE, extract_sources)
        self._run(start + 5 * MINUTE, compute_insights, publishes=True)
        self._run(start + 40 * MINUTE, reconcile_sources)

    def _people(self, number: int, at: datetime) -> None:
        """A silence on every day, an ack and an end of a silence on every other one, a load by hand on every fifth, and on every
        tenth somebody is forgotten."""
        self._at(at, "silence", lambda: self._silence(at))
        if number % 2:
            self._at(at + MINUTE, "ack", lambda: self._ack(at + MINUTE))
        if number % 5 == 1:
            self._at(at + 2 * MINUTE, "load by hand", lambda: self._load_by_hand(at))
        if number % 10 == 1:
            self._at(at + 4 * MINUTE, "forget", self._forget)

    def _run(self, at: datetime, flow: Any, *, publishes: bool = False) -> None:
        """One run of a flow. What it would publish waits for one that does, unless it is that."""
        publish = flows.warehouse_steps.publish_tables if publishes else lambda *_, **__: None
        self.clock.put(at)
        try:
            with patch.object(flows.warehouse_steps, "publish_tables", publish):
                flow.fn()
        except RunFailedError as error:
            self.problems.append(f"{at:%Y-%m-%d %H:%M} {flow.fn.__name__}: {error}")

    def _at(self, at: datetime, name: str, action: Callable[[], Any]) -> None:
        self.clock.put(at)
        with self.meter.timed(name):
            action()

    def _silence(self, at: datetime) -> None:
        made = new_silence(parse_matchers([f"subject=host-{at.day % self.hosts.count}"]), "ann", "work", at, at + 6 * HOUR, at)
        settings = load_settings()
        with warehouse(settings.folder, settings.limits) as con:
            add_silence(con, made)

    def _ack(self, at: datetime) -> None:
        settings = load_settings()
        with warehouse(settings.folder, settings.limits) as con:
            found = con.sql("SELECT fingerprint, episode FROM alerts.alerts WHERE state = 'firing' ORDER BY ALL LIMIT 1").fetchall()
            for fingerprint, episode in found:
                add_silence(con, new_ack(fingerprint, episode, "ann", "seen", at))
            end_silence(con, read_all_silences(con)[-1].silence_id, "ann", at)

    def _load_by_hand(self, at: datetime) -> None:
        """Incidents, and among them a line that is none."""
        instants = [f"{at - DAY * ago:%Y-%m-%dT%H:%M:%SZ}" for ago in range(1, 6)]
        rows = {"incident_id": [f"i-{instant}" for instant in instants], "service": "billing", "severity": "high"}
        path = self.folder / "incidents.csv"
        opened = pl.Series("opened_at", [*instants[:-1], "nonsense"])
        pl.DataFrame(rows).with_columns(opened, pl.Series("updated_at", instants)).write_csv(path)
        load_files(load_settings(), "incidents", [path])

    def _forget(self) -> None:
        """The person of whom least is known; their rows are read again by the next extraction, and left out."""
        settings = load_settings()
        with warehouse(settings.folder, settings.limits) as con:
            found = con.sql("SELECT user_id FROM raw.activity GROUP BY ALL ORDER BY count(*), user_id LIMIT 1").fetchall()
        for (user,) in found:
            done = forget_everywhere(settings, user, hashes_ids=False)
            self.problems += [f"forgetting: {problem}" for problem in done.problems]
