"""The scans of one day, scheduled and asked for by people, as they will turn out."""

import json
from dataclasses import dataclass

import numpy as np

from tasks.sources.sample.incidents import STUCK_STARTS_AFTER, Incident
from tasks.sources.sample.organisation import DataSource, Organisation, User
from tasks.sources.sample.schedule import FULL, INCREMENTAL, scheduled_scan_id, slots_of_day
from tasks.sources.sample.words import in_some_case
from tasks.sources.sample.world import DAY, HOUR, LONGEST, MINUTE, SECOND, World

_ADHOC_PER_DAY, _SCHEDULED_PER_DAY = 4.0, 56.0
_MEDIAN_MINUTES = {("hourly", INCREMENTAL): 6.0, ("daily", INCREMENTAL): 14.0}
_FULL_MINUTES, _OTHER_MINUTES = 45.0, 10.0
_ERRORS = ("connection reset by peer", "permission denied for schema audit", "lock wait timeout exceeded", "out of memory")
_ISSUES = ("unmasked personal data", "missing owner", "retention exceeded", "missing classification")
_KINDS = {INCREMENTAL: "incremental", FULL: "full"}


@dataclass(frozen=True)
class Asset:
    """One scanresult: the asset at this place of a scan, and the issues in it as JSON."""

    position: int
    found_at: int
    issues: str | None


@dataclass(frozen=True)
class Due:
    """A scan that is asked for: by the scheduler at its slot, or by somebody."""

    source: DataSource
    instant: int
    rule_set: int
    is_scheduled: bool
    stuck: Incident | None = None
    slower: float = 1.0


@dataclass(frozen=True)
class Scan:
    """One scan's whole life.

    Attributes:
        ended_at: None where its process died, at `died_at`, without a word.
        outcome, running_word: words in the platform's case.
        broken: how its row breaks the contract.
    """

    id: int
    scan_id: str
    name: str
    due: Due
    created_by: str
    created_at: int
    started_at: int
    ended_at: int | None
    died_at: int | None
    outcome: str
    running_word: str
    error: str | None
    assets: tuple[Asset, ...]
    broken: str | None


def scans_of_day(world: World, organisation: Organisation, incidents: tuple[Incident, ...], day: int) -> list[Scan]:
    """Every scan asked for on `day`, as it will turn out.

    Below scale 1 scheduled scans are left out at random; above it people ask for more of their own.
    """
    draw = world.draw("scans", day)
    dues = [*_scheduled(world, organisation, incidents, day), *_adhoc(world, organisation, day, draw)]
    keep, chances = draw.random(len(dues)), draw.random((len(dues), 7)).tolist()
    noise = draw.standard_normal((len(dues), 2)).tolist()
    return [
        _scan(day, number, due, organisation.users, chances[number], noise[number], draw)
        for number, due in enumerate(dues)
        if due.stuck is not None or not due.is_scheduled or keep[number] < world.scale
    ]


def _scheduled(world: World, organisation: Organisation, incidents: tuple[Incident, ...], day: int) -> list[Due]:
    dues = []
    for source in organisation.data_sources:
        own = [each for each in incidents if each.data_source_id == source.id]
        for slot, rules in slots_of_day(world, source, day):
            stuck = next((each for each in own if each.slot == slot), None)
            slower = next((each.strength for each in own if each.kind == "scan_slowdown" and each.holds(slot)), 1.0)
            dues.append(Due(source, slot, rules, True, stuck, slower))
    return [due for due in dues if _is_there(due)]


def _adhoc(world: World, organisation: Organisation, day: int, draw: np.random.Generator) -> list[Due]:
    count = int(draw.poisson(_ADHOC_PER_DAY * world.scale + _SCHEDULED_PER_DAY * max(0.0, world.scale - 1.0)))
    sources = draw.integers(len(organisation.data_sources), size=count).tolist()
    instants = (world.midnight(day) + draw.integers(7 * HOUR, 18 * HOUR, size=count)).tolist()
    rules = np.where(draw.random(count) < 0.7, INCREMENTAL, FULL).tolist()
    dues = [Due(organisation.data_sources[sources[each]], instants[each], rules[each], False) for each in range(count)]
    return [due for due in dues if _is_there(due)]


