"""Who and what there is: data sources and users, before anything happens to them.

The data sources are fixed; of the users, roles, tastes and fields of work are drawn from the seed.
"""

from dataclasses import dataclass, replace

import numpy as np

from tasks.sources.sample.world import DAY, World

GROUPS = ("data_sources", "catalog", "compliance", "classifications", "scan_rule_sets", "scan_logic", "rbac", "ai_service")
ROLES = ("admin", "data_steward", "data_engineer", "analyst", "viewer", "auditor")
DEPARTMENTS = ("commerce", "finance", "data platform", "marketing", "risk", None)
USERS = 36


@dataclass(frozen=True)
class DataSource:
    """`deleted_at`: its row is gone from then on, and nothing new happens to it."""

    id: int
    name: str
    source_type: str
    environment: str | None
    criticality: str | None
    classification: str
    team: str | None
    scan_frequency: str
    entities: int
    size_gb: float
    releases_per_weekday: float
    deleted_at: int | None = None


# Arguments in the order of the fields above.
_DATA_SOURCES = (
    DataSource(1, "orders", "postgresql", "production", "critical", "confidential", "commerce", "hourly", 42, 310.0, 0.9),
    DataSource(2, "orders", "postgresql", "staging", "low", "internal", "commerce", "weekly", 42, 12.0, 0.8),
    DataSource(3, "customers", "postgresql", "production", "high", "restricted", "commerce", "hourly", 30, 95.0, 0.8),
    DataSource(4, "customers", "postgresql", "staging", "low", "internal", "commerce", "weekly", 30, 6.0, 0.6),
    DataSource(5, "payments", "mysql", "production", "critical", "restricted", "finance", "daily", 25, 140.0, 0.8),
    DataSource(6, "payments", "mysql", "staging", "low", "internal", "finance", "weekly", 25, 8.0, 0.6),
    DataSource(7, "inventory", "mongodb", "production", "high", "internal", "commerce", "daily", 18, 60.0, 0.7),
    DataSource(8, "inventory", "mongodb", "staging", "low", "internal", "commerce", "weekly", 18, 4.0, 0.5),
    DataSource(9, "web_events", "snowflake", "production", "medium", "internal", "marketing", "daily", 40, 2_400.0, 0.8),
    DataSource(10, "web_events", "snowflake", None, None, "internal", "marketing", "weekly", 40, 300.0, 0.3),
    DataSource(11, "product_images", "s3", "production", "low", "public", "marketing", "weekly", 35, 880.0, 0.15),
    DataSource(12, "session_cache", "redis", "production", "medium", "internal", "data platform", "daily", 6, 16.0, 0.5),
    DataSource(13, "session_cache", "redis", "staging", "low", "internal", "data platform", "weekly", 6, 2.0, 0.4),
    DataSource(14, "hr_records", "mysql", None, None, "restricted", None, "monthly", 22, 9.0, 0.15),
    DataSource(15, "legacy_crm", "mysql", "production", "low", "confidential", "commerce", "daily", 15, 44.0, 0.15),
)
_DELETED = "legacy_crm"


@dataclass(frozen=True)
class User:
    """`weight`: how busy, relative to the others; `fields`: the share of their acts in each of GROUPS, cumulated."""

    id: str
    number: int
    department: str | None
    roles: tuple[str, ...]
    weight: float
    fields: tuple[float, ...]
    created_at: int


@dataclass(frozen=True)
class Organisation:
    data_sources: tuple[DataSource, ...]
    users: tuple[User, ...]


def organise(world: World) -> Organisation:
    deleted_at = world.start_ms + int(0.45 * world.round_days) * DAY
    sources = tuple(replace(source, deleted_at=deleted_at) if source.name == _DELETED else source for source in _DATA_SOURCES)
    draw = world.draw("users", 0)
    return Organisation(sources, tuple(_user(world, draw, number) for number in range(1, USERS + 1)))


def _user(world: World, draw: np.random.Generator, number: int) -> User:
    fields = np.cumsum(draw.dirichlet(np.full(len(GROUPS), 0.35)))
    return User(
        id=f"u-{1000 + number}",
        number=number,
        department=DEPARTMENTS[int(draw.integers(len(DEPARTMENTS)))],
        roles=_roles(draw, number),
        weight=float(np.exp(0.6 * draw.standard_normal())),
        fields=tuple(float(share) for share in fields),
        created_at=world.start_ms - int(draw.integers(1, 900) * DAY) - int(draw.integers(DAY)),
    )


def _roles(draw: np.random.Generator, number: int) -> tuple[str, ...]:
    """One administrator at least, somebody without any role, and one in four with two."""
    drawn = draw.choice(len(ROLES), size=2, replace=False, p=(0.06, 0.18, 0.26, 0.3, 0.14, 0.06))
    if number == 1:
        return ("admin", "analyst")
    if number in (7, 23):
        return ()
    return tuple(ROLES[index] for index in drawn[: 1 + int(draw.random() < 0.25)])
