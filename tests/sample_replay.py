"""A made-up sample lived through: brought to one instant after the other, extracted and judged at each as the flows do it, and what
was found held against what was built in. For tests and benchmarks."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from sqlite3 import connect

from storage.catalogue import INSIGHTS
from storage.frames import fetch
from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.active_scans import ACTIVE_SCANS
from tasks.insights.application_health import APPLICATION_HEALTH
from tasks.insights.book import Computation, enter
from tasks.insights.deployment_metrics import DEPLOYMENT_METRICS
from tasks.insights.deployment_trends import DEPLOYMENT_TRENDS
from tasks.insights.domain_experts import DOMAIN_EXPERTS
from tasks.insights.expertise_scores import EXPERTISE_SCORES
from tasks.insights.performance_insights import PERFORMANCE_INSIGHTS
from tasks.insights.scan_performance import SCAN_PERFORMANCE
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import read_progress
from tasks.sources.sample.database import SAMPLE_ZONE, advance_sample, write_sample
from tests.insights import compute_table

LIMITS = Limits(lock_timeout_seconds=60.0, threads=1)
FOUND_FROM = (
    DEPLOYMENT_METRICS,
    DEPLOYMENT_TRENDS,
    SCAN_PERFORMANCE,
    ACTIVE_SCANS,
    EXPERTISE_SCORES,
    DOMAIN_EXPERTS,
    APPLICATION_HEALTH,
)
KIND_OF = {
    "stuck_scan": "stuck_scan",
    "stuck_deployment": "stuck_deployment",
    "deployment_failures": "deployment_failures",
    "scan_slowdown": "scan_slowdown",
    "user_left": "expert_left",
    "response_time_degradation": "response_time_degradation",
    "error_rate_rise": "error_rate_rise",
}
"""Which kind of finding tells of which kind of label."""
STANDING = ("knowledge_at_risk",)
"""States that no label tells of: neither right nor wrong."""
GRACE = {
    "stuck_scan": timedelta(hours=12),  # many times as long as a sound one
    "stuck_deployment": timedelta(days=2),  # `insights.duration_bound_seconds` is a day
    "deployment_failures": timedelta(days=14),  # ten or fewer attempts, of which six fail
    "scan_slowdown": timedelta(days=7),  # as many daily medians
    "user_left": timedelta(days=3),  # their record says so after 26 hours
    "response_time_degradation": timedelta(days=3),  # it grows for two days
    "error_rate_rise": timedelta(days=1),
}
"""Labels that begin so shortly before the end are not judged."""
FINDINGS = """
SELECT
    kind, CASE kind WHEN 'deployment_failures' THEN labels ->> 'environment' || ' / ' || subject ELSE subject END AS subject,
    first_found_at, as_of
FROM insights.performance_insights ORDER BY insight_id
"""
AFTER = timedelta(days=1)
"""So long after the end of an incident a finding may still come of it."""


@dataclass(frozen=True)
class Label:
    """An incident that was built in; `subject` as the finding has it, that of a deployment with its environment."""

    kind: str
    subject: str
    started_at: datetime
    finished_at: datetime | None

    def explains(self, finding: "Found") -> bool:
        """Whether the finding came of it: the same kind and subject, found while it lasted or shortly after."""
        ends = self.finished_at + AFTER if self.finished_at else finding.found_at
        return (finding.kind, finding.subject) == (KIND_OF[self.kind], self.subject) and self.started_at <= finding.found_at <= ends


@dataclass(frozen=True)
class Found:
    """A row of insights.performance_insights: the first and the last computation that found it."""

    kind: str
    subject: str
    found_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Replayed:
    """What was built in and what was found from `first` to `until`."""

    labels: tuple[Label, ...]
    findings: tuple[Found, ...]
    first: datetime
    until: datetime

    @property
    def weeks(self) -> float:
        return (self.until - self.first) / timedelta(weeks=1)

    def judged(self) -> list[Label]:
        """The labels that could be found: neither over before the first computation nor begun shortly before the last."""
        return [
            label
            for label in self.labels
            if label.started_at <= self.until - GRACE[label.kind] and (label.finished_at or self.until) > self.first
        ]

    def found_of(self, label: Label) -> Found | None:
        """The first finding that came of the label."""
        return min((each for each in self.findings if label.explains(each)), key=lambda each: each.found_at, default=None)

    def false(self) -> list[Found]:
        """The findings that no label explains."""
        judged = (each for each in self.findings if each.kind not in STANDING)
        return [each for each in judged if not any(label.explains(each) for label in self.labels)]


def replay(home: Home, *, seed: int, until: datetime, days: int, looks: Sequence[datetime], scale: float = 1.0) -> Replayed:
    """Write the sample up to the first look, then bring it to each; extract, load and compute there.

    Args:
        looks: ascending, the last of them `until`.
    """
    start = until - timedelta(days=days)
    write_sample(home.sample, until=looks[0], seed=seed, days=days, scale=scale, start=start)
    for look in looks:
        advance_sample(home.sample, until=look)
        _extract(home, look)
        _compute(home, look)
    return Replayed(tuple(read_labels(home)), tuple(_findings(home)), looks[0], until)


def looks_between(first: datetime, until: datetime, every: timedelta) -> list[datetime]:
    """`until` and every so long before it, back to `first`; ascending."""
    return [until - number * every for number in range((until - first) // every + 1)][::-1]


def _extract(home: Home, now: datetime) -> None:
    root, source = str(home.root), Source("sample", Address("sqlite", str(home.sample)), "racine", SAMPLE_ZONE)
    standing = read_progress.fn(root, limits=LIMITS, source=source.name)
    extraction = extract_datasets.fn(
        root, source=source, so_far=standing, overlap_seconds=300.0, extracted_at=now, report=lambda *_: None
    )
    assert not extraction.failures, extraction.failures
    with warehouse(home, LIMITS) as con:
        load_landing(con, home)


def _compute(home: Home, as_of: datetime) -> None:
    """What the findings are read from, and the findings, with the shipped settings."""
    for insight in FOUND_FROM:
        compute_table(insight, str(home.root), as_of=as_of, limits=LIMITS)
    _enter_rest(home, as_of)
    compute_table(PERFORMANCE_INSIGHTS, str(home.root), as_of=as_of, limits=LIMITS)


def _enter_rest(home: Home, as_of: datetime) -> None:
    """Enter as computed what else the findings are read from: it is made of samples of hosts, of which there are none."""
    with warehouse(home, LIMITS) as con:
        known = fetch(con, "SELECT insight FROM ops.computations WHERE as_of = $as_of", {"as_of": as_of})["insight"].to_list()
        for name in INSIGHTS["performance_insights"].inputs:
            if name not in known:
                enter(con, Computation(name, as_of, None, 0, 0.0, as_of))


def read_labels(home: Home) -> Iterator[Label]:
    """What was built in, up to where the sample is; the incidents of deployments are in production."""
    with closing(connect(home.sample)) as database:
        rows = database.execute("SELECT kind, subject, started_at, finished_at FROM sample_labels ORDER BY incident").fetchall()
    for kind, subject, started_at, finished_at in rows:
        place = f"production / {subject}" if kind == "deployment_failures" else subject
        yield Label(kind, place, _instant(started_at), _instant(finished_at) if finished_at else None)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _findings(home: Home) -> Iterator[Found]:
    with warehouse(home, LIMITS) as con:
        rows = fetch(con, FINDINGS)
        for row in rows.iter_rows():
            yield Found(*row)
