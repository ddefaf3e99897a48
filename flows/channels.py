"""Fetches what channels keep secret: from the settings, from variables of the environment, or from Prefect Secret blocks."""

import os
from pathlib import Path

from prefect.blocks.system import Secret
from pydantic import SecretStr

from flows.routes import resolve_routes
from flows.settings import CONSOLE_VARIABLE, ChannelSettings, Settings
from storage.errors import first_line
from tasks.notifications.channels import NOTHING, Channel, mistake_in
from tasks.routes import Route


def resolve_channels(settings: Settings) -> tuple[Channel, ...]:
    """The channels with what it takes to reach them; what cannot be fetched is the channel's problem, and stops no other."""
    timed = tuple(route for route in resolve_routes(settings) if route.hours is not None)
    return tuple(_resolve(channel, timed) for channel in settings.notifications.channels)


def resolve_heartbeat(settings: Settings) -> tuple[str, str | None]:
    """The heartbeat's URL, empty if there is none, and why it cannot be had."""
    alerts = settings.alerts
    url, problem = _fetch(alerts.heartbeat_url, alerts.heartbeat_url_env, alerts.heartbeat_url_block)
    return url.get_secret_value(), problem or mistake_in("webhook", url.get_secret_value(), "")


def _resolve(channel: ChannelSettings, routes: tuple[Route, ...]) -> Channel:
    url, without_url = _fetch(channel.url, channel.url_env, channel.url_block)
    secret, without_secret = _fetch(channel.secret, channel.secret_env, channel.secret_block)
    mistake = mistake_in(channel.kind, url.get_secret_value(), secret.get_secret_value())
    template, without_template = read_template(channel.template)
    if channel.kind == "console":
        url = SecretStr(os.environ.get(CONSOLE_VARIABLE, ""))
    problem = without_url or without_secret or mistake or without_template
    given = (channel.name, channel.kind, channel.min_severity, url, secret, channel.per_minute, problem, routes)
    return Channel(*given, template, channel.content_type)


def read_template(file: Path | None) -> tuple[str, str | None]:
    """The template, and why there is none."""
    if file is None:
        return "", None
    from tasks.notifications.senders.template import mistake_in_template

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        return "", f"cannot read {file}: {getattr(error, 'strerror', None) or first_line(error)}"
    mistake = mistake_in_template(text)
    return text, f"{file}: {mistake}" if mistake else None


def _fetch(given: SecretStr, variable: str, block: str) -> tuple[SecretStr, str | None]:
    if variable:
        value = os.environ.get(variable, "").strip()
        return SecretStr(value), None if value else f"the environment variable {variable} is not set"
    if block:
        return _read_block(block)
    return given, None


def _read_block(name: str) -> tuple[SecretStr, str | None]:
    try:
        value = Secret.load(name).get()  # type: ignore[union-attr]
    except ValueError:
        return NOTHING, f"there is no Prefect Secret block {name}"
    except Exception as error:  # noqa: BLE001 - what stands between us and Prefect's database fails in many ways
        return NOTHING, f"the Prefect Secret block {name} cannot be read: {type(error).__name__}"
    if not isinstance(value, str) or not value:
        return NOTHING, f"the Prefect Secret block {name} does not hold a text"
    return SecretStr(value), None
