"""What becomes of the versions: the attempts that ended by an instant, played through in their order."""

from dataclasses import dataclass, field

from tasks.sources.sample.deployments import Release


@dataclass
class Version:
    """A version as it stands: `status` is draft, active, archived or rollback."""

    release: Release
    status: str = "draft"
    parent_id: int | None = None
    updated_at: int = 0
    activated_at: int | None = None
    archived_at: int | None = None


@dataclass
class History:
    """Every version made by an instant, and which version a rollback, by its release's id, went back to."""

    versions: dict[int, Version] = field(default_factory=dict)
    rolled_back_to: dict[int, int] = field(default_factory=dict)


def play(releases: list[Release], until: int) -> History:
    """The versions as they stand at `until`, in milliseconds."""
    history = History()
    stacks: dict[int, list[Version]] = {}
    for release in sorted(releases, key=lambda each: (each.created_at, each.id)):
        if release.created_at <= until:
            history.versions[release.id] = Version(release, updated_at=release.created_at)
    ended = [(attempt.ended_at, release.id, attempt) for release in releases for attempt in release.attempts if attempt.is_success]
    for ended_at, release_id, attempt in sorted(ended, key=lambda each: (each[0], each[1])):
        if ended_at is not None and ended_at <= until:
            version = history.versions[release_id]
            stack = stacks.setdefault(version.release.source.id, [])
            if attempt.kind == "rollback":
                _take_back(history, stack, version, ended_at)
            else:
                _activate(stack, version, ended_at)
    return history


def _activate(stack: list[Version], version: Version, instant: int) -> None:
    if stack:
        before = stack[-1]
        before.status, before.archived_at, before.updated_at = "archived", instant, instant
        version.parent_id = before.release.id
    version.status, version.activated_at, version.updated_at = "active", instant, instant
    stack.append(version)


def _take_back(history: History, stack: list[Version], version: Version, instant: int) -> None:
    stack.remove(version)
    version.status, version.archived_at, version.updated_at = "rollback", instant, instant
    if stack:
        now = stack[-1]
        now.status, now.archived_at, now.updated_at = "active", None, instant
        history.rolled_back_to[version.release.id] = now.release.id
