"""The world as rows of the racine schema at an instant: what has begun by then, finished only if it has finished by then.

Knows nothing of the database that the rows go to.
"""

from collections.abc import Iterator

from tasks.sources.sample.activity import Act, acts_of_day
from tasks.sources.sample.deployments import releases_of_day
from tasks.sources.sample.incidents import Incident, plan_incidents
from tasks.sources.sample.organisation import organise
from tasks.sources.sample.registry import registry_rows
from tasks.sources.sample.release_rows import hanging_deployments, release_rows
from tasks.sources.sample.scans import Asset, Scan, scans_of_day
from tasks.sources.sample.words import SampleRow
from tasks.sources.sample.world import MINUTE, World, aware_text, utc_text

_FINDINGS = (('["identifier"]', "restricted"), ("[]", "internal"), ('["address", "name"]', "confidential"), (None, None))
GROWING = ("scan", "scanresult", "racine_activities", "sample_broken_rows")
"""Tables whose settled rows never change; the others are small, and written anew each time."""
SETTLED_DAYS = 2
"""A row that began on a day this far back has ended, or never will."""


def rows_at(world: World, until: int, first_day: int) -> Iterator[tuple[str, list[SampleRow]]]:
    """(table, rows) of everything at `until`, in pieces; of the growing tables, what began on `first_day` or later."""
    organisation, last_day = organise(world), world.day_of(until)
    incidents = plan_incidents(world, organisation, until)
    releases = [release for day in range(last_day + 1) for release in releases_of_day(world, organisation, incidents, day)]
    yield from registry_rows(world, organisation, incidents, until)
    yield from release_rows(releases, until)
    yield (
        "sample_labels",
        [_label(each, until) for each in (*incidents, *hanging_deployments(releases)) if each.started_at <= until],
    )
    for day in range(first_day, last_day + 1):
        yield from _scan_rows(scans_of_day(world, organisation, incidents, day), until)
        yield from _act_rows(acts_of_day(world, organisation, incidents, day), day, until)


def _label(incident: Incident, until: int) -> SampleRow:
    finished = incident.finished_at if incident.finished_at is not None and incident.finished_at <= until else None
    return (
        incident.incident, incident.kind, incident.subject, aware_text(incident.started_at), aware_text(finished), incident.detail,
    )  # fmt: skip


def _scan_rows(scans: list[Scan], until: int) -> Iterator[tuple[str, list[SampleRow]]]:
    begun = [scan for scan in scans if scan.created_at <= until]
    yield "scan", [_scan(scan, until) for scan in begun]
    yield "scanresult", [_asset(scan, asset) for scan in begun for asset in scan.assets if asset.found_at <= until]
    yield "sample_broken_rows", [("scan", str(scan.id), scan.broken) for scan in begun if _is_broken(scan, until)]


def _is_broken(scan: Scan, until: int) -> bool:
    """A missing key is there from the start; the rest shows when the scan ends."""
    return scan.broken is not None and (scan.broken == "missing scan_id" or (scan.ended_at or until) <= until)


def _scan(scan: Scan, until: int) -> SampleRow:
    started = scan.started_at if scan.started_at <= until else None
    ended = scan.ended_at if scan.ended_at is not None and scan.ended_at <= until else None
    status = scan.outcome if ended else scan.running_word if started else "pending"
    completed = scan.started_at - 7 * MINUTE if ended and scan.broken == "finished before started" else ended
    died = scan.died_at if scan.died_at is not None and scan.died_at <= until else None
    scan_id = None if scan.broken == "missing scan_id" else scan.scan_id
    return (
        scan.id, scan_id, scan.name, scan.due.source.id, scan.due.rule_set, status,
        scan.error if ended else None, utc_text(started), utc_text(completed), utc_text(scan.created_at),
        utc_text(ended or died or started), scan.created_by,
    )  # fmt: skip


def _asset(scan: Scan, asset: Asset) -> SampleRow:
    number = scan.id * 100 + asset.position
    found = utc_text(asset.found_at)
    labels, sensitivity = _FINDINGS[number % len(_FINDINGS)]
    table = f"{scan.due.source.name}_{asset.position:02d}"
    return number, scan.id, "public", table, None, "table", labels, sensitivity, asset.issues, found, found


def _act_rows(acts: list[Act], day: int, until: int) -> Iterator[tuple[str, list[SampleRow]]]:
    begun = [(f"act-{day:04d}-{number:05d}", act) for number, act in enumerate(acts) if act.created_at <= until]
    yield "racine_activities", [_act(id_, act, until) for id_, act in begun]
    broken = [(id_, act.broken) for id_, act in begun if act.broken and act.created_at + act.lasting <= until]
    yield "sample_broken_rows", [("racine_activities", id_, reason) for id_, reason in broken]


def _act(id_: str, act: Act, until: int) -> SampleRow:
    template, created = act.template, utc_text(act.created_at)
    has_ended = act.created_at + act.lasting <= until
    milliseconds = -1 if act.broken == "negative duration" else act.lasting
    return (
        id_, template.name, template.activity_type, "governance", act.status if has_ended else act.open_word, "info", act.group,
        act.groups, "api" if template.endpoint else "portal", template.endpoint, template.method,
        milliseconds if has_ended else None, act.user_id, act.data, created,
        utc_text(act.created_at + act.lasting) if has_ended else None, created,
    )  # fmt: skip
