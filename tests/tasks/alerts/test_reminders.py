"""A critical alert that nobody acknowledged: people are reminded of it, and others are told; and what keeps it quiet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.alerts.care import Caring
from tasks.alerts.evaluation import evaluate
from tasks.alerts.inhibition import active_inhibitors
from tasks.alerts.rule import Rule
from tasks.alerts.states import Alert, Care, Observation
from tasks.hours import parse_hours
from tasks.matchers import parse_matcher
from tasks.routes import Recipients, Route
from tasks.silences import Silence, new_ack, new_silence, parse_matchers

BEGINNING = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PLAIN = Rule("disk", "SELECT 1", warning=0.8, critical=0.9)
LASTING = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, keep_firing_for=timedelta(minutes=5))
WATCHED = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, no_data_for=timedelta(minutes=30))
AGAIN = Care(repeat_every=4 * HOUR)
ON = Care(escalate_after=30 * MINUTE)
BOTH = Care(repeat_every=HOUR, escalate_after=HOUR)
OFTEN = Care(repeat_every=5 * MINUTE)
QUIET = Care(is_quiet=True, repeat_every=4 * HOUR, escalate_after=30 * MINUTE)
QUIET_AGAIN, QUIET_ON = Care(is_quiet=True, repeat_every=4 * HOUR), Care(is_quiet=True, escalate_after=30 * MINUTE)

Look = tuple[float, float | None, Care, str | None]
"""Minute, value seen, how people look after the alert then, event told."""

HISTORIES: dict[str, tuple[Rule, list[Look]]] = {
    "people are reminded when the time is over, and once": (
        PLAIN,
        [(0, 0.95, AGAIN, "firing"), (239, 0.95, AGAIN, None), (240, 0.95, AGAIN, "reminder"), (245, 0.95, AGAIN, None)],
    ),
    "of a warning they are not": (PLAIN, [(0, 0.85, AGAIN, "firing"), (600, 0.85, AGAIN, None)]),
    "a rise is told, and the time counts from it": (
        PLAIN,
        [
            (0, 0.85, AGAIN, "firing"),
            (200, 0.95, AGAIN, "escalated"),
            (439, 0.95, AGAIN, None),
            (440, 0.95, AGAIN, "reminder"),
        ],
    ),
    "nobody is reminded of what was told to be off": (PLAIN, [(0, 0.95, Care(), "firing"), (6000, 0.95, Care(), None)]),
    "after a long time without an evaluation there is one": (
        PLAIN,
        [(0, 0.95, AGAIN, "firing"), (4000, 0.95, AGAIN, "reminder"), (4005, 0.95, AGAIN, None), (4240, 0.95, AGAIN, "reminder")],
    ),
    "four a day: one is left for a rise, and one for the end, which does not wait": (
        PLAIN,
        [
            (0, 0.95, AGAIN, "firing"),
            (240, 0.95, AGAIN, "reminder"),
            (480, 0.95, AGAIN, "reminder"),
            (720, 0.95, AGAIN, "reminder"),
            (960, 0.95, AGAIN, None),
            (1439, 0.95, AGAIN, None),
            (1440, 0.95, AGAIN, "reminder"),
            (1500, 0.1, AGAIN, "resolved"),
        ],
    ),
    "a rise in a day of reminders is told, and so is the fall before it": (
        PLAIN,
        [
            (0, 0.95, OFTEN, "firing"),
            (5, 0.95, OFTEN, "reminder"),
            (10, 0.95, OFTEN, "reminder"),
            (15, 0.95, OFTEN, "reminder"),
            (20, 0.95, OFTEN, None),
            (25, 0.85, OFTEN, "eased"),
            (30, 0.95, OFTEN, "escalated"),
            (35, 0.85, OFTEN, "damped"),
            (40, 0.95, OFTEN, "damped"),
            (45, 0.95, OFTEN, None),
            (1440, 0.95, OFTEN, "escalated"),
        ],
    ),
    "while it is quiet nothing comes, and then once": (
        PLAIN,
        [
            (0, 0.95, AGAIN, "firing"),
            (240, 0.95, QUIET_AGAIN, None),
            (2000, 0.95, QUIET_AGAIN, None),
            (2005, 0.95, AGAIN, "reminder"),
            (2010, 0.95, AGAIN, None),
        ],
    ),
    "what recovers or has no data is nothing to be reminded of; what is back is": (
        LASTING,
        [(0, 0.95, AGAIN, "firing"), (238, 0.1, AGAIN, None), (241, 0.1, AGAIN, None), (242, 0.95, AGAIN, "reminder")],
    ),
    "without data there is no reminder": (
        WATCHED,
        [(0, 0.95, AGAIN, "firing"), (30, None, AGAIN, "no_data"), (300, None, AGAIN, None)],
    ),
    "a clock that was set back brings at most one": (
        PLAIN,
        [
            (600, 0.95, AGAIN, "firing"),
            (0, 0.95, AGAIN, None),
            (239, 0.95, AGAIN, None),
            (240, 0.95, AGAIN, "reminder"),
            (245, 0.95, AGAIN, None),
        ],
    ),
    "what flaps is silent, but not when it is critical and nobody answers": (
        PLAIN,
        [
            (0, 0.95, AGAIN, "firing"),
            (5, 0.1, AGAIN, "resolved"),
            (10, 0.95, AGAIN, "flapping"),
            (20, 0.1, AGAIN, None),
            (25, 0.95, AGAIN, "damped"),
            (245, 0.1, AGAIN, None),
            (250, 0.95, AGAIN, "reminder"),
        ],
    ),
    "others are told once, when nobody has answered for so long": (
        PLAIN,
        [
            (0, 0.95, ON, "firing"),
            (29, 0.95, ON, None),
            (30, 0.95, ON, "unacknowledged"),
            (35, 0.95, ON, None),
            (600, 0.95, ON, None),
            (605, 0.1, ON, "resolved"),
            (2000, 0.95, ON, "firing"),
            (2030, 0.95, ON, "unacknowledged"),
        ],
    ),
    "not of a warning; the time counts from the rise, and anew after a fall": (
        PLAIN,
        [
            (0, 0.85, ON, "firing"),
            (40, 0.95, ON, "escalated"),
            (60, 0.85, ON, "eased"),
            (80, 0.95, ON, "escalated"),
            (109, 0.95, ON, None),
            (110, 0.95, ON, "unacknowledged"),
        ],
    ),
    "what kept it quiet is no time without an answer": (
        PLAIN,
        [
            (0, 0.95, QUIET_ON, "firing"),
            (300, 0.95, QUIET_ON, None),
            (305, 0.95, ON, None),
            (334, 0.95, ON, None),
            (335, 0.95, ON, "unacknowledged"),
        ],
    ),
    "an acknowledgement that is taken back starts the time anew": (
        PLAIN,
        [(0, 0.95, ON, "firing"), (20, 0.95, QUIET_ON, None), (60, 0.95, ON, None), (90, 0.95, ON, "unacknowledged")],
    ),
    "when both are due, others come first, and neither is lost": (
        PLAIN,
        [(0, 0.95, BOTH, "firing"), (60, 0.95, BOTH, "unacknowledged"), (65, 0.95, BOTH, "reminder"), (70, 0.95, BOTH, None)],
    ),
}


def tell(rule: Rule, looks: list[Look]) -> list[tuple[float, str | None]]:
    alerts: dict[str, Alert] = {}
    told = []
    for minute, value, care, _ in looks:
        seen = [] if value is None else [Observation("web-1", value)]
        after, made = evaluate([rule], {"disk": seen}, alerts, BEGINNING + minute * MINUTE, care_of=lambda _, care=care: care)
        alerts |= {alert.fingerprint: alert for alert in after}
        events = ["damped" if each.is_damped else each.event for each in made if each.event]
        assert len(events) <= 1
        told.append((minute, events[0] if events else None))
    return told


@pytest.mark.parametrize("name", HISTORIES)
def test_history(name: str) -> None:
    rule, looks = HISTORIES[name]
    assert tell(rule, looks) == [(minute, event) for minute, _, _, event in looks]


def test_the_reminder_says_since_when_how_bad_now_and_that_nobody_answered() -> None:
    rule = Rule("disk", "SELECT 1", critical=0.9, unit="%", message="{subject} is {value} full")
    alerts: dict[str, Alert] = {}
    for minute, value in ((0, 0.95), (250, 0.97)):
        seen = {"disk": [Observation("web-1", value)]}
        after, made = evaluate([rule], seen, alerts, BEGINNING + minute * MINUTE, care_of=lambda _: AGAIN)
        alerts = {alert.fingerprint: alert for alert in after}
    (transition,) = made
    assert (transition.before.state, transition.after.state, transition.event) == ("firing", "firing", "reminder")
    assert transition.reason == (
        "web-1 is 97.0% full, critical at 90.0% or more; firing for 4 h 10 min, since 2026-03-10 12:00 UTC, and nobody has "
        "acknowledged it"
    )


def route(name: str, *matchers: str, to: str = "ops", **more: Any) -> Route:
    return Route(name, tuple(map(parse_matcher, matchers)), tuple(to.split(",")), **more)


ALERT = Alert("f", "disk", "web-1", (("team", "db"),), is_sample=False, state="firing", severity="critical", episode=2)
OFFICE = parse_hours("Mon-Fri 09:00-17:00", "Europe/Berlin")
SILENCE = new_silence(parse_matchers(["rule=disk"]), "ann", "moving", BEGINNING, BEGINNING + HOUR, BEGINNING)
NIGHTLY = new_silence(parse_matchers(["subject=web-1"]), "ann", "backup", BEGINNING, None, BEGINNING, "12:30-13:30", "UTC")
ACK = new_ack("f", 2, "bob", "on it", BEGINNING)


def care(*routes: Route, now: datetime = BEGINNING, silences: tuple[Silence, ...] = (), alert: Alert = ALERT, **more: Any) -> Care:
    channels = Recipients({"ops": "warning", "chat": "warning", "boss": "critical"}, routes, repeat_every=4 * HOUR)
    return Caring(now, channels, silences, **more).of(alert)


def test_how_often_is_said_by_the_route_else_by_the_settings() -> None:
    db, on_demand = route("db", "team=db", repeat_every=HOUR), route("db", "team=db", repeat_every=timedelta())
    assert care() == Care(repeat_every=4 * HOUR)
    assert care(db) == Care(repeat_every=HOUR)
    assert care(route("web", "team=web", repeat_every=HOUR)) == Care(repeat_every=4 * HOUR)
    assert care(on_demand) == Care()
    assert care(route("all", goes_on=True, to="chat", repeat_every=2 * HOUR), db).repeat_every == HOUR, "the more frequent"
    assert care(route("all", goes_on=True, to="chat"), on_demand).repeat_every == 4 * HOUR, "one of them is off"


def test_whom_nobody_answers_is_said_by_the_first_route_that_says_it() -> None:
    first = route("db", "team=db", goes_on=True)
    second = route("all", escalate_after=HOUR, escalate_to=("boss",))
    assert care(first, second).escalate_after == HOUR
    assert care(route("db", "team=db"), second).escalate_after is None, "it ends at the route before"


@pytest.mark.parametrize(
    ("silences", "minute", "is_quiet"),
    [
        ((), 0, False),
        ((ACK,), 0, True),
        ((new_ack("f", 1, "bob", "the episode before", BEGINNING),), 0, False),
        ((SILENCE,), 59, True),
        ((SILENCE,), 60, False),
        ((NIGHTLY,), 29, False),
        ((NIGHTLY,), 30, True),
        ((NIGHTLY,), 89, True),
        ((NIGHTLY,), 90, False),
    ],
)
def test_acknowledged_and_silenced_alerts_are_quiet(silences: tuple[Silence, ...], minute: int, is_quiet: bool) -> None:
    assert care(silences=silences, now=BEGINNING + minute * MINUTE).is_quiet is is_quiet


def test_what_another_alert_speaks_for_is_quiet() -> None:
    silent = Rule("host_silent", "SELECT 1", warning=1, inhibits=("disk",))
    host = Alert("h", "host_silent", "web-1", (), is_sample=False, state="firing", severity="critical", episode=1)
    assert care(over=active_inhibitors([silent], [host])).is_quiet
    assert not care(over=active_inhibitors([silent], [Alert(**vars(host) | {"state": "resolved"})])).is_quiet
    assert not care(over=active_inhibitors([silent], [Alert(**vars(host) | {"subject": "web-2"})])).is_quiet


def test_outside_of_the_hours_of_all_routes_it_is_quiet() -> None:
    timed, always = route("office", hours=OFFICE, goes_on=True), route("night", to="chat")
    evening, noon = BEGINNING + 6 * HOUR, BEGINNING
    assert not care(timed, now=noon).is_quiet
    assert care(timed, now=evening).is_quiet
    assert not care(timed, always, now=evening).is_quiet


def test_without_routes_in_the_settings_nobody_is_reminded() -> None:
    assert Caring(BEGINNING, {"ops": "warning"}).of(ALERT) == Care()


def test_whoever_hears_nothing_of_the_sample_is_not_reminded_of_it() -> None:
    sample = Alert(**vars(ALERT) | {"is_sample": True})
    boss = route("all", to="ops", escalate_after=HOUR, escalate_to=("boss",))
    assert care(boss, alert=sample, real_only=("ops", "chat", "boss")).is_quiet


@pytest.mark.parametrize("change", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
@settings(max_examples=12, deadline=None)
@given(fired=st.integers(-48 * 12, 48 * 12), every=st.integers(1, 30))
def test_no_reminder_outside_of_business_hours_and_none_forgotten_when_the_clock_changes(change, fired: int, every: int) -> None:
    """Four days around the change, evaluated every five minutes: a reminder comes only in the hours, and in these nobody waits for
    longer than the settings say, as far as the day has one left."""
    hours = parse_hours("02:15-09:45", "Europe/Berlin")
    channels = Recipients({"ops": "warning"}, (route("office", hours=hours, repeat_every=every * HOUR),))
    now, end, alerts = change + fired * 5 * MINUTE, change + 96 * HOUR, dict[str, Alert]()
    reminded, last = [], now
    while now < end:
        caring = Caring(now, channels)
        after, made = evaluate([PLAIN], {"disk": [Observation("web-1", 0.95)]}, alerts, now, care_of=caring.of)
        alerts = {alert.fingerprint: alert for alert in after}
        (alert,) = after
        events = [each.event for each in made]
        clock = now.astimezone(hours.zone)
        is_again = clock.fold == 1 and clock.hour == 2  # the range began at the first 02:15
        is_open = is_again or (2, 15) <= (clock.hour, clock.minute) < (9, 45)
        if "reminder" in events:
            assert is_open
            reminded.append(now)
        if events:
            last = now
        elif is_open and len(alert.recent_notices) < 4:
            assert now - last < every * HOUR, "forgotten"
        now += 5 * MINUTE
    assert reminded
