"""Who is let in: who knows the secret. Nobody else sees anything, and no page of another origin does anything."""

import base64
import re
from datetime import timedelta

from tests.flows.web.conftest import DISK, HOST, NOW, ORIGIN, SECRET, kept

PAGES = ["/alerts", "/alerts?all=1", f"/alerts/{DISK}", "/silences"]
POSTED = [f"/alerts/{DISK}/ack", f"/alerts/{DISK}/silence", "/silences/abc/end"]
FORM = {"reason": "on it", "author": "ann", "for": "1h"}


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(secret.encode()).decode()


def test_without_the_secret_there_is_the_page_to_sign_in(browser) -> None:
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == 401
        assert "Secret of this installation" in answer.text
        assert "web-1" not in answer.text


def test_without_the_secret_nothing_is_done(browser, desk) -> None:
    for path in POSTED:
        for said in ({}, {"authorization": basic("govpulse:guess")}, {"cookie": "govpulse=9999999999.abc"}):
            assert browser.post(path, FORM, **said).status_code == 401
    assert kept(desk.home, "FROM alerts.silences") == []


def test_what_is_no_secret_is_refused(browser) -> None:
    for header in ("Basic", "Basic !", "Bearer x", "Basic " + "x" * 5000, basic(""), basic(SECRET)[:-2], "Basic /w=="):
        assert browser.get("/alerts", authorization=header).status_code == 401


def test_a_program_says_the_secret_with_each_request(browser) -> None:
    assert "web-1" in browser.get("/alerts", authorization=basic(SECRET)).text


def test_who_signs_in_has_a_cookie_that_no_script_reads_and_that_ends(browser, later) -> None:
    answer = browser.post("/sign-in", {"secret": SECRET})
    said = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax"} <= set(said.split("; "))
    cookie = said.partition(";")[0]
    assert "web-1" in browser.get("/alerts", cookie=cookie).text
    assert later(NOW + timedelta(days=29)).get("/alerts", cookie=cookie).status_code == 200
    assert later(NOW + timedelta(days=31)).get("/alerts", cookie=cookie).status_code == 401
    changed = re.sub(r"=(\d)", lambda found: f"={int(found[1]) + 1}", cookie, count=1)
    assert browser.get("/alerts", cookie=changed).status_code == 401, "until when it holds is signed"


def test_a_wrong_secret_signs_nobody_in(browser) -> None:
    answer = browser.post("/sign-in", {"secret": "govpulse:guess"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


FOREIGN = [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}]


def test_a_page_of_another_origin_does_nothing_in_the_name_of_who_is_signed_in(browser, desk, cookie) -> None:
    for said in FOREIGN:
        assert browser.post(f"/alerts/{DISK}/ack", FORM, cookie=cookie, **said).status_code == 403
    assert kept(desk.home, "FROM alerts.silences") == []


def test_under_another_name_there_is_nothing(browser, cookie) -> None:
    assert browser.get("/alerts", cookie=cookie, host="evil.example").status_code == 400


def test_no_answer_is_kept_or_framed_or_runs_a_script(browser, cookie) -> None:
    headers = browser.get("/alerts", cookie=cookie).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert "script-src" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["referrer-policy"] == "same-origin"


def test_a_form_that_is_longer_than_any_of_ours_is_refused(browser, cookie) -> None:
    assert browser.post(f"/alerts/{DISK}/ack", {"reason": "x" * 20_000}, cookie=cookie).status_code == 413


def test_the_address_alone_leads_to_the_alerts(browser) -> None:
    assert browser.get("/").headers["location"] == "/alerts"
    assert browser.get("/health").text == "ok"
    assert HOST in ORIGIN
