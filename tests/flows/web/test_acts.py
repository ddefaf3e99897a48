"""What is done: once, by who may, on this alert; and what is not: by looking, or by a link that was used or changed."""

from dataclasses import replace
from datetime import timedelta

from flows.web import desk as desks
from storage.lock import fair_lock
from tasks.notifications.links import LIFE, Permit, written
from tests.flows.web.conftest import DISK, KEY, NOW, OVER, SCAN, Browser, an_alert, kept, put_alerts

WHO = {"author": "ann", "reason": "on it"}
PERMIT = Permit("ack", DISK, 3, "5c1b0d7f2a9e4c33", NOW + LIFE)
MADE = "SELECT kind, fingerprint, episode, author, reason, permit FROM alerts.silences"


def link(permit: Permit = PERMIT) -> str:
    return f"/act/{written(permit, KEY)}"


def test_who_is_signed_in_acknowledges_and_the_board_says_so(browser, cookie, desk) -> None:
    assert browser.post(f"/alerts/{DISK}/ack", WHO, cookie=cookie).headers["location"] == f"/alerts/{DISK}"
    assert kept(desk.home, MADE) == [("ack", DISK, 3, "ann", "on it", None)]
    assert "acknowledged by ann" in browser.get("/alerts", cookie=cookie).text


def test_a_silence_from_the_page_is_of_this_alert_alone(browser, cookie, desk) -> None:
    put_alerts(desk.home, an_alert("dd11", "disk_almost_full", "web-1", labels={"mount": "/"}))
    browser.post(f"/alerts/{DISK}/silence", WHO | {"for": "1d"}, cookie=cookie)
    ((matchers, lasts),) = kept(desk.home, "SELECT matchers::VARCHAR, expires_at - starts_at FROM alerts.silences")
    assert matchers == '[["rule", "=", "disk_almost_full"], ["subject", "=", "web-1"], ["mount", "=", "/data"]]'
    assert lasts == timedelta(days=1)
    assert browser.get("/alerts", cookie=cookie).text.count("silenced until") == 1


def test_a_silence_has_one_of_the_lengths_there_are(browser, cookie, desk) -> None:
    for length in ("", "2y", "1w2d", "-1h", "0", "'"):
        assert browser.post(f"/alerts/{DISK}/silence", WHO | {"for": length}, cookie=cookie).status_code == 400
    assert kept(desk.home, MADE) == []


def test_a_silence_is_ended_from_its_page(browser, cookie, desk) -> None:
    browser.post(f"/alerts/{DISK}/ack", WHO, cookie=cookie)
    ((silence_id,),) = kept(desk.home, "SELECT silence_id FROM alerts.silences")
    browser.post(f"/silences/{silence_id}/end", {}, cookie=cookie)
    assert kept(desk.home, "SELECT ended_at IS NOT NULL FROM alerts.silences") == [(True,)]
    assert "Nothing is silenced" in browser.get("/silences", cookie=cookie).text


def test_looking_does_nothing(browser, cookie, desk) -> None:
    """Scanners of mail follow links, with whatever method reads."""
    for path in ("/alerts", f"/alerts/{DISK}", f"/alerts/{DISK}/ack", link(), link(replace(PERMIT, act="silence"))):
        for method in ("GET", "HEAD", "OPTIONS"):
            browser.ask(method, path, cookie=cookie)
            browser.ask(method, path)
    assert kept(desk.home, MADE) == []


def test_a_link_shows_what_it_would_do_and_does_it_once(browser, desk) -> None:
    page = browser.get(link())
    assert page.status_code == 200
    assert "Acknowledge this alert?" in page.text
    assert "disk_almost_full of web-1" in page.text
    done = browser.post(link(), WHO)
    assert done.status_code == 200
    assert "is acknowledged" in done.text
    assert kept(desk.home, MADE) == [("ack", DISK, 3, "ann", "on it", "ack.5c1b0d7f2a9e4c33")]


def test_a_link_that_was_used_does_nothing_more(browser, desk, cookie) -> None:
    browser.post(link(), WHO)
    ((silence_id,),) = kept(desk.home, "SELECT silence_id FROM alerts.silences")
    browser.post(f"/silences/{silence_id}/end", {}, cookie=cookie)
    again = browser.post(link(), WHO)
    assert again.status_code == 400
    assert "has been used" in again.text
    assert len(kept(desk.home, MADE)) == 1


def test_a_silence_by_link_is_made_once(browser, desk) -> None:
    permit = replace(PERMIT, act="silence")
    assert "until 2026-03-10 16:00 UTC" in browser.post(link(permit), WHO | {"for": "4h"}).text
    assert browser.post(link(permit), WHO | {"for": "1w"}).status_code == 400
    assert kept(desk.home, "SELECT kind, expires_at - starts_at FROM alerts.silences") == [("silence", timedelta(hours=4))]


def test_who_comes_second_reads_who_was_first(browser, desk) -> None:
    browser.post(link(), WHO)
    other = browser.post(link(replace(PERMIT, notification_id="another")), {"author": "bob"})
    assert "ann has acknowledged disk_almost_full of web-1 before you: on it" in other.text
    assert len(kept(desk.home, MADE)) == 1


def test_an_expired_link_does_nothing(later, desk) -> None:
    browser: Browser = later(NOW + LIFE)
    for answer in (browser.get(link()), browser.post(link(), WHO)):
        assert answer.status_code == 400
        assert "this link held until 2026-03-11 12:00 UTC" in answer.text
    assert kept(desk.home, MADE) == []


def test_a_link_changed_by_one_letter_does_nothing(browser, desk) -> None:
    path = link()
    for place in range(len("/act/"), len(path)):
        other = "b" if path[place] != "b" else "c"
        assert browser.post(path[:place] + other + path[place + 1 :], WHO).status_code == 400
    assert kept(desk.home, MADE) == []


def test_a_link_sent_by_another_origin_does_nothing(browser, desk) -> None:
    for said in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
        assert browser.post(link(), WHO, **said).status_code == 403
    assert kept(desk.home, MADE) == []


def test_a_link_about_an_episode_that_is_over_does_nothing(browser, desk) -> None:
    put_alerts(desk.home, an_alert(SCAN, "scan_probably_dead", "scan-7", episode=4))
    answer = browser.post(link(replace(PERMIT, fingerprint=SCAN)), WHO)
    assert answer.status_code == 400
    assert "this is about its episode 3" in answer.text
    over = browser.post(link(replace(PERMIT, fingerprint=OVER)), WHO)
    assert "is resolved; there is nothing" in over.text
    assert kept(desk.home, MADE) == []


def test_nothing_is_half_done_while_the_warehouse_is_busy(browser, desk, monkeypatch) -> None:
    monkeypatch.setattr(desks, "ACT_SECONDS", 0.1)
    with fair_lock(desk.home.private / "warehouse.lock", 1.0):
        answer = browser.post(link(), WHO)
    assert answer.status_code == 503
    assert "nothing was done" in answer.text
    assert browser.post(link(), WHO).status_code == 200, "the link is still good"


def test_who_says_no_name_is_called_what_is_known_of_them(browser, desk) -> None:
    browser.post(link(), {})
    assert kept(desk.home, "SELECT author, reason FROM alerts.silences") == [("somebody with the message", "no reason given")]
