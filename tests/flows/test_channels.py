"""Where a channel's secrets come from: settings, a variable, a Prefect Secret block; what is missing is the channel's problem."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.system import Secret
from prefect.settings import temporary_settings
from pydantic import SecretStr

from flows.channels import resolve_channels, resolve_heartbeat
from flows.settings import AlertSettings, ChannelSettings, NotificationSettings, Settings, load_settings
from tasks.notifications.channels import Channel

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("GOVPULSE_")]:
        monkeypatch.delenv(name)


def settings(*channels: ChannelSettings, **alerts: object) -> Settings:
    return Settings(notifications=NotificationSettings(channels=channels), alerts=AlertSettings(**alerts))


def test_without_anything_there_is_the_console() -> None:
    assert resolve_channels(Settings()) == (Channel("console"),)


def test_what_is_given_and_what_a_variable_holds(monkeypatch) -> None:
    monkeypatch.setenv("OPS_URL", " https://h.example.com/s3cret\n")
    given = ChannelSettings(name="a", kind="webhook", min_severity="critical", url="https://h/x", secret="k", per_minute=5)
    held = ChannelSettings(name="b", kind="webhook", url_env="OPS_URL")
    assert resolve_channels(settings(given, held)) == (
        Channel("a", "webhook", "critical", SecretStr("https://h/x"), SecretStr("k"), 5),
        Channel("b", "webhook", url=SecretStr("https://h.example.com/s3cret")),
    )


def test_what_is_missing_or_wrong_is_the_problem_of_its_channel_alone(monkeypatch) -> None:
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("WRONG", "s3cret")
    monkeypatch.setenv("UNDECODABLE", "whsec_s3cret")
    channels = resolve_channels(
        settings(
            ChannelSettings(name="a", kind="webhook", url_env="NOT_SET"),
            ChannelSettings(name="b", kind="pagerduty", secret_env="EMPTY"),
            ChannelSettings(name="c", kind="webhook", url_env="WRONG"),
            ChannelSettings(name="d", kind="apprise", url_env="WRONG"),
            ChannelSettings(name="e", kind="webhook", url="https://h", secret_env="UNDECODABLE"),
            ChannelSettings(name="f"),
        )
    )
    problems = [channel.problem for channel in channels]
    assert problems[:2] == ["the environment variable NOT_SET is not set", "the environment variable EMPTY is not set"]
    assert all("its url" in problem for problem in problems[2:4])
    assert "base64" in problems[4]
    assert problems[5] is None
    assert "s3cret" not in str(problems) + str(channels)


def test_the_heartbeat(monkeypatch) -> None:
    monkeypatch.setenv("BEAT", "https://h/s3cret")
    assert resolve_heartbeat(Settings()) == ("", None)
    assert resolve_heartbeat(settings(ChannelSettings(name="a"), heartbeat_url="https://h/x")) == ("https://h/x", None)
    assert resolve_heartbeat(settings(ChannelSettings(name="a"), heartbeat_url_env="BEAT")) == ("https://h/s3cret", None)
    url, problem = resolve_heartbeat(settings(ChannelSettings(name="a"), heartbeat_url_env="NOT_SET"))
    assert (url, problem) == ("", "the environment variable NOT_SET is not set")


@pytest.mark.prefect
def test_prefect_secret_blocks_of_a_real_server(tiny_up: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    names = ("ops-url", "no-text", "not-there")
    channels = [{"name": name, "kind": "webhook", "url_block": name} for name in names]
    monkeypatch.setenv("GOVPULSE_NOTIFICATIONS__CHANNELS", json.dumps(channels))
    with temporary_settings(tiny_up.settings):
        Secret(value="https://h.example.com/bl0cksecret").save("ops-url")
        Secret(value={"a": 1}).save("no-text")
        found = resolve_channels(load_settings())
    assert [(channel.url.get_secret_value(), channel.problem) for channel in found] == [
        ("https://h.example.com/bl0cksecret", None),
        ("", "the Prefect Secret block no-text does not hold a text"),
        ("", "there is no Prefect Secret block not-there"),
    ]
    said = capfd.readouterr()
    assert "bl0cksecret" not in str(found) + said.out + said.err


@pytest.mark.slow
def test_a_server_that_cannot_be_reached_is_the_channels_problem(tmp_path: Path) -> None:
    script = "from flows.channels import _read_block; print(_read_block('ops-url')[1])"
    environment = {**os.environ, "PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().startswith("the Prefect Secret block ops-url cannot be read: "), done.stderr


def test_the_example_of_the_docs_is_right(monkeypatch, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "notifications.md").read_text()
    file = tmp_path / "govpulse.toml"
    file.write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL).group(1).replace("secret_block", "secret_env"))
    monkeypatch.setenv("OPS_URL", "https://h.example.com/x")
    monkeypatch.setenv("ops-key", "k")
    monkeypatch.setenv("PAGERDUTY_KEY", "p")
    monkeypatch.setenv("CHAT_URL", "slack://TokenA/TokenB/TokenC")
    assert [(channel.kind, channel.problem) for channel in resolve_channels(load_settings(file))] == [
        ("webhook", None),
        ("pagerduty", None),
        ("apprise", None),
    ]
