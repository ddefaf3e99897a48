"""What is seen: alerts as they stand, whatever they are called, and while the warehouse is busy as they were published."""

import json
from datetime import UTC, datetime

import pytest

from flows.web import desk as desks
from storage.lock import fair_lock
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
from tasks.silences import add_silence, new_silence, parse_matchers
from tests.flows.web.conftest import DISK, NOW, OVER, SCAN, an_alert, put_alerts

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m\n'\"&amp;"


def test_the_board_shows_what_is_wrong_the_worst_first(browser, cookie) -> None:
    text = browser.get("/alerts", cookie=cookie).text
    assert "1 critical" in text
    assert "1 warning" in text
    assert text.index("disk_almost_full: web-1, /data") < text.index("scan_probably_dead: scan-7")
    assert "web-9" not in text
    assert "web-9" in browser.get("/alerts?all=1", cookie=cookie).text


def test_an_alert_says_all_there_is(browser, cookie) -> None:
    text = browser.get(f"/alerts/{DISK}", cookie=cookie).text
    for words in ("critical", "firing since", "2026-03-10 12:00 UTC", "episode 3", "/data", "Acknowledge", "Silence"):
        assert words in text
    over = browser.get(f"/alerts/{OVER}", cookie=cookie).text
    assert "resolved" in over
    assert "<form" not in over, "there is nothing to do any more"


@pytest.mark.parametrize("path", ["/alerts/ffff", "/alerts/%3Cb%3E"])
def test_what_is_not_there_is_said_in_one_line(browser, cookie, path) -> None:
    answer = browser.get(path, cookie=cookie)
    assert answer.status_code == 400
    assert "no alert" in answer.text
    assert "<b>" not in answer.text


def test_names_are_text_whatever_is_in_them(browser, cookie, desk) -> None:
    put_alerts(desk.home, an_alert("dd11", "disk_almost_full", HOSTILE, labels={HOSTILE: HOSTILE}, reason=HOSTILE))
    for path in ("/alerts", "/alerts/dd11"):
        text = browser.get(path, cookie=cookie).text
        assert "<script>" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e\\x1b[31m\\x0a&#39;&#34;&amp;amp;" in text
        assert not {"\u202e", "\x1b"} & set(text)


def test_silences_are_shown_with_whom_they_are_by(browser, cookie, desk) -> None:
    with warehouse(desk.home) as con:
        made = new_silence(parse_matchers(["subject=scan-7"]), "ann", "moving", NOW, datetime(2026, 3, 11, tzinfo=UTC), NOW)
        add_silence(con, made)
    text = browser.get("/silences", cookie=cookie).text
    for words in ("subject=scan-7", "ann", "moving", "2026-03-11 00:00 UTC"):
        assert words in text
    assert "silenced until" in browser.get("/alerts", cookie=cookie).text
    assert "by ann" in browser.get(f"/alerts/{SCAN}", cookie=cookie).text


def test_a_plot_is_shown_with_its_alert_and_no_other_file_is(browser, cookie, desk) -> None:
    put_alerts(desk.home, an_alert("dd11", "anomaly", "web-1"))
    desk.home.plots.mkdir(parents=True)
    (desk.home.plots / "anomaly-web-1-abc.png").write_bytes(b"PNG")
    index = [{"file": "anomaly-web-1-abc.png", "heading": "h", "sentence": "s", "names": ["anomaly", "web-1"]}]
    (desk.home.plots / "plots.json").write_text(json.dumps(index))
    assert 'src="/plots/anomaly-web-1-abc.png"' in browser.get("/alerts/dd11", cookie=cookie).text
    assert browser.get("/plots/anomaly-web-1-abc.png", cookie=cookie).content == b"PNG"
    assert browser.get("/plots/anomaly-web-1-abc.png").status_code == 401
    for name in ("plots.json", "..%2F..%2Fgovpulse.duckdb", "gone.png", "%2e%2e/x.png"):
        assert browser.get(f"/plots/{name}", cookie=cookie).status_code == 404


def test_while_the_warehouse_is_busy_there_is_what_was_published(browser, cookie, desk, monkeypatch) -> None:
    monkeypatch.setattr(desks, "LOOK_SECONDS", 0.1)
    with warehouse(desk.home) as con:
        publish(con, desk.home)
    with fair_lock(desk.home.private / "warehouse.lock", 1.0):
        for path in ("/alerts", f"/alerts/{DISK}", "/silences"):
            answer = browser.get(path, cookie=cookie)
            assert answer.status_code == 200
            assert "The warehouse is busy" in answer.text
        assert "web-1" in browser.get("/alerts", cookie=cookie).text
    assert "is busy" not in browser.get("/alerts", cookie=cookie).text
