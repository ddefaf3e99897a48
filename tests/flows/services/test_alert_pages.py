"""The pages about alerts in a real Chromium: signing in by the link of `up`, an ack from the page, a signed link from a mail."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from flows.web.app import make_app
from flows.web.desk import Desk
from storage.home import Home
from storage.limits import Limits
from tasks.notifications.links import LIFE, Permit, written
from tests.flows.web.conftest import DISK, KEY, SECRET, an_alert, kept, put_alerts
from tests.homes import migrated_home
from tests.pages import serving

pytestmark = pytest.mark.services

NOBODYS = "Z̷a̸l̵g̶o‮<img src=x onerror=alert(1)>" + "x" * 3000


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = migrated_home(tmp_path / "home")
    put_alerts(home, an_alert(DISK, "disk_almost_full", "web-1"), an_alert("ee11", "disk_almost_full", NOBODYS, severity="warning"))
    return home


@pytest.fixture
def url(home: Home) -> Iterator[str]:
    desk = Desk(home, Limits(30.0, 1, "500MB"), SECRET, KEY)
    server = uvicorn.Server(uvicorn.Config(make_app(desk, ["127.0.0.1"]), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def visiting(chromium: Browser, **options: Any) -> Iterator[Page]:
    """A page that asks nobody else and complains of nothing."""
    context = chromium.new_context(**options)
    page, complaints, hosts = context.new_page(), [], set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    yield page
    assert complaints == []
    assert len(hosts - {""}) == 1
    context.close()


def test_from_the_link_of_up_to_an_ack(chromium: Browser, url: str, home: Home) -> None:
    with visiting(chromium) as page:
        page.goto(f"{url}/sign-in#{quote(SECRET, safe='')}")
        page.get_by_role("link", name="disk_almost_full: web-1").click()
        page.get_by_label("Your name").first.fill("ann")
        page.get_by_label("Why").first.fill("on it")
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_text("by ann")).to_be_visible()
        page.get_by_role("link", name="Silences").click()
        page.get_by_role("button", name="End").click()
        expect(page.get_by_text("Nothing is silenced or acknowledged.")).to_be_visible()
    assert kept(home, "SELECT author, ended_at IS NOT NULL FROM alerts.silences") == [("ann", True)]


def test_a_signed_link_asks_before_it_acts_and_needs_nobody_to_sign_in(chromium: Browser, url: str, home: Home) -> None:
    token = written(Permit("silence", DISK, 3, "n1", datetime.now(UTC) + LIFE), KEY)
    with visiting(chromium) as page:
        page.goto(f"{url}/act/{token}")
        assert kept(home, "FROM alerts.silences") == []
        page.get_by_label("For").select_option("1d")
        page.get_by_role("button", name="Silence").click()
        expect(page.get_by_text("Done: disk_almost_full of web-1 is silenced until")).to_be_visible()
    assert len(kept(home, "FROM alerts.silences")) == 1


def test_a_page_elsewhere_that_posts_a_signed_link_does_nothing(chromium: Browser, url: str, home: Home) -> None:
    token = written(Permit("ack", DISK, 3, "n1", datetime.now(UTC) + LIFE), KEY)
    form = f'<form method="post" action="{url}/act/{token}"><button>win</button></form>'
    context = chromium.new_context()
    with serving(form) as elsewhere:
        page = context.new_page()
        page.goto(elsewhere)
        page.get_by_role("button").click()
        expect(page.get_by_text("not from a page of another origin")).to_be_visible()
    context.close()
    assert kept(home, "FROM alerts.silences") == []


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_no_name_is_markup_or_breaks_the_page(chromium: Browser, url: str, width: int) -> None:
    with visiting(chromium, viewport={"width": width, "height": 900}) as page:
        page.goto(f"{url}/sign-in#{quote(SECRET, safe='')}")
        expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
        for path in ("/alerts", "/alerts/ee11"):
            page.goto(url + path)
            assert page.locator("img").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= width
