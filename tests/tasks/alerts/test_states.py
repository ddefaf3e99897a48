"""The state machine of one alert: every transition as a line of a table, and what holds whatever the rule sees."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.fingerprints import fingerprint
from tasks.alerts.evaluation import Transition, evaluate
from tasks.alerts.rule import Rule
from tasks.alerts.states import ACTIVE, Alert, Observation, advance

BEGINNING = datetime(2026, 3, 10, 12, tzinfo=UTC)
PLAIN = Rule("disk", "SELECT 1", warning=0.8, critical=0.9)
CLEAR = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, clear=0.7)
PATIENT = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, pending_for=timedelta(minutes=5))
LASTING = Rule("disk", "SELECT 1", warning=0.8, keep_firing_for=timedelta(minutes=5))
WATCHED = Rule("disk", "SELECT 1", warning=0.8, no_data_for=timedelta(minutes=30))
LASTING_WATCHED = Rule("disk", "SELECT 1", warning=0.8, keep_firing_for=timedelta(minutes=5), no_data_for=timedelta(minutes=30))
BELOW = Rule("rate", "SELECT 1", warning=0.8, critical=0.6, clear=0.85, direction="below")
PATIENT_WATCHED = Rule("disk", "SELECT 1", warning=0.8, pending_for=timedelta(minutes=5), no_data_for=timedelta(minutes=30))
HELD = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, clear_critical=0.85)
LASTING_CRITICAL = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, keep_firing_for=timedelta(minutes=5))
WATCHED_CRITICAL = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, no_data_for=timedelta(minutes=30))
LEAVING = Rule("disk", "SELECT 1", warning=0.8, no_data_for=timedelta(minutes=30), gone_after=timedelta(days=1))
LISTED = Rule("disk", "SELECT 1", warning=0.8, gone_after=timedelta())
ONLY_CRITICAL = Rule("disk", "SELECT 1", critical=0.9)

Step = tuple[float, float | None, str, str | None]
"""Minute, value seen (None: nothing), state after it, event told, or `damped`."""

HISTORIES: dict[str, tuple[Rule, list[Step]]] = {
    "under the threshold nothing happens": (PLAIN, [(0, 0.79, "absent", None)]),
    "at the threshold it fires": (PLAIN, [(0, 0.8, "firing", "firing")]),
    "it resolves just under the threshold": (PLAIN, [(0, 0.8, "firing", "firing"), (5, 0.79, "resolved", "resolved")]),
    "firing goes on in silence": (PLAIN, [(0, 0.8, "firing", "firing"), (5, 0.85, "firing", None)]),
    "warning to critical is told within the episode": (PLAIN, [(0, 0.85, "firing", "firing"), (5, 0.9, "firing", "escalated")]),
    "critical to warning is told": (
        PLAIN,
        [(0, 0.95, "firing", "firing"), (5, 0.85, "firing", "eased"), (10, 0.85, "firing", None)],
    ),
    "it fires again after resolving": (
        PLAIN,
        [
            (0, 0.8, "firing", "firing"),
            (5, 0.1, "resolved", "resolved"),
            (10, 0.1, "resolved", None),
            (15, 0.8, "firing", "flapping"),
        ],
    ),
    "between clear and warning it goes on": (CLEAR, [(0, 0.8, "firing", "firing"), (5, 0.75, "firing", None)]),
    "at clear it resolves": (CLEAR, [(0, 0.8, "firing", "firing"), (5, 0.7, "resolved", "resolved")]),
    "clear alone does not fire": (CLEAR, [(0, 0.75, "absent", None)]),
    "after resolving, clear does not fire again": (
        CLEAR,
        [(0, 0.8, "firing", "firing"), (5, 0.7, "resolved", "resolved"), (10, 0.75, "resolved", None)],
    ),
    "for: it pends, then fires": (
        PATIENT,
        [(0, 0.8, "pending", None), (4.9, 0.8, "pending", None), (5, 0.8, "firing", "firing")],
    ),
    "for: a break starts it anew": (
        PATIENT,
        [
            (0, 0.8, "pending", None),
            (4, 0.1, "inactive", None),
            (5, 0.8, "pending", None),
            (9, 0.8, "pending", None),
            (10, 0.8, "firing", "firing"),
        ],
    ),
    "for: critical while pending fires as critical": (PATIENT, [(0, 0.8, "pending", None), (5, 0.95, "firing", "firing")]),
    "for: a pending subject that vanishes is inactive": (PATIENT, [(0, 0.8, "pending", None), (1, None, "inactive", None)]),
    "for: it pends again after resolving": (
        PATIENT,
        [
            (0, 0.8, "pending", None),
            (5, 0.8, "firing", "firing"),
            (6, 0.1, "resolved", "resolved"),
            (7, 0.8, "pending", None),
            (12, 0.8, "firing", "flapping"),
        ],
    ),
    "keep_firing_for: it recovers, then resolves": (
        LASTING,
        [
            (0, 0.8, "firing", "firing"),
            (1, 0.1, "recovering", None),
            (5.9, 0.1, "recovering", None),
            (6, 0.1, "resolved", "resolved"),
        ],
    ),
    "keep_firing_for: a relapse is the same episode, untold": (
        LASTING,
        [
            (0, 0.8, "firing", "firing"),
            (1, 0.1, "recovering", None),
            (2, 0.8, "firing", None),
            (3, 0.1, "recovering", None),
            (7, 0.1, "recovering", None),
            (8, 0.1, "resolved", "resolved"),
        ],
    ),
    "an absent subject resolves": (PLAIN, [(0, 0.8, "firing", "firing"), (1, None, "resolved", "resolved")]),
    "an absent subject also recovers first": (
        LASTING,
        [(0, 0.8, "firing", "firing"), (1, None, "recovering", None), (6, None, "resolved", "resolved")],
    ),
    "no_data_for: absence keeps the state for a while": (
        WATCHED,
        [(0, 0.8, "firing", "firing"), (29, None, "firing", None), (30, None, "no_data", "no_data"), (600, None, "no_data", None)],
    ),
    "gone_after: what has been without data for so long is gone, and what comes back is new": (
        LEAVING,
        [
            (0, 0.8, "firing", "firing"),
            (30, None, "no_data", "no_data"),
            (1469, None, "no_data", None),
            (1470, None, "gone", "gone"),
            (1475, None, "gone", None),
            (3000, 0.1, "gone", None),
            (3005, 0.8, "firing", "firing"),
        ],
    ),
    "gone_after: a look after a long time finds no data first, for nobody looked meanwhile": (
        LEAVING,
        [(0, 0.8, "firing", "firing"), (5000, None, "no_data", "no_data"), (6440, None, "gone", "gone")],
    ),
    "gone_after without no_data_for: what is not listed any more is gone, what is listed and well has resolved": (
        LISTED,
        [
            (0, 0.8, "firing", "firing"),
            (5, None, "gone", "gone"),
            (500, 0.8, "firing", "firing"),
            (505, 0.1, "resolved", "resolved"),
            (510, None, "resolved", None),
        ],
    ),
    "no_data_for: it comes back firing within the episode": (
        WATCHED,
        [(0, 0.8, "firing", "firing"), (30, None, "no_data", "no_data"), (40, 0.8, "firing", None)],
    ),
    "no_data_for: a good value resolves it": (
        WATCHED,
        [(0, 0.8, "firing", "firing"), (30, None, "no_data", "no_data"), (40, 0.1, "resolved", "resolved")],
    ),
    "no_data_for: a good value after no data recovers first": (
        LASTING_WATCHED,
        [
            (0, 0.8, "firing", "firing"),
            (30, None, "no_data", "no_data"),
            (40, 0.1, "recovering", None),
            (45, 0.1, "resolved", "resolved"),
        ],
    ),
    "no_data_for: what did not fire does not fall silent": (
        WATCHED,
        [(0, 0.8, "firing", "firing"), (5, 0.1, "resolved", "resolved"), (60, None, "resolved", None)],
    ),
    "below: fires at and under, clears over": (
        BELOW,
        [
            (0, 0.81, "absent", None),
            (1, 0.8, "firing", "firing"),
            (2, 0.6, "firing", "escalated"),
            (3, 0.84, "firing", "eased"),
            (4, 0.85, "resolved", "resolved"),
        ],
    ),
    "clear_critical: it stays critical until it is back there": (
        HELD,
        [
            (0, 0.95, "firing", "firing"),
            (5, 0.87, "firing", None),
            (10, 0.84, "firing", "eased"),
            (15, 0.95, "firing", "escalated"),
        ],
    ),
    "every rise and every fall is told": (
        PLAIN,
        [
            (0, 0.85, "firing", "firing"),
            (5, 0.95, "firing", "escalated"),
            (10, 0.85, "firing", "eased"),
            (15, 0.95, "firing", "escalated"),
            (1500, 0.1, "resolved", "resolved"),
        ],
    ),
    "a fall while it recovers is told when it is beyond again": (
        LASTING_CRITICAL,
        [
            (0, 0.95, "firing", "firing"),
            (5, 0.1, "recovering", None),
            (8, 0.85, "firing", "eased"),
        ],
    ),
    "of the seventh of a day a rise waits, a fall takes its place, and another rise that of the fall, until one is a day old": (
        PLAIN,
        [
            (0, 0.85, "firing", "firing"),
            (10, 0.95, "firing", "escalated"),
            (20, 0.85, "firing", "eased"),
            (30, 0.95, "firing", "escalated"),
            (40, 0.85, "firing", "eased"),
            (50, 0.95, "firing", "escalated"),
            (60, 0.85, "firing", "damped"),
            (65, 0.85, "firing", None),
            (70, 0.95, "firing", "damped"),
            (80, 0.95, "firing", None),
            (1439, 0.95, "firing", None),
            (1440, 0.95, "firing", "escalated"),
            (1445, 0.95, "firing", None),
            (1450, 0.85, "firing", "eased"),
        ],
    ),
    "a rise that waits and was over again is not told, for nobody heard of it": (
        PLAIN,
        [
            (0, 0.95, "firing", "firing"),
            (10, 0.85, "firing", "eased"),
            (20, 0.95, "firing", "escalated"),
            (30, 0.85, "firing", "eased"),
            (40, 0.95, "firing", "escalated"),
            (50, 0.85, "firing", "eased"),
            (60, 0.95, "firing", "damped"),
            (70, 0.85, "firing", None),
            (1440, 0.85, "firing", None),
        ],
    ),
    "the end of what was told six times waits until one is left for when it fires again, and is told": (
        PLAIN,
        [
            (0, 0.95, "firing", "firing"),
            (10, 0.85, "firing", "eased"),
            (20, 0.95, "firing", "escalated"),
            (30, 0.85, "firing", "eased"),
            (40, 0.95, "firing", "escalated"),
            (50, 0.85, "firing", "eased"),
            (60, 0.1, "recovering", None),
            (1449, 0.1, "recovering", None),
            (1450, 0.1, "resolved", "resolved"),
        ],
    ),
    "no_data waits for the day, too, and is told if there still are none": (
        WATCHED_CRITICAL,
        [
            (0, 0.95, "firing", "firing"),
            (10, 0.85, "firing", "eased"),
            (20, 0.95, "firing", "escalated"),
            (30, 0.85, "firing", "eased"),
            (40, 0.95, "firing", "escalated"),
            (70, None, "no_data", "damped"),
            (75, None, "no_data", None),
            (1440, None, "no_data", "no_data"),
            (1445, None, "no_data", None),
        ],
    ),
    "it fires again within the hour: that is flapping, and lasts until it was steady for two hours": (
        PLAIN,
        [
            (0, 0.8, "firing", "firing"),
            (5, 0.1, "resolved", "resolved"),
            (59, 0.8, "firing", "flapping"),
            (65, 0.1, "recovering", None),
            (70, 0.8, "firing", "damped"),
            (75, 0.1, "recovering", None),
            (194, 0.1, "recovering", None),
            (195, 0.1, "resolved", "resolved"),
        ],
    ),
    "it fires for the third time in a day: that is flapping, too": (
        PLAIN,
        [
            (0, 0.8, "firing", "firing"),
            (5, 0.1, "resolved", "resolved"),
            (600, 0.8, "firing", "firing"),
            (605, 0.1, "resolved", "resolved"),
            (1439, 0.8, "firing", "flapping"),
        ],
    ),
    "a day later it is not": (
        PLAIN,
        [
            (0, 0.8, "firing", "firing"),
            (5, 0.1, "resolved", "resolved"),
            (600, 0.8, "firing", "firing"),
            (605, 0.1, "resolved", "resolved"),
            (1440, 0.8, "firing", "firing"),
        ],
    ),
    "what flapped and then fires steadily resolves as any other": (
        PLAIN,
        [
            (0, 0.8, "firing", "firing"),
            (5, 0.1, "resolved", "resolved"),
            (10, 0.8, "firing", "flapping"),
            (130, 0.8, "firing", None),
            (135, 0.1, "resolved", "resolved"),
        ],
    ),
    "for: time without data does not count": (
        PATIENT_WATCHED,
        [
            (0, 0.8, "pending", None),
            (3, 0.8, "pending", None),
            (8, None, "pending", None),
            (9, 0.8, "pending", None),
            (10, 0.8, "firing", "firing"),
        ],
    ),
    "a clock that was set back fires nothing early and ends nothing": (
        PATIENT,
        [
            (60, 0.8, "pending", None),
            (64, 0.8, "pending", None),
            (4, 0.8, "pending", None),
            (8.9, 0.8, "pending", None),
            (9, 0.8, "firing", "firing"),
        ],
    ),
    "a clock that was set back does not stretch the time to be clear": (
        LASTING,
        [
            (60, 0.8, "firing", "firing"),
            (61, 0.1, "recovering", None),
            (1, 0.1, "recovering", None),
            (6, 0.1, "resolved", "resolved"),
        ],
    ),
    "a rule with a critical threshold only": (
        ONLY_CRITICAL,
        [(0, 0.89, "absent", None), (1, 0.9, "firing", "firing"), (2, 0.89, "resolved", "resolved")],
    ),
}


def step(rule: Rule, alerts: dict[str, Alert], minute: float, value: float | None) -> list[Transition]:
    """Evaluate at `minute` with one subject that has `value`, and put the outcome into `alerts`."""
    seen = [] if value is None else [Observation("h1", value)]
    after, transitions = evaluate([rule], {rule.name: seen}, alerts, BEGINNING + timedelta(minutes=minute))
    alerts |= {alert.fingerprint: alert for alert in after}
    return transitions


@pytest.mark.parametrize(("rule", "steps"), HISTORIES.values(), ids=HISTORIES)
def test_history(rule: Rule, steps: list[Step]) -> None:
    alerts: dict[str, Alert] = {}
    key = fingerprint(rule.name, "h1", ())
    for minute, value, state, event in steps:
        transitions = step(rule, alerts, minute, value)
        assert (alerts[key].state if key in alerts else "absent") == state, minute
        assert ["damped" if t.is_damped else t.event for t in transitions if t.event] == ([event] if event else []), minute


def test_an_alert_carries_its_numbers() -> None:
    alerts: dict[str, Alert] = {}
    for minute, value in ((0, 0.85), (5, 0.95), (9, 0.5)):
        step(PLAIN, alerts, minute, value)
        (alert,) = alerts.values()
        if minute == 5:
            assert (alert.severity, alert.threshold, alert.value, alert.episode) == ("critical", 0.9, 0.95, 1)
            assert alert.pending_since == alert.firing_since == BEGINNING, "an escalation is no new beginning"
    assert (alert.state, alert.value, alert.resolved_at) == ("resolved", 0.5, BEGINNING + timedelta(minutes=9))
    assert alert.last_seen_at == alert.resolved_at


def test_between_clear_and_warning_it_goes_on_as_a_warning() -> None:
    alerts: dict[str, Alert] = {}
    step(CLEAR, alerts, 0, 0.95)
    step(CLEAR, alerts, 5, 0.75)
    (alert,) = alerts.values()
    assert (alert.state, alert.severity, alert.threshold) == ("firing", "warning", 0.8)


@pytest.mark.parametrize("looks", [1, 2, 3, 6, 12, 18, 24, 36, 48, 72, 100, 144])
def test_a_value_that_flaps_for_two_days_is_told_of_at_most_six_times_a_day(looks: int) -> None:
    """Looked at every 5 minutes, bad for so many looks, then good for as many."""
    alerts: dict[str, Alert] = {}
    told = []
    for look in range(2 * 288):
        transitions = step(PLAIN, alerts, 5 * look, 0.95 if look // looks % 2 == 0 else 0.1)
        told += [look for transition in transitions if transition.event and not transition.is_damped]
    assert max(sum(0 <= later - first < 288 for later in told) for first in told) <= 6
    assert told[0] == 0
    for look in range(2 * 288, 4 * 288):
        step(PLAIN, alerts, 5 * look, 0.1)
    assert [alert.state for alert in alerts.values()] == ["resolved"], "and in the end it is over"


rules = st.builds(
    lambda direction, pending, keep, no_data, has_clear: Rule(
        "disk",
        "SELECT 1",
        warning=0.8 if direction == "above" else 0.4,
        critical=0.9 if direction == "above" else 0.2,
        clear=0.6 if has_clear else None,
        direction=direction,
        pending_for=timedelta(minutes=pending),
        keep_firing_for=timedelta(minutes=keep),
        no_data_for=timedelta(minutes=no_data) if no_data else None,
    ),
    st.sampled_from(["above", "below"]),
    st.sampled_from([0, 5, 12]),
    st.sampled_from([0, 5, 12]),
    st.sampled_from([None, 10, 30]),
    st.booleans(),
)
histories = st.lists(st.tuples(st.integers(1, 20), st.none() | st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.85, 0.95])), max_size=25)


def walk(rule: Rule, history: list[tuple[int, float | None]]) -> list[dict[str, Any]]:
    """What each evaluation of a history did to the alert."""
    alerts: dict[str, Alert] = {}
    steps, minute = [], 0
    for pause, value in history:
        minute += pause
        before = next(iter(alerts.values()), None)
        transitions = step(rule, alerts, minute, value)
        assert len(transitions) <= 1
        assert len(alerts) <= 1
        after = next(iter(alerts.values()), None)
        steps.append({"value": value, "before": before, "after": after, "transitions": transitions, "minute": minute})
    return steps


@given(rules, histories)
def test_an_episode_opens_once_and_is_told_of_once(rule: Rule, history) -> None:
    is_open, episode = False, 0
    for taken in walk(rule, history):
        for transition in taken["transitions"]:
            if transition.event in ("firing", "flapping") and not transition.is_damped:
                assert not is_open, "at most one open episode"
                assert transition.after.episode == episode + 1
                is_open, episode = True, episode + 1
            if transition.event == "resolved":
                assert is_open, "resolved follows a firing"
                is_open = False
            if transition.event in ("escalated", "eased", "no_data"):
                assert is_open
        assert taken["after"] is None or taken["after"].episode == episode
        assert is_open == (taken["after"] is not None and taken["after"].state in ACTIVE)


@given(rules, histories)
def test_pending_is_told_to_nobody_and_fires_only_after_its_time(rule: Rule, history) -> None:
    since = None
    for taken in walk(rule, history):
        for transition in taken["transitions"]:
            if transition.after.state == "pending":
                assert transition.event is None
            if transition.event == "firing":
                assert transition.transitioned_at - transition.after.pending_since >= rule.pending_for
                assert transition.after.pending_since == (since or transition.transitioned_at)
        after = taken["after"]
        since = after.pending_since if after and after.state == "pending" else None


@given(rules.filter(lambda rule: rule.no_data_for is not None), histories)
def test_without_data_nothing_resolves(rule: Rule, history) -> None:
    for taken in walk(rule, history):
        if taken["value"] is None:
            assert [t.after.state for t in taken["transitions"]] in ([], ["no_data"])
            was_active = taken["before"] is not None and taken["before"].state in ACTIVE
            assert was_active == (taken["after"] is not None and taken["after"].state in ACTIVE)


@given(rules, histories)
def test_the_same_evaluation_again_changes_nothing(rule: Rule, history) -> None:
    alerts: dict[str, Alert] = {}
    minute = 0
    for pause, value in history:
        minute += pause
        step(rule, alerts, minute, value)
        standing = dict(alerts)
        assert step(rule, alerts, minute, value) == []
        assert alerts == standing


def test_time_without_data_does_not_count_as_clear() -> None:
    """Recovering, then no data, then good again: the clear time begins anew."""
    rule = Rule("r", "SELECT 1", warning=0.8, keep_firing_for=timedelta(minutes=10), no_data_for=timedelta(minutes=5))
    start = datetime(2026, 3, 1, tzinfo=UTC)
    alert = Alert("f", "r", "h1", (), is_sample=False)
    states = []
    for minute, value in ((0, 0.9), (1, 0.1), (20, None), (30, 0.1), (39, 0.1), (40, 0.1)):
        seen = None if value is None else Observation("h1", value)
        alert = advance(rule, alert, seen, start + timedelta(minutes=minute)).alert
        states.append(alert.state)
    assert states == ["firing", "recovering", "no_data", "recovering", "recovering", "resolved"]
