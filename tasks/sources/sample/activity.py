"""The acts of one day: API calls, database queries, what people do, and what the platform does by itself.

Each kind is drawn for the whole day at once, with the rhythm of the hours and of the week.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.sources.sample.acts import BACKGROUND, CALLS, QUERIES, Template, describe_act
from tasks.sources.sample.incidents import Incident
from tasks.sources.sample.organisation import GROUPS, Organisation, User
from tasks.sources.sample.words import in_some_case
from tasks.sources.sample.world import DAY, HOUR, LONGEST, World

_WEEK = (1.0, 1.05, 1.05, 1.0, 0.9, 0.16, 0.12)
_OFFICE = np.array([0, 0, 0, 0, 0, 1, 4, 8, 10, 10, 9, 7, 8, 10, 10, 9, 6, 3, 1, 1, 0, 0, 0, 0], dtype=float)
_ROUND_THE_CLOCK = _OFFICE + 1.5
_CALLS_PER_DAY, _QUERIES_PER_DAY, _ACTS_PER_DAY, _OWN_PER_DAY = 480.0, 110.0, 160.0, 40.0
_FAILING, _RAMP = 0.015, 2 * DAY
_AWAY_BLOCK, _AWAY_LONGEST = 60, 12
_BY_SERVICES = 0.35
_SERVICES = ("svc-portal", "svc-sync", None)


class Act(NamedTuple):
    """One row of racine_activities, as it will turn out; `status` and `open_word` are words in the platform's case."""

    created_at: int
    lasting: int
    template: Template
    group: str | None
    groups: str | None
    data: str | None
    user_id: str | None
    status: str
    open_word: str
    broken: str | None


@dataclass(frozen=True)
class _Day:
    """What all acts of a day share: the users' chances to act, and the incidents."""

    world: World
    day: int
    users: tuple[User, ...]
    presence: NDArray[np.float64]
    incidents: tuple[Incident, ...]


def acts_of_day(world: World, organisation: Organisation, incidents: tuple[Incident, ...], day: int) -> list[Act]:
    """Every act that begins on `day`; on the day that somebody leaves, without theirs after that."""
    left = {each.subject: each.started_at for each in incidents if each.kind == "user_left"}
    presence = _presence(world, organisation.users, left, day)
    today = _Day(world, day, organisation.users, presence, incidents)
    draw = world.draw("activity", day)
    acts = [*_calls(today, draw), *_queries(today, draw), *_people(today, draw), *_background(today, draw)]
    return [act for act in acts if act.created_at < left.get(act.user_id or "", act.created_at + 1)]


