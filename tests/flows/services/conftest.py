"""A real Chromium, for the pages of a real `up`. It comes from the system, its driver from requirements-services.lock."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

QUIET = ("no-sandbox", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "no-first-run")
PAINTING = ("use-gl=angle", "use-angle=swiftshader", "enable-unsafe-swiftshader", "ignore-gpu-blocklist")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=[f"--{flag}" for flag in (*QUIET, *PAINTING)])
        yield browser
        browser.close()
