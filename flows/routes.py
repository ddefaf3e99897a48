"""The routes of the settings, with their holidays, which are read from files each time."""

import logging
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from flows.settings import RouteSettings, Settings
from storage.errors import ConfigurationError, first_line
from tasks.hours import parse_holidays
from tasks.routes import Recipients, Route
from tasks.wording import parse_duration

logger = logging.getLogger(__name__)


def recipients(settings: Settings) -> Recipients:
    """The channels by the severity from which on they are told, the routes to them, and how often they are told again."""
    every = parse_duration(settings.alerts.repeat_every) or timedelta()
    return Recipients(settings.channels, resolve_routes(settings), every)


def resolve_routes(settings: Settings) -> tuple[Route, ...]:
    """The routes. One whose holidays cannot be read has none: better told on a holiday than not at all. That is logged."""
    return tuple(_resolve(route) for route in settings.notifications.routes)


def _resolve(route: RouteSettings) -> Route:
    hours = route.week
    if hours is not None and route.holidays is not None:
        try:
            hours = replace(hours, days_off=read_holidays(route.holidays))
        except ConfigurationError as error:
            logger.warning("route %s has no holidays: %s", route.name, error)
    repeat_every, escalate_after = parse_duration(route.repeat_every), parse_duration(route.escalate_after)
    return Route(route.name, route.matchers, route.channels, route.goes_on, hours, repeat_every, escalate_after, route.escalate_to)


def read_holidays(path: Path) -> frozenset[date]:
    """The days of a file of holidays.

    Raises:
        ConfigurationError: it cannot be read, or a line of it is no date.
    """
    try:
        return parse_holidays(path.read_text(encoding="utf-8-sig"))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}, {error}") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read {path}: {getattr(error, 'strerror', None) or first_line(error)}") from error
