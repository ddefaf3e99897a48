"""The attempts to deploy one version: queued, run, failed, tried again, and now and then taken back."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.sources.sample.incidents import Incident
from tasks.sources.sample.organisation import DataSource
from tasks.sources.sample.world import HOUR, MINUTE, SECOND, server_hour

FAILING = 0.05
_MOST_ATTEMPTS = 3
_RETRIED, _TAKEN_BACK, _ABANDONED, _INVERTED = 0.75, 0.035, 0.004, 0.004
_OPENS, _CLOSES = 7.0, 20.0
"""Office hours of the server. Nothing is deployed at night, so no local time falls into the hour that summer time repeats."""
_ERRORS = ("health check failed", "migration timed out", "image not found", "quota exceeded")
_AUTHORS = ("ci-pipeline", "system", "nightly-release", "someone@sample.invalid")


@dataclass(frozen=True)
class Attempt:
    """One row of version_deployments.

    Attributes:
        started_at: None for one that nobody ever starts.
        ended_at: None for one that never ends.
        is_inverted: its row says that it was completed before it started.
        word_chance: decides the case of its words.
    """

    kind: str
    requested_at: int
    started_at: int | None
    ended_at: int | None
    is_success: bool
    deployed_by: str
    error: str | None
    word_chance: float
    is_inverted: bool


def attempt_release(
    source: DataSource, kind: str, due: int, author: str, incidents: tuple[Incident, ...], draw: np.random.Generator
) -> tuple[Attempt, ...]:
    """Every attempt to deploy a version of `source` that is due at an instant, in order."""
    return tuple(_attempts(source, kind, due, author, incidents, draw))


def _attempts(
    source: DataSource, kind: str, due: int, author: str, incidents: tuple[Incident, ...], draw: np.random.Generator
) -> Iterator[Attempt]:
    for _ in range(_MOST_ATTEMPTS):
        due = _in_office_hours(due, draw)
        attempt = _attempt(source, kind, due, author, _failing(source, due, incidents), draw)
        yield attempt
        if attempt.ended_at is None:
            return
        if attempt.is_success:
            yield from _rollback(source, attempt.ended_at, draw)
            return
        if draw.random() > _RETRIED:
            return
        due = attempt.ended_at + int(draw.integers(10 * MINUTE, 2 * HOUR))


def _rollback(source: DataSource, deployed_at: int, draw: np.random.Generator) -> Iterator[Attempt]:
    if draw.random() < _TAKEN_BACK:
        due = _in_office_hours(deployed_at + int(draw.integers(20 * MINUTE, 5 * HOUR)), draw)
        yield _attempt(source, "rollback", due, _author("system", draw), 0.02, draw)


def _failing(source: DataSource, instant: int, incidents: tuple[Incident, ...]) -> float:
    held = (each for each in incidents if each.kind == "deployment_failures" and each.data_source_id == source.id)
    return next((each.strength for each in held if each.holds(instant)), FAILING)


def _in_office_hours(instant: int, draw: np.random.Generator) -> int:
    """The instant itself, or some time in the next morning."""
    hour = server_hour(instant)
    if _OPENS <= hour < _CLOSES:
        return instant
    wait = (_OPENS + 1.5 - hour) % 24
    return instant + int(wait * HOUR) + int(draw.integers(90 * MINUTE))


def _attempt(source: DataSource, kind: str, due: int, author: str, failing: float, draw: np.random.Generator) -> Attempt:
    queued = int(np.clip(40 * SECOND * np.exp(0.9 * draw.standard_normal()), 2 * SECOND, HOUR))
    median = (4 + source.id % 5) * MINUTE
    lasting = int(np.clip(median * np.exp(0.35 * draw.standard_normal()), 20 * SECOND, 2 * HOUR))
    is_success = bool(draw.random() >= failing)
    lasting = lasting if is_success else int(lasting * draw.uniform(0.3, 1.6))
    chances = draw.random(5).tolist()
    is_abandoned, is_started = chances[0] < _ABANDONED, not (chances[0] < _ABANDONED / 3)
    return Attempt(
        kind=kind,
        requested_at=due,
        started_at=due + queued if is_started else None,
        ended_at=None if is_abandoned else due + queued + lasting,
        is_success=is_success and not is_abandoned,
        deployed_by=_author(author, draw),
        error=None if is_success else _ERRORS[int(chances[1] * len(_ERRORS))],
        word_chance=chances[2],
        is_inverted=not is_abandoned and chances[3] < _INVERTED,
    )


def _author(author: str, draw: np.random.Generator) -> str:
    """Whoever made the version, or whatever somebody typed."""
    choice = int(draw.choice(5, p=(0.5, 0.38, 0.06, 0.05, 0.01)))
    return author if choice == 0 else _AUTHORS[choice - 1]
