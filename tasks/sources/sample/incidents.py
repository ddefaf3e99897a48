"""What goes wrong, when, and to whom: the truth that detectors are measured on.

Incidents come in rounds of `world.round_days` days. What belongs to one (the scan that hangs, the factor, the failing share) is
decided here; scans, deployments and activity ask this plan and do as it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.sources.sample.organisation import DataSource, Organisation, User
from tasks.sources.sample.schedule import scheduled_scan_id, slot_before
from tasks.sources.sample.world import DAY, MINUTE, SECOND, World

# When in the round each begins and ends, as a share of it; 1.03 runs on into the next round.
_STUCK = (0.12, 0.33, 0.52, 0.71, 0.9, 0.985)
_SPANS = {
    "scan_slowdown": (0.6, 1.02),
    "error_rate_rise": (0.66, 0.7),
    "deployment_failures": (0.78, 1.05),
    "response_time_degradation": (0.89, 1.03),
}
_LEAVES = 0.82
STUCK_STARTS_AFTER = 20 * SECOND
"""From its slot to the start of a scan that will hang."""
OPERATIONS = ("GET /api/v1/catalog/assets", "GET /api/v1/data-sources", "POST /api/v1/scans")
"""The endpoints with enough calls for a change to be seen."""


@dataclass(frozen=True)
class Incident:
    """One incident.

    Attributes:
        subject: scan id, service, data source, user id or operation, according to `kind`.
        data_source_id: the one data source (so, environment) that it happens in, for scans and deployments.
        strength: duration factor, or failing share of deployments or calls.
        slot: the scheduled instant of a stuck scan.
    """

    incident: str
    kind: str
    subject: str
    started_at: int
    finished_at: int | None
    detail: str
    strength: float = 1.0
    data_source_id: int | None = None
    slot: int | None = None

    def holds(self, instant: int) -> bool:
        return self.started_at <= instant and (self.finished_at is None or instant < self.finished_at)


def plan_incidents(world: World, organisation: Organisation, until: int) -> tuple[Incident, ...]:
    """All incidents of the rounds that have begun by `until`; some may lie after it."""
    rounds = 1 + max(0, world.day_of(until)) // world.round_days
    leavers = _leavers(world, organisation)
    return tuple(incident for number in range(rounds) for incident in _round(world, organisation, leavers, number))


def _leavers(world: World, organisation: Organisation) -> list[User]:
    """Who leaves, in the order of rounds: from the busier half, so that their silence can be noticed."""
    by_weight = sorted(organisation.users, key=lambda user: -user.weight)
    busy = by_weight[2 : len(by_weight) // 2]
    return [busy[index] for index in world.draw("leavers", 0).permutation(len(busy))]


def _round(world: World, organisation: Organisation, leavers: list[User], number: int) -> Iterator[Incident]:
    draw = world.draw("incidents", number)
    often = [source for source in organisation.data_sources if _is_busy(source)]
    slow, failing = (often[index] for index in draw.choice(len(often), size=2, replace=False))
    degraded, erring = (OPERATIONS[index] for index in draw.choice(len(OPERATIONS), size=2, replace=False))
    spans = {kind: (_at(world, number, span[0], draw), _at(world, number, span[1], draw)) for kind, span in _SPANS.items()}
    yield _slowdown(number, slow, spans["scan_slowdown"])
    yield _failures(number, failing, spans["deployment_failures"])
    yield _degradation(number, degraded, spans["response_time_degradation"])
    yield _errors(number, erring, spans["error_rate_rise"])
    if number < len(leavers):
        yield _departure(number, leavers[number], _at(world, number, _LEAVES, draw))
    for count, share in enumerate(_STUCK):
        source = often[int(draw.integers(len(often)))]
        yield _stuck(number, count, source, slot_before(source, _at(world, number, share, draw)), float(draw.uniform(40, 200)))


def _is_busy(source: DataSource) -> bool:
    return source.scan_frequency in ("hourly", "daily") and source.releases_per_weekday >= 0.7 and source.deleted_at is None


def _at(world: World, number: int, share: float, draw: np.random.Generator) -> int:
    """An instant in round `number`, up to half a percent of the round off."""
    exact = world.start_ms + (number + share + float(draw.uniform(-0.005, 0.005))) * world.round_days * DAY
    return int(exact // MINUTE) * MINUTE


def _slowdown(number: int, source: DataSource, span: tuple[int, int]) -> Incident:
    detail = f"scans of {source.name} in {source.environment} take 2.2 times as long"
    return Incident(f"scan_slowdown-{number}", "scan_slowdown", source.name, *span, detail, 2.2, source.id)


def _failures(number: int, source: DataSource, span: tuple[int, int]) -> Incident:
    detail = f"deployments of {source.name} to {source.environment} fail in 60 % of attempts instead of 5 %"
    return Incident(f"deployment_failures-{number}", "deployment_failures", source.name, *span, detail, 0.6, source.id)


def _degradation(number: int, operation: str, span: tuple[int, int]) -> Incident:
    detail = f"{operation} grows to 2.5 times its response time within two days"
    return Incident(f"response_time_degradation-{number}", "response_time_degradation", operation, *span, detail, 2.5)


def _errors(number: int, operation: str, span: tuple[int, int]) -> Incident:
    detail = f"{operation} fails in 15 % of calls instead of 1.5 %"
    return Incident(f"error_rate_rise-{number}", "error_rate_rise", operation, *span, detail, 0.15)


def _departure(number: int, user: User, left_at: int) -> Incident:
    detail = f"{user.id} leaves: no act after this, is_active false within two days"
    return Incident(f"user_left-{number}", "user_left", user.id, left_at, None, detail)


def _stuck(number: int, count: int, source: DataSource, slot: int, seconds: float) -> Incident:
    detail = f"the process of this scan of {source.name} died {seconds:.0f} s after its start; its row says running for ever"
    died_at, scan_id = slot + STUCK_STARTS_AFTER + int(seconds * SECOND), scheduled_scan_id(source, slot)
    return Incident(
        f"stuck_scan-{number}-{count}", "stuck_scan", scan_id, died_at, None, detail, data_source_id=source.id, slot=slot
    )
