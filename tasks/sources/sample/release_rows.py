"""Rows of versions and deployments as they stand at an instant, the ones broken on purpose, and the deployments that hang."""

from collections.abc import Iterator

from tasks.sources.sample.attempts import Attempt
from tasks.sources.sample.deployments import Release
from tasks.sources.sample.incidents import Incident
from tasks.sources.sample.versions import History, Version, play
from tasks.sources.sample.words import SampleRow, in_some_case
from tasks.sources.sample.world import MINUTE, server_text


def release_rows(releases: list[Release], until: int) -> Iterator[tuple[str, list[SampleRow]]]:
    """(table, rows) of data_source_versions, version_deployments and sample_broken_rows at `until`."""
    history = play(releases, until)
    yield "data_source_versions", [_version(version) for version in history.versions.values() if not _is_deleted(version, until)]
    begun = [(id_, release, attempt) for id_, release, attempt in numbered(releases) if attempt.requested_at <= until]
    yield "version_deployments", [_attempt(id_, release, attempt, history, until) for id_, release, attempt in begun]
    inverted = [id_ for id_, _, attempt in begun if attempt.is_inverted and (attempt.ended_at or 0) <= until]
    yield "sample_broken_rows", [("version_deployments", str(id_), "finished before started") for id_ in inverted]


def numbered(releases: list[Release]) -> Iterator[tuple[int, Release, Attempt]]:
    """Every attempt with its id; a release never has ten."""
    for release in releases:
        for place, attempt in enumerate(release.attempts):
            yield release.id * 10 + place, release, attempt


def hanging_deployments(releases: list[Release]) -> Iterator[Incident]:
    """The attempts that never end, as incidents."""
    for id_, release, attempt in numbered(releases):
        if attempt.ended_at is None:
            begun = attempt.started_at or attempt.requested_at
            detail = f"deployment of {release.source.name} {release.version} that never ends; its row stays open"
            yield Incident(f"stuck_deployment-{id_}", "stuck_deployment", str(id_), begun, None, detail)


def _is_deleted(version: Version, until: int) -> bool:
    deleted_at = version.release.deleted_at
    return deleted_at is not None and deleted_at <= until and version.status != "active"


def _version(version: Version) -> SampleRow:
    release = version.release
    return (
        release.id, release.source.id, release.version, in_some_case(version.status, release.id % 10 / 10),
        int(version.status == "active"), int(release.is_breaking), version.parent_id, release.created_by,
        server_text(release.created_at), server_text(version.updated_at), server_text(version.activated_at),
        server_text(version.archived_at),
    )  # fmt: skip


def _attempt(id_: int, release: Release, attempt: Attempt, history: History, until: int) -> SampleRow:
    """`started_at` is empty while the attempt waits in the queue."""
    started = attempt.started_at if attempt.started_at is not None and attempt.started_at <= until else None
    ended = attempt.ended_at if attempt.ended_at is not None and attempt.ended_at <= until else None
    status = "pending" if started is None else "in_progress" if ended is None else "completed" if attempt.is_success else "failed"
    completed = started - 4 * MINUTE if ended and started and attempt.is_inverted else ended
    return (
        id_, release.id, in_some_case(attempt.kind, attempt.word_chance), attempt.deployed_by,
        in_some_case(status, attempt.word_chance), server_text(started), server_text(completed),
        attempt.error if ended else None,
        history.rolled_back_to.get(release.id) if attempt.kind == "rollback" and ended else None,
    )  # fmt: skip
