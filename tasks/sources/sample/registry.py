"""Rows of what the organisation is: data sources, users, their roles and preferences, as they stand at an instant."""

import json
from collections.abc import Iterator

from tasks.sources.sample.incidents import Incident
from tasks.sources.sample.organisation import ROLES, DataSource, Organisation, User
from tasks.sources.sample.words import SampleRow
from tasks.sources.sample.world import DAY, HOUR, World, utc_text

_DEACTIVATED_AFTER = 26 * HOUR
_TASTES: dict[str, tuple[object, ...]] = {
    "theme": ("dark", "light"),
    "language": ("en", "de", "fr"),
    "page_size": (25, 50, 100),
    "notify": ({"mail": True}, {"mail": False}),
}


def registry_rows(
    world: World, organisation: Organisation, incidents: tuple[Incident, ...], until: int
) -> Iterator[tuple[str, list[SampleRow]]]:
    """(table, rows) of datasource, users, roles, user_roles, user_preferences at `until`."""
    left = {each.subject: each.started_at for each in incidents if each.kind == "user_left"}
    there = [source for source in organisation.data_sources if source.deleted_at is None or until < source.deleted_at]
    yield "datasource", [_data_source(world, source) for source in there]
    yield "users", [_user(user, left.get(user.id), until) for user in organisation.users]
    yield "roles", [(number, name) for number, name in enumerate(ROLES, start=1)]
    yield "user_roles", [(user.id, ROLES.index(role) + 1) for user in organisation.users for role in user.roles]
    yield "user_preferences", [row for user in organisation.users for row in _preferences(world, user, until)]


def _data_source(world: World, source: DataSource) -> SampleRow:
    created = utc_text(world.start_ms - (100 + 30 * source.id) * DAY)
    return (
        source.id, source.name, source.source_type, source.environment, source.criticality, source.classification,
        None, source.team, source.scan_frequency, source.entities, source.size_gb, created, created,
    )  # fmt: skip


def _user(user: User, left_at: int | None, until: int) -> SampleRow:
    gone_at = None if left_at is None else left_at + _DEACTIVATED_AFTER
    is_gone = gone_at is not None and gone_at <= until
    return (
        user.id, f"user{user.number}@sample.invalid", f"Sample User {user.number}", int(not is_gone), user.department,
        utc_text(user.created_at), utc_text(gone_at if is_gone else user.created_at),
    )  # fmt: skip


def _preferences(world: World, user: User, until: int) -> Iterator[SampleRow]:
    """Each user has set some keys; some were changed in the course of the first round."""
    draw = world.draw("preferences", user.number)
    for key, values in _TASTES.items():
        is_set, is_changed = draw.random() < 0.55, draw.random() < 0.25
        first, changed_at = int(draw.integers(len(values))), world.start_ms + int(draw.integers(world.round_days * DAY))
        if is_set:
            has_changed = is_changed and changed_at <= until
            value = values[(first + has_changed) % len(values)]
            yield user.id, key, json.dumps(value), utc_text(changed_at if has_changed else user.created_at)
