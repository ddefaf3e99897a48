"""The releases of one day: new versions of the data sources, each with the attempts to deploy it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from tasks.sources.sample.attempts import Attempt, attempt_release
from tasks.sources.sample.incidents import Incident
from tasks.sources.sample.organisation import DataSource, Organisation
from tasks.sources.sample.world import DAY, HOUR, MINUTE, World

_MENDED, _DELETED, _BREAKING = 0.04, 0.03, 0.06
_WEEKEND = 0.08
_LAST_RELEASE = 6 * DAY
"""Before a data source is deleted: longer than any release takes."""


@dataclass(frozen=True)
class Release:
    """A version and every attempt to deploy it.

    Attributes:
        deleted_at: its row goes then, or as soon after as it is not the current version.
    """

    id: int
    source: DataSource
    version: str
    created_at: int
    created_by: str
    is_breaking: bool
    deleted_at: int | None
    attempts: tuple[Attempt, ...]


def releases_of_day(world: World, organisation: Organisation, incidents: tuple[Incident, ...], day: int) -> list[Release]:
    """The versions made on `day`, and the hotfixes that they call for; both may reach into the days that follow."""
    draw = world.draw("deployments", day)
    releases: list[Release] = []
    for source in organisation.data_sources:
        rate = source.releases_per_weekday * (_WEEKEND if world.weekday(day) >= 5 else 1.0)
        for _ in range(int(draw.poisson(rate))):
            created = world.midnight(day) + int(draw.integers(7 * HOUR, 16 * HOUR))
            author = organisation.users[int(draw.integers(len(organisation.users)))].id
            for release in _release_and_mend(source, created, author, incidents, draw):
                releases.append(_numbered(release, world, day, len(releases) + 1))
    return [each for each in releases if each.source.deleted_at is None or each.created_at < each.source.deleted_at - _LAST_RELEASE]


def _release_and_mend(
    source: DataSource, created: int, author: str, incidents: tuple[Incident, ...], draw: np.random.Generator
) -> Iterator[Release]:
    """A release, and after some of them a hotfix within hours."""
    lead = int(np.clip(3 * HOUR * np.exp(draw.standard_normal()), 20 * MINUTE, 4 * DAY))
    attempts = attempt_release(source, "deploy", created + lead, author, incidents, draw)
    yield _release(source, created, author, attempts, draw)
    ended = attempts[-1].ended_at
    if ended is not None and draw.random() < _MENDED:
        created = ended + int(draw.integers(20 * MINUTE, 3 * HOUR))
        attempts = attempt_release(source, "hotfix", created + 20 * MINUTE, author, incidents, draw)
        yield _release(source, created, author, attempts, draw)


def _release(source: DataSource, created: int, author: str, attempts: tuple[Attempt, ...], draw: np.random.Generator) -> Release:
    """A version that still waits to be deployed is never deleted."""
    chances, is_waiting = draw.random(2), attempts[-1].started_at is None
    deleted = created + int(draw.integers(10 * DAY, 30 * DAY))
    return Release(
        id=0,
        source=source,
        version="",
        created_at=created,
        created_by=author,
        is_breaking=bool(chances[0] < _BREAKING),
        deleted_at=deleted if chances[1] < _DELETED and not is_waiting else None,
        attempts=attempts,
    )


def _numbered(release: Release, world: World, day: int, number: int) -> Release:
    """With its id and its version: the date and its number on that day."""
    return replace(release, id=day * 1_000 + number, version=f"{world.start + timedelta(days=day):%Y.%m.%d}-{number}")