def _is_there(due: Due) -> bool:
    """No scan begins on the last day of a data source, so none outlasts it by much."""
    return due.source.deleted_at is None or due.instant < due.source.deleted_at - DAY


def _scan(
    day: int, number: int, due: Due, users: tuple[User, ...], chances: list[float], noise: list[float], draw: np.random.Generator
) -> Scan:
    created = due.instant + (0 if due.stuck else int(3 * SECOND * chances[0]))
    started = created + (STUCK_STARTS_AFTER if due.stuck else int(18 * SECOND * np.exp(0.6 * noise[0])))
    outcome = "completed" if chances[1] < 0.945 or due.stuck else "failed" if chances[1] < 0.985 else "cancelled"
    lasting = min(int(_median_minutes(due) * due.slower * MINUTE * np.exp(0.22 * noise[1])), LONGEST)
    assets = _assets(due, started, lasting, draw)
    lasting = lasting if outcome == "completed" else int(lasting * (0.1 + 0.8 * chances[2]))
    ended, died = (None, due.stuck.started_at) if due.stuck else (started + lasting, None)
    broken = None if due.stuck else _breakage(chances[3])
    return Scan(
        id=day * 10_000 + number + 1,
        scan_id=scheduled_scan_id(due.source, due.instant) if due.is_scheduled else f"scan-adhoc-{day:04d}-{number}",
        name=f"{_KINDS[due.rule_set]} scan of {due.source.name}",
        due=due,
        created_by="scheduler" if due.is_scheduled else _requester(users, chances[6]),
        created_at=created,
        started_at=started,
        ended_at=ended,
        died_at=died,
        outcome=in_some_case("migrated" if broken == "unknown status" else outcome, chances[4]),
        running_word=in_some_case(("running", "running", "processing", "scanning")[int(chances[5] * 4)], chances[4]),
        error=_ERRORS[int(chances[2] * len(_ERRORS))] if outcome == "failed" else None,
        assets=tuple(asset for asset in assets if asset.found_at <= (ended or died or started)),
        broken=broken,
    )


def _requester(users: tuple[User, ...], chance: float) -> str:
    """Mostly a user's id; sometimes whatever somebody typed."""
    if chance < 0.85:
        return users[int(chance / 0.85 * len(users))].id
    return "system" if chance < 0.93 else "nightly-governance-job" if chance < 0.97 else "someone@sample.invalid"


def _median_minutes(due: Due) -> float:
    usual = _FULL_MINUTES if due.rule_set == FULL else _OTHER_MINUTES
    return _MEDIAN_MINUTES.get((due.source.scan_frequency, due.rule_set), usual)


def _breakage(chance: float) -> str | None:
    """Not two rows in a thousand break the contract."""
    edges = ((0.0007, "missing scan_id"), (0.0014, "finished before started"), (0.0018, "unknown status"))
    return next((reason for edge, reason in edges if chance < edge), None)


def _assets(due: Due, started: int, lasting: int, draw: np.random.Generator) -> list[Asset]:
    expected = 2.0 if due.source.scan_frequency == "hourly" else 6.0
    count = min(due.source.entities, 30 if due.rule_set == FULL else int(draw.poisson(expected)))
    found = draw.poisson(0.25, size=count).tolist()
    return [Asset(place, started + lasting * (place + 1) // (count + 1), _issues(place, found[place])) for place in range(count)]


def _issues(place: int, count: int) -> str | None:
    """A list; where there is nothing to list, sometimes NULL or JSON's null."""
    if count == 0:
        return ("[]", "[]", None, "null")[place % 4]
    rules = (_ISSUES[(place + number) % len(_ISSUES)] for number in range(count))
    return json.dumps([{"rule": rule, "severity": "medium"} for rule in rules])
