"""The files that the settings are in, which belong into a backup."""

from collections.abc import Iterator
from pathlib import Path

from flows.settings import Settings, config_file
from storage.backups.taking import Source


def settings_files(settings: Settings) -> list[Source]:
    """The settings file, and what it names: rules, aliases, a mapping of your own. Each is known by its path."""
    named = (
        config_file(None),
        settings.alerts.rules,
        *_holidays(settings),
        *_templates(settings),
        *_aliases(settings),
        *_mapping(settings),
    )
    return [Source("settings", str(path.absolute()), path) for path in named if path is not None and path.is_file()]


def _holidays(settings: Settings) -> Iterator[Path]:
    yield from dict.fromkeys(route.holidays for route in settings.notifications.routes if route.holidays)


def _templates(settings: Settings) -> Iterator[Path]:
    yield from dict.fromkeys(channel.template for channel in settings.notifications.channels if channel.template)


def _aliases(settings: Settings) -> Iterator[Path]:
    if settings.people.aliases:
        yield Path(settings.people.aliases)


def _mapping(settings: Settings) -> Iterator[Path]:
    """The files of a folder; a shipped mapping, which is known by its name, comes with govpulse."""
    for source in settings.all_sources:
        if "/" in source.mapping:
            yield from sorted(Path(source.mapping).glob("*"))
