"""Instants that people give: what they mean, and which are refused."""

from collections.abc import Mapping
from datetime import UTC, datetime

from storage.errors import ConfigurationError
from storage.instants import CLOCKS_DIFFER


def in_utc(instant: datetime) -> datetime:
    """`instant` in UTC; without a zone it is taken as UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def parse_instant(option: str, text: str | None) -> datetime | None:
    """An ISO 8601 instant; UTC where it names no zone.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise ConfigurationError(f"{option} {text}: not an instant; write it like 2026-03-01T00:00Z") from error


def refuse_future(instants: Mapping[str, datetime | None], now: datetime) -> None:
    """What is computed for an instant to come ends what goes on.

    Raises:
        ConfigurationError: one of `instants`, which are by their names, lies ahead, and by more than clocks differ.
    """
    for name, instant in instants.items():
        if instant is not None and in_utc(instant) > now + CLOCKS_DIFFER:
            raise ConfigurationError(
                f"{name} {in_utc(instant):%Y-%m-%d %H:%M} UTC is in the future; it is {now:%Y-%m-%d %H:%M} UTC"
            )