def _presence(world: World, users: tuple[User, ...], left: dict[str, int], day: int) -> NDArray[np.float64]:
    """Each user's share of the day's acts: nothing on leave, nor after leaving for good."""
    draw = world.draw("leave", day // _AWAY_BLOCK)
    begins = draw.integers(_AWAY_BLOCK, size=len(users))
    lengths = draw.integers(1, _AWAY_LONGEST + 1, size=len(users)) * (draw.random(len(users)) < 0.5)
    is_away = (begins <= day % _AWAY_BLOCK) & (day % _AWAY_BLOCK < begins + lengths)
    has_left = np.array([left.get(user.id, world.midnight(day + 1)) <= world.midnight(day) for user in users])
    weights = np.array([user.weight for user in users]) * ~(is_away | has_left)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _instants(today: _Day, per_day: float, rhythm: NDArray[np.float64], draw: np.random.Generator) -> NDArray[np.int64]:
    count = draw.poisson(per_day * today.world.scale * _WEEK[today.world.weekday(today.day)])
    hours = draw.choice(24, size=count, p=rhythm / rhythm.sum())
    return today.world.midnight(today.day) + hours * HOUR + draw.integers(HOUR, size=count)


def _actors(today: _Day, size: int, by_services: float, draw: np.random.Generator) -> list[str | None]:
    people = draw.choice(len(today.users), size=size, p=today.presence).tolist()
    chances = draw.random(size).tolist()
    return [
        _SERVICES[int(chance / by_services * len(_SERVICES))] if chance < by_services else today.users[person].id
        for person, chance in zip(people, chances, strict=True)
    ]


def _from_templates(
    today: _Day, templates: tuple[Template, ...], instants: NDArray[np.int64], by_services: float, draw: np.random.Generator
) -> Iterator[Act]:
    """Acts that are one of a few fixed kinds, each with its own share and median duration."""
    size = len(instants)
    shares = np.array([template.share for template in templates])
    chosen = draw.choice(len(templates), size=size, p=shares / shares.sum()).tolist()
    noise, chances = draw.standard_normal(size), draw.random((size, 3)).tolist()
    actors = _actors(today, size, by_services, draw)
    spread = np.exp(noise * np.array([template.sigma for template in templates])[chosen])
    busy = 1 + 0.015 * _OFFICE[(instants - today.world.midnight(today.day)) // HOUR]
    factors = (spread * busy).tolist()
    for instant, number, user, factor, chance in zip(instants.tolist(), chosen, actors, factors, chances, strict=True):
        template = templates[number]
        slower, failing = _trouble(today.incidents, template.operation, instant)
        lasting = min(int(template.median_ms * factor * slower), LONGEST)
        yield _act(instant, lasting, template, (template.group, None, None), user, failing, chance)


def _trouble(incidents: tuple[Incident, ...], operation: str | None, instant: int) -> tuple[float, float]:
    """(duration factor, failing share) of an operation at an instant."""
    slower, failing = 1.0, _FAILING
    for incident in incidents:
        if operation is not None and incident.subject == operation and incident.holds(instant):
            if incident.kind == "response_time_degradation":
                slower = 1 + (incident.strength - 1) * min(1.0, (instant - incident.started_at) / _RAMP)
            else:
                failing = incident.strength
    return slower, failing


def _act(
    instant: int,
    lasting: int,
    template: Template,
    concerns: tuple[str | None, str | None, str | None],
    user: str | None,
    failing: float,
    chance: list[float],
) -> Act:
    """One failure in eight is a timeout. Few acts are cancelled, and less than one in a thousand breaks the contract."""
    outcome = "timeout" if chance[0] < failing / 8 else "failed" if chance[0] < failing else "completed"
    outcome = "cancelled" if chance[0] > 0.995 else outcome
    broken = "negative duration" if chance[1] < 0.0004 else "unknown status" if chance[1] < 0.0007 else None
    outcome = "ghosted" if broken == "unknown status" else outcome
    open_word = "initiated" if chance[1] > 0.8 else "suspended" if chance[1] > 0.65 else "in_progress"
    words = (in_some_case(outcome, chance[2]), in_some_case(open_word, chance[2]))
    return Act(instant, lasting, template, *concerns, user, *words, broken)


def _calls(today: _Day, draw: np.random.Generator) -> Iterator[Act]:
    return _from_templates(today, CALLS, _instants(today, _CALLS_PER_DAY, _ROUND_THE_CLOCK, draw), _BY_SERVICES, draw)


def _queries(today: _Day, draw: np.random.Generator) -> Iterator[Act]:
    return _from_templates(today, QUERIES, _instants(today, _QUERIES_PER_DAY, _OFFICE, draw), 0.1, draw)


def _background(today: _Day, draw: np.random.Generator) -> Iterator[Act]:
    return _from_templates(today, BACKGROUND, _instants(today, _OWN_PER_DAY, _ROUND_THE_CLOCK, draw), 1.0, draw)


def _people(today: _Day, draw: np.random.Generator) -> Iterator[Act]:
    """What people do by hand, each in their own fields and as their role has them do."""
    instants = _instants(today, _ACTS_PER_DAY, _OFFICE, draw)
    people = draw.choice(len(today.users), size=len(instants), p=today.presence).tolist()
    noise = draw.standard_normal((len(instants), 2)).tolist()
    chances = draw.random((len(instants), 9)).tolist()
    for instant, person, wobble, chance in zip(instants.tolist(), people, noise, chances, strict=True):
        user = today.users[person]
        group = next((name for name, edge in zip(GROUPS, user.fields, strict=True) if chance[3] < edge), GROUPS[-1])
        template, groups, data = describe_act(user, group, chance[4:], wobble[0])
        lasting = min(int(template.median_ms * np.exp(template.sigma * wobble[1])), LONGEST)
        yield _act(instant, lasting, template, (group, groups, data), user.id, 0.03, chance)
