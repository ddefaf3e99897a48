"""The pages of a small installation, asked as a browser asks, without a socket."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp

from flows.web.app import make_app
from flows.web.desk import Desk
from storage.catalogue import TABLES
from storage.home import Home
from storage.limits import Limits
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.write import upsert_rows
from tests.homes import migrated_home

HOST = "127.0.0.1:4201"
ORIGIN = f"http://{HOST}"
SECRET = "govpulse:s3cret"
NOW = datetime(2026, 3, 10, 12, 0, 30, tzinfo=UTC)
KEY = SecretStr("key of the links")
DISK, SCAN, OVER = "aa11bb22cc33dd44", "bb11bb22cc33dd44", "cc11bb22cc33dd44"


@dataclass(frozen=True)
class Browser:
    """Asks for pages; what it says beside that is the test's."""

    app: ASGIApp

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ORIGIN) as client:
                said = {name.replace("_", "-"): text for name, text in headers.items()}
                return await client.request(method, path, data=form, headers=said)

        return asyncio.run(asked())

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, **headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        """As a form of our own page is posted."""
        return self.ask("POST", path, form, **{"origin": ORIGIN, **headers})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An installation with an alert about a disk, one about a scan, and one that is over."""
    migrated_home(tmp_path / "home")
    desk = Desk(Home(tmp_path / "home"), Limits(30.0, 1, "500MB"), SECRET, KEY, "https://wiki.example.com", clock=lambda: NOW)
    put_alerts(
        desk.home,
        an_alert(DISK, "disk_almost_full", "web-1", {"mount": "/data"}),
        an_alert(SCAN, "scan_probably_dead", "scan-7", severity="warning"),
        an_alert(OVER, "disk_almost_full", "web-9", state="resolved", resolved_at=NOW),
    )
    return desk


@pytest.fixture
def browser(desk: Desk) -> Browser:
    return Browser(make_app(desk, ["127.0.0.1"]))


@pytest.fixture
def cookie(browser: Browser) -> str:
    """Of somebody who has signed in."""
    return browser.post("/sign-in", {"secret": SECRET}).headers["set-cookie"].partition(";")[0]


@pytest.fixture
def later(desk: Desk) -> Callable[[datetime], Browser]:
    """The pages at another time."""
    return lambda at: Browser(make_app(replace(desk, clock=lambda: at), ["127.0.0.1"]))


def an_alert(fingerprint: str, rule: str, subject: str, labels: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """A row of alerts.alerts; a critical alert that fires, if `fields` say nothing else."""
    row = {"fingerprint": fingerprint, "rule": rule, "subject": subject, "labels": json.dumps(labels or {})}
    state = {"state": "firing", "severity": "critical", "episode": 3, "firing_since": NOW, "updated_at": NOW}
    figures = {"value": 0.97, "threshold": 0.95, "is_sample": False, "is_flapping": False}
    whole = row | state | figures | fields
    return {each.name: whole.get(each.name) for each in TABLES["alerts.alerts"].columns}


def put_alerts(home: Home, *rows: dict[str, Any]) -> None:
    with warehouse(home) as con, transaction(con):
        upsert_rows(con, TABLES["alerts.alerts"], rows)


def kept(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with warehouse(home) as con:
        return con.execute(sql).fetchall()
