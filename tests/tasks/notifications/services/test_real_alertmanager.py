"""A real Alertmanager: an alert is there for as long as it fires here, is renewed, changes its severity, and ends."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from storage.home import Home
from storage.limits import Limits
from tasks.message import to_json
from tasks.notifications.channels import Channel
from tasks.notifications.delivery import deliver
from tasks.notifications.outcomes import DELIVERED
from tasks.notifications.senders import send
from tasks.notifications.senders.alertmanager import LEASE
from tests.messages import MESSAGE, NASTY, message
from tests.receiver import Receiver, receiving
from tests.tasks.notifications.conftest import a_row
from tests.tasks.notifications.test_delivery import put

pytestmark = pytest.mark.services

LIMITS = Limits(30.0, 1, "500MB")
SECONDS = 20.0


@dataclass(frozen=True)
class Alertmanager:
    url: str
    told: Receiver

    @property
    def channel(self) -> Channel:
        return Channel("am", "alertmanager", url=SecretStr(self.url))

    def alerts(self) -> list[dict[str, Any]]:
        """What is active there."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts?active=true", timeout=5) as answer:
            return json.loads(answer.read())

    def heard(self) -> dict[str, str]:
        """What it told its receiver last, by severity."""
        told = [alert for request in self.told.requests for alert in request.json()["alerts"]]
        return {alert["labels"]["severity"]: alert["status"] for alert in told}

    def severities(self) -> set[str]:
        return {alert["labels"]["severity"] for alert in self.alerts()}


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    with receiving() as told:
        receiver = {"name": "us", "webhook_configs": [{"url": told.url, "send_resolved": True}]}
        route = {"receiver": "us", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
        (tmp_path / "am.yml").write_text(json.dumps({"route": route, "receivers": [receiver]}))  # JSON is YAML
        port = free_port()
        command = ["prometheus-alertmanager", f"--config.file={tmp_path / 'am.yml'}", f"--storage.path={tmp_path / 'data'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            running = Alertmanager(f"http://127.0.0.1:{port}", told)
            try:
                until(lambda: is_ready(running.url))
                yield running
            finally:
                process.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def until(is_so: Callable[[], Any]) -> None:
    patience_ends = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < patience_ends
        time.sleep(0.1)


def now() -> datetime:
    return datetime.now(UTC)


def firing(**changes: Any) -> Any:
    return message(since=now() - timedelta(minutes=5), at=now(), **changes)


def test_from_firing_through_both_severities_to_the_end(alertmanager: Alertmanager) -> None:
    channel = alertmanager.channel
    for told, heard in (
        (firing(severity="warning"), {"warning": "firing"}),
        (firing(event="escalated"), {"warning": "resolved", "critical": "firing"}),
        (firing(event="eased", severity="warning"), {"warning": "firing", "critical": "resolved"}),
        (firing(event="resolved", severity="warning"), {"warning": "resolved", "critical": "resolved"}),
    ):
        assert send(channel, told, "n", now()) == DELIVERED
        until(lambda heard=heard: alertmanager.heard() == heard)
    assert alertmanager.alerts() == []


def test_what_is_renewed_goes_on_and_what_is_not_ends(alertmanager: Alertmanager, home: Home) -> None:
    """The clock is put so that what is posted holds for three seconds."""
    seconds = timedelta(seconds=3)
    row = replace(a_row(), channel="am", message=to_json(firing()), queued_at=now() - LEASE, updated_at=now() - LEASE)
    put(home, row)

    def deliver_now() -> None:
        deliver(home, LIMITS, [alertmanager.channel], timedelta(), lambda: now() - LEASE + seconds)

    deliver_now()
    started = time.monotonic()
    while time.monotonic() < started + 6:
        assert alertmanager.severities() == {"critical"}
        deliver_now()
        time.sleep(0.3)
    until(lambda: alertmanager.severities() == set())


def test_it_takes_whatever_an_alert_is_called(alertmanager: Alertmanager) -> None:
    told = firing(subject=NASTY, labels={NASTY: NASTY, "1st": "x", "é": "y", "": "z"}, rule="r", title=NASTY, statement=NASTY)
    assert send(alertmanager.channel, told, "n", now()) == DELIVERED
    until(lambda: len(alertmanager.alerts()) == 1)
    assert MESSAGE.subject not in alertmanager.alerts()[0]["labels"]["subject"]
