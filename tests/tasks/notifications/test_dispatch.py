"""What becomes of each row: sent, waiting or suppressed, always with the reason."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from storage.catalogue.alerts import REASON_CODES
from tasks.hours import held_until, parse_hours
from tasks.notifications.dispatch import CurrentAlert, Notification, Situation, decide, hold, next_row
from tasks.routes import Route, closed_routes
from tasks.silences import new_ack, new_silence, parse_matchers
from tests.tasks.notifications.conftest import NOON, a_row

LATER = NOON + timedelta(minutes=10)
HOUR = timedelta(hours=1)


def standing(subject: str = "h1", *, state: str = "firing", episode: int = 1, severity: str = "warning") -> dict[str, CurrentAlert]:
    return {f"disk-{subject}": CurrentAlert("disk", subject, (("mount", "/"),), severity, state, episode)}


def outcome(row: Notification, **situation: Any) -> tuple[str, str | None]:
    """Status and reason of one row by itself."""
    (after,) = hold(decide([row], Situation(now=LATER, **situation)), Situation(now=LATER, **situation))
    return after.status, after.reason


def silence(*matchers: str, starts: timedelta = timedelta(), lasts: timedelta = HOUR):
    return new_silence(parse_matchers(matchers), "ann", "disk swap", NOON + starts, NOON + starts + lasts, NOON)


ACK = new_ack("disk-h1", 1, "bob", "on it", NOON)


def test_a_new_firing_is_sent() -> None:
    assert outcome(a_row(), alerts=standing()) == ("queued", None)
    assert next_row([a_row()], Situation(now=LATER)) == a_row()


@pytest.mark.parametrize(
    ("event", "situation", "expected"),
    [
        ("firing", {"silences": (silence("rule=disk"),)}, "silenced by ann until 2026-03-10 13:00 UTC: disk swap ("),
        ("escalated", {"silences": (silence("severity=warning"),)}, "silenced by ann"),
        ("firing", {"silences": (silence("rule=disk", "subject=h2"),)}, None),
        ("firing", {"silences": (silence("rule=disk", lasts=timedelta(minutes=5)),)}, None),
        ("firing", {"silences": (silence("rule=disk", starts=HOUR),)}, None),
        ("firing", {"silences": (ACK,)}, "acknowledged by bob: on it"),
        ("no_data", {"silences": (ACK,)}, "acknowledged by bob: on it"),
        ("escalated", {"silences": (ACK,)}, None),
        ("firing", {"inhibitors": {("disk", "h1"): [("host_silent", {})]}}, "inhibited by host_silent of h1"),
        ("firing", {"inhibitors": {("disk", "h1"): [("full", {"mount": "/", "device": "a"})]}}, "inhibited by full of h1"),
        ("firing", {"inhibitors": {("disk", "h1"): [("full", {"mount": "/data"})]}}, None),
        ("firing", {"inhibitors": {("disk", "h2"): [("host_silent", {})]}}, None),
        ("firing", {"inhibitors": {("memory", "h1"): [("host_silent", {})]}}, None),
    ],
)
def test_who_is_not_told_knows_why(event: str, situation: dict[str, Any], expected: str | None) -> None:
    status, reason = outcome(a_row(event=event), alerts=standing(), **situation)
    assert status == ("suppressed" if expected else "queued")
    assert (reason or "").startswith(expected or "")
    assert (reason is None) == (expected is None)


def test_when_a_silence_ends_and_the_alert_lasts_it_is_told_under_the_same_id() -> None:
    quiet = a_row(status="suppressed", reason_code="silenced", reason="silenced by ann until 2026-03-10 12:05 UTC: disk swap (1)")
    (after,) = decide([quiet], Situation(now=LATER, alerts=standing()))
    assert (after.status, after.reason, after.queued_at) == ("queued", None, LATER)
    assert after.notification_id == quiet.notification_id


def test_of_two_that_were_silenced_only_the_later_is_told() -> None:
    rows = [
        a_row(status="suppressed", reason_code="silenced", reason="silenced by ann"),
        a_row(
            event="escalated", minute=5, severity="critical", status="suppressed", reason_code="silenced", reason="silenced by ann"
        ),
    ]
    after = decide(rows, Situation(now=LATER, alerts=standing(severity="critical")))
    assert [(row.event, row.status) for row in after] == [("firing", "suppressed"), ("escalated", "queued")]


@pytest.mark.parametrize(
    ("event", "severity", "alert", "is_told", "status"),
    [
        ("no_data", "warning", standing(state="no_data"), True, "queued"),
        ("no_data", "warning", standing(), True, "suppressed"),
        ("no_data", "warning", standing(), False, "queued"),
        ("escalated", "critical", standing(severity="critical"), True, "queued"),
        ("escalated", "critical", standing(severity="warning"), True, "suppressed"),
        ("firing", "critical", standing(severity="warning"), False, "queued"),
    ],
)
def test_after_a_silence_only_what_is_still_true_is_told_or_that_there_is_an_alert_at_all(
    event: str, severity: str, alert: dict[str, CurrentAlert], is_told: bool, status: str
) -> None:
    row = a_row(event=event, severity=severity, status="suppressed", reason_code="silenced", reason="silenced by ann")
    told = frozenset({row.of} if is_told else ())
    (after,) = decide([row], Situation(now=LATER, alerts=alert, told=told))
    assert after.status == status


def test_what_was_damped_or_grouped_stays_so() -> None:
    damped = a_row(status="suppressed", reason_code="damped", reason="damped: flapping, fired 2 times in 24 h")
    grouped = a_row("h2", status="suppressed", reason_code="grouped", reason="grouped in digest d", digest="d")
    situation = Situation(now=LATER, alerts=standing() | standing("h2"))
    assert decide([damped, grouped], situation) == [damped, grouped]


@pytest.mark.parametrize("event", ["resolved", "gone"])
def test_an_end_follows_only_what_was_sent(event: str) -> None:
    end, told = a_row(event=event, minute=5), frozenset({("disk-h1", 1)})
    over = standing(state=event)
    assert outcome(end, alerts=over, told=told) == ("queued", None)
    assert outcome(end, alerts=over) == ("suppressed", "not told: nothing of this episode was sent here")
    assert outcome(end, alerts=over, told=frozenset({("disk-h1", 2)}))[0] == "suppressed", "of another episode"
    grouped = outcome(end, alerts=over, grouped={("disk-h1", 1): "d"})
    assert grouped == ("suppressed", "grouped: ends with digest d")


def test_a_silence_does_not_keep_back_the_end_of_what_was_told() -> None:
    end = a_row(event="resolved", minute=5)
    told = frozenset({("disk-h1", 1)})
    assert outcome(end, alerts=standing(state="resolved"), silences=(silence("rule=disk"),), told=told) == ("queued", None)


def test_resolved_waits_for_its_firing() -> None:
    """The receiver was down while it fired: both are told, in their order."""
    failed = a_row(status="failed", attempts=2, next_attempt_at=LATER + HOUR, reason_code="failed", reason="HTTP 503")
    rows = [failed, a_row(event="resolved", minute=5)]
    situation = Situation(now=LATER, alerts=standing(state="resolved"))
    after = hold(decide(rows, situation), situation)
    assert [(row.status, row.reason) for row in after] == [("failed", "HTTP 503"), ("queued", "waits for what comes before it")]
    assert next_row(after, situation) is None


@pytest.mark.parametrize("how", ["resolved", "gone"])
def test_an_end_waits_for_its_firing_even_where_the_clock_was_earlier_then(how: str) -> None:
    """Who retires a host looks at the clock, and waits while an evaluation finds that the host fires; or the clock was set back."""
    firing, end = a_row(minute=5), a_row(event=how)
    situation = Situation(now=LATER, alerts=standing(state=how))
    after = {row.event: row for row in decide([firing, end], situation)}
    assert (after["firing"].status, after["firing"].reason_code) == ("queued", None)
    assert (after[how].status, after[how].reason_code) == ("queued", "behind")
    assert next_row(after.values(), situation) == after["firing"]


def test_a_silenced_firing_and_its_end_in_one_go_are_both_kept_back() -> None:
    rows = [a_row(), a_row(event="resolved", minute=5)]
    after = decide(rows, Situation(now=LATER, alerts=standing(state="resolved"), silences=(silence("rule=disk"),)))
    assert [row.status for row in after] == ["suppressed", "suppressed"]


def test_a_channel_that_failed_is_left_alone_and_its_rows_say_so() -> None:
    until = LATER + timedelta(minutes=4)
    situation = Situation(now=LATER, alerts=standing(), paused=(until, "HTTP 503"))
    (after,) = hold([a_row()], situation)
    assert (after.status, after.reason) == ("queued", "waits: the channel failed, next at 12:14:00 UTC")
    assert next_row([after], situation) is None


def test_what_a_dead_channel_could_not_take_for_six_hours_is_dead() -> None:
    now = NOON + timedelta(hours=6)
    (after,) = hold([a_row()], Situation(now=now, alerts=standing(), paused=(now + HOUR, "HTTP 503")))
    assert (after.status, after.reason) == ("dead", "given up after 6 h: HTTP 503")
    (young,) = hold([a_row(minute=1)], Situation(now=now, alerts=standing(), paused=(now + HOUR, "HTTP 503")))
    assert young.status == "queued"


def test_a_full_channel_takes_nothing_more_this_minute() -> None:
    situation = Situation(now=LATER, alerts=standing(), full=(NOON + timedelta(minutes=11), "30 a minute"))
    (after,) = hold([a_row()], situation)
    assert after.reason == "rate-limited: 30 a minute, next at 12:11:00 UTC"
    assert next_row([after], situation) is None


def test_a_full_channel_says_nothing_over_a_failure() -> None:
    """Of one that was refused it stays known that it was: the channel takes others."""
    refused = a_row(status="failed", attempts=1, reason_code="refused", reason="refused: HTTP 400")
    assert hold([refused], Situation(now=LATER, full=(NOON + timedelta(minutes=11), "30 a minute"))) == [refused]


HELD = {
    "acknowledged": {"silences": (ACK,)},
    "silenced": {"silences": (silence("rule=disk"),)},
    "inhibited": {"inhibitors": {("disk", "h1"): [("host_silent", {})]}},
    "paused": {"paused": (LATER + HOUR, "HTTP 503")},
    "rate_limited": {"full": (LATER + HOUR, "30 a minute")},
    "off_hours": {"closed": {"office": None}},
}


@pytest.mark.parametrize("code", HELD)
def test_why_it_is_held_is_a_code(code: str) -> None:
    situation = Situation(now=LATER, alerts=standing(), **HELD[code])
    (after,) = hold(decide([a_row(routes=("office",))], situation), situation)
    assert after.reason_code == code


@pytest.mark.parametrize("code", REASON_CODES)
@pytest.mark.parametrize("status", ["queued", "failed", "suppressed"])
def test_what_happens_does_not_hang_on_the_sentence(code: str, status: str) -> None:
    """Forgetting somebody may have taken it."""
    digest = "d" if code == "grouped" else None
    rows = [
        a_row("h1", status=status, reason_code=code, reason=said, digest=digest)
        for said in ("damped: x", "refused: x", "waits for what comes before it", None)
    ]
    situation = Situation(now=LATER, alerts=standing())
    after = [hold(decide([row], situation), situation)[0] for row in rows]
    assert len({(row.status, row.reason_code, row.queued_at, next_row([row], situation) is None) for row in after}) == 1


def test_one_that_is_always_refused_keeps_none_of_the_others_back() -> None:
    refused = a_row("h1", status="failed", attempts=5, next_attempt_at=LATER)
    fresh = a_row("h2", minute=5)
    assert next_row([refused, fresh], Situation(now=LATER)) == fresh


def test_a_time_far_ahead_is_one_of_a_clock_that_was_set_back() -> None:
    row = a_row(status="failed", attempts=1, next_attempt_at=LATER + timedelta(days=1))
    assert next_row([row], Situation(now=LATER)) == row
    waiting = a_row(status="failed", attempts=1, next_attempt_at=LATER + timedelta(minutes=1))
    assert next_row([waiting], Situation(now=LATER)) is None


DAYTIME = {"closed": {"office": NOON + 20 * HOUR}}


def test_outside_of_the_hours_of_its_route_it_waits_and_is_told_when_they_begin() -> None:
    row = a_row(routes=("office",))
    assert outcome(row, alerts=standing(), **DAYTIME) == (
        "suppressed",
        "waits for the hours of route office, from 2026-03-11 08:00 UTC",
    )
    held = a_row(routes=("office",), status="suppressed", reason_code="off_hours", reason="waits")
    assert outcome(held, alerts=standing())[0] == "queued"
    for others in ((), ("office", "always")):
        assert outcome(a_row(routes=others), alerts=standing(), **DAYTIME) == ("queued", None)


def test_what_began_and_ended_outside_of_the_hours_is_not_told() -> None:
    end = a_row(event="resolved", minute=5, routes=("office",))
    for hours in (DAYTIME, {}):
        assert outcome(end, alerts=standing(state="resolved"), **hours) == (
            "suppressed",
            "not told: nothing of this episode was sent here",
        )


def test_the_end_of_what_was_told_waits_for_the_hours_however_long() -> None:
    end = a_row(event="resolved", routes=("office",))
    told = frozenset({end.of})
    closed = Situation(now=LATER, alerts=standing(state="resolved"), told=told, **DAYTIME)
    (held,) = hold(decide([end], closed), closed)
    assert (held.status, held.reason_code, next_row([held], closed)) == ("queued", "off_hours", None)
    morning = Situation(now=NOON + 20 * HOUR, alerts=standing(state="resolved"), told=told, paused=(NOON + 21 * HOUR, "HTTP 503"))
    (released,) = hold(decide([held], morning), morning)
    assert (released.status, released.reason_code, released.queued_at) == ("queued", "paused", morning.now), "and is not given up"


@pytest.mark.parametrize("status", ["queued", "failed"])
def test_a_digest_waits_too_and_goes_on_afterwards(status: str) -> None:
    digest = a_row("d", "digest", routes=("office",), status=status, attempts=1)
    closed, opened = Situation(now=LATER, **DAYTIME), Situation(now=NOON + 20 * HOUR)
    (held,) = hold(decide([digest], closed), closed)
    assert next_row([held], closed) is None
    (released,) = hold(decide([held], opened), opened)
    assert next_row([released], opened) == released


OFFICES = {
    "Europe/Berlin": "Mon-Fri 09:00-17:00",
    "America/New_York": "Sun-Thu 22:00-06:00",
    "Australia/Lord_Howe": "Sat,Sun 01:30-02:15",
}
"""The last two lie over the change of the clock."""


@pytest.mark.slow
@pytest.mark.parametrize("zone", OFFICES)
def test_over_twelve_months_nothing_is_told_in_a_silence_or_outside_of_hours_and_nothing_is_forgotten(zone: str) -> None:
    """An alert every 31 hours that lasts until it is told, looked at every 15 minutes."""
    hours = parse_hours(OFFICES[zone], zone)
    route = Route("office", (), ("ops",), hours=hours)
    quiet = new_silence(parse_matchers(["rule=disk"]), "ann", "backups", NOON, None, NOON, "Sun 01:30-03:30", zone)
    waiting: list[Notification] = []
    sent: list[timedelta] = []
    for quarters in range(366 * 96):
        now = NOON + quarters * HOUR / 4
        if quarters % 124 == 0:
            waiting.append(a_row(f"h{quarters}", minute=quarters * 15, routes=("office",)))
        if not waiting:
            continue
        alerts = {key: alert for row in waiting for key, alert in standing(row.fingerprint[5:]).items()}
        situation = Situation(now=now, alerts=alerts, silences=(quiet,), closed=closed_routes([route], now))
        waiting = hold(decide(waiting, situation), situation)
        is_told = next_row(waiting, situation) is not None
        local = now.astimezone(ZoneInfo(zone))
        in_silence = local.weekday() == 6 and "01:30" <= f"{local:%H:%M}" < "03:30"
        assert is_told is (held_until(hours, now) is not None and not in_silence), now
        if is_told:
            sent += [now - NOON - timedelta(minutes=15 * int(row.fingerprint[6:])) for row in waiting]
            waiting = []
    assert len(sent) + len(waiting) == 366 * 96 // 124 + 1
    assert max(sent) < timedelta(days=8)
