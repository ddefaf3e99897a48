"""The state machine against a model of what people were told, whatever values, failures, clocks, rules, acknowledgements and
retirements come along."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tasks.alerts.evaluation import IN_ERROR, Transition, evaluate, retire
from tasks.alerts.rule import Rule
from tasks.alerts.states import ACTIVE, DAY, MOST_NOTICES, MOST_WITH_REMINDERS, Alert, Care, Observation

VALUES = st.none() | st.sampled_from([0.1, 0.5, 0.65, 0.75, 0.85, 0.87, 0.95, float("inf")])
MINUTES = st.sampled_from([timedelta(minutes=minutes) for minutes in (0, 1, 5, 5, 5, 60, 300, 60 * 25, 60 * 24 * 9)])
CARES = st.builds(
    Care,
    st.just(value=False),
    st.sampled_from([timedelta(minutes=5), None, timedelta(hours=4), timedelta(days=2)]),
    st.sampled_from([timedelta(minutes=1), None, timedelta(minutes=30)]),
)
IS_QUIET = st.sampled_from([False, False, False, True])
DURATIONS = st.sampled_from([timedelta(), timedelta(minutes=5), timedelta(minutes=30)])


class AlertMachine(RuleBasedStateMachine):
    """Two subjects of one rule. The model knows for each alert which episode people believe to be open, when they last heard of it,
    and whether others were told, too."""

    evaluations = 0
    events: ClassVar[Counter[str]] = Counter()

    @initialize(
        pending=DURATIONS,
        keep=DURATIONS,
        no_data=st.none() | DURATIONS.filter(bool),
        gone=st.sampled_from([None, 0, 1, 30]),
        has_clear=st.booleans(),
        care=CARES,
    )
    def begin(self, pending, keep, no_data, gone, has_clear, care) -> None:
        clear = {"clear": 0.6, "clear_critical": 0.86} if has_clear else {}
        self.rule = Rule(
            "r",
            "SELECT 1",
            warning=0.8,
            critical=0.9,
            pending_for=pending,
            keep_firing_for=keep,
            no_data_for=no_data,
            gone_after=None if gone is None else timedelta(hours=gone),
            **clear,
        )
        self.now = self.latest = datetime(2026, 3, 10, tzinfo=UTC)
        self.alerts: dict[str, Alert] = {}
        self.open: dict[str, int] = {}
        self.believed: dict[str, str] = {}
        self.told: list[tuple[datetime, str]] = []
        self.heard_at: dict[str, datetime] = {}
        self.escalated: set[tuple[str, int]] = set()
        self.was_set_back = False
        self.care = care

    @rule(first=VALUES, second=VALUES, later=MINUTES, is_quiet=IS_QUIET)
    def look(self, first, second, later, is_quiet) -> None:
        """An evaluation that sees values, or nothing, of two subjects."""
        care = replace(self.care, is_quiet=is_quiet)
        seen = [Observation(name, value) for name, value in (("a", first), ("b", second)) if value is not None]
        before = dict(self.heard_at)
        self._evaluate({"r": seen}, later, care=care)
        self._nobody_is_forgotten({each.subject for each in seen}, care, before)
        self._severities_are_known({name for name, value in (("a", first), ("b", second)) if value is not None})
        for name, value in (("a", first), ("b", second)):
            if value is None and (self.rule.no_data_for is not None or self.rule.gone_after is not None):
                assert not any(each.event == "resolved" and each.after.subject == name for each in self.made), (
                    "absence ends nothing"
                )

    def _nobody_is_forgotten(self, seen: set[str], care: Care, before: dict[str, datetime]) -> None:
        """Of what is critical and unanswered people are reminded in time, as far as the day has a notification left; not before it
        is time, and never of what is quiet."""
        heard = {each.after.fingerprint for each in self.made if each.event and not each.is_damped}
        for key, alert in self.alerts.items():
            if care.is_quiet or care.repeat_every is None or alert.subject not in seen or key in heard or key not in before:
                continue
            is_known = (alert.state, alert.severity, alert.told_severity) == ("firing", "critical", "critical")
            if is_known and not self.was_set_back:
                assert self.now - before[key] < care.repeat_every or len(alert.recent_notices) >= MOST_WITH_REMINDERS
        for each in self.made:
            if each.event in ("reminder", "unacknowledged"):
                assert not care.is_quiet
                assert (each.before.state in ACTIVE, each.after.state, each.after.severity) == (True, "firing", "critical")
            if each.event == "reminder":
                assert care.repeat_every is not None
                assert self.was_set_back or self.now - before[each.after.fingerprint] >= care.repeat_every

    def _severities_are_known(self, seen: set[str]) -> None:
        """Of what is beyond a threshold people believe the severity that it has, unless they were told six times within the day."""
        for key, alert in self.alerts.items():
            if alert.subject not in seen or alert.state != "firing" or alert.labels == IN_ERROR:
                continue
            if len(alert.recent_notices) < MOST_NOTICES:
                assert self.believed[key] == alert.severity
            rose = any(each.after.fingerprint == key and _rises(each) for each in self.made)
            assert not rose or alert.waits == "escalated" or (self.now, key) in self.told, "every rise is told or waits"

    @rule(later=MINUTES, is_quiet=IS_QUIET, often=st.integers(2, 6))
    def stand(self, later, is_quiet, often) -> None:
        """Both stay critical for a while."""
        for _ in range(often):
            self.look(1.0, 1.0, later, is_quiet)

    @rule(later=MINUTES, subject=st.sampled_from("ab"))
    def retire_one(self, later, subject) -> None:
        """It ends at once, whatever state it was in."""
        self.now += later
        about = [each for each in self.alerts.values() if each.subject == subject and each.state in (*ACTIVE, "pending")]
        made = [retire(each, "ann", "scaled down", self.now) for each in about]
        self._apply([each.after for each in made], made)
        ended = {each.after.fingerprint for each in made}
        self.told = [(at, key) for at, key in self.told if key not in ended]  # what comes back is new, and so is its day
        assert {each.after.state for each in made} <= {"gone", "inactive"}
        assert all((each.event == "gone") == (each.before.state in ACTIVE) for each in made)

    @rule(later=MINUTES)
    def fail(self, later) -> None:
        """The rule fails: its alerts stay as they are, and one alert says so."""
        before = {key: alert.state for key, alert in self.alerts.items() if alert.labels != IN_ERROR}
        self._evaluate({}, later, {"r": "no such table"})
        assert before == {key: self.alerts[key].state for key in before}
        assert [alert.state for alert in self.alerts.values() if alert.labels == IN_ERROR] == ["error"]

    @rule(back=st.sampled_from([timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)]))
    def set_clock_back(self, back) -> None:
        self.now -= back
        self.heard_at = {key: min(at, self.now) for key, at in self.heard_at.items()}
        self.was_set_back = True

    @rule(later=MINUTES)
    def take_rule_away(self, later) -> None:
        self.now += later
        self._apply(*evaluate([], {}, self.alerts, self.now))

    def _evaluate(self, seen, later, errors=None, care=Care()) -> None:  # noqa: B008 - it is frozen
        self.now += later
        self._apply(*evaluate([self.rule], seen, self.alerts, self.now, errors, lambda _: care))

    def _apply(self, after: list[Alert], made: list[Transition]) -> None:
        AlertMachine.evaluations += 1
        assert len({alert.fingerprint for alert in after}) == len(after)
        for alert in after:
            known = self.alerts.get(alert.fingerprint)
            assert alert.episode - (known.episode if known else 0) in (0, 1)
        self.alerts |= {alert.fingerprint: alert for alert in after}
        self.made = made
        for transition in made:
            self._hear(transition)

    def _hear(self, transition: Transition) -> None:
        key, event = transition.after.fingerprint, transition.event
        if transition.after.state == "pending":
            assert event is None, "pending is told to nobody"
        if event is None or transition.is_damped:
            return
        AlertMachine.events[event] += 1
        self.told.append((self.now, key))
        if event == "unacknowledged":
            assert (key, transition.after.episode) not in self.escalated, "others are told once an episode"
            self.escalated.add((key, transition.after.episode))
        else:
            self.heard_at[key] = self.now
        self.believed[key] = transition.after.severity or ""
        if event in ("firing", "flapping", "error"):
            assert key not in self.open, "one open episode at most"
            self.open[key] = transition.after.episode
        assert self.open.get(key) == transition.after.episode, "everything else belongs to the open episode"
        if event == "gone":
            assert transition.after.value is None, "only what is not seen is gone"
        if event in ("resolved", "gone"):
            del self.open[key]

    @invariant()
    def what_is_active_is_what_people_believe(self) -> None:
        active = {key: alert.episode for key, alert in self.alerts.items() if alert.state in ACTIVE}
        assert active == self.open

    @invariant()
    def nobody_is_told_too_often(self) -> None:
        if not self.was_set_back:
            recent = Counter(key for at, key in self.told if self.now - at < DAY)
            assert max(recent.values(), default=0) <= MOST_NOTICES

    @invariant()
    def no_instant_lies_ahead(self) -> None:
        for alert in self.alerts.values():
            if alert.updated_at == self.now:
                instants = (alert.pending_since, alert.clear_since, alert.last_seen_at, alert.changed_at, *alert.recent_notices)
                assert all(instant <= self.now for instant in instants if instant)


def _rises(transition: Transition) -> bool:
    """Within an episode."""
    before, after = transition.before, transition.after
    return (
        before.episode == after.episode and (before.severity, after.severity) == ("warning", "critical") and before.state in ACTIVE
    )


def test_any_history() -> None:
    run_state_machine_as_test(AlertMachine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))


@pytest.mark.campaign
def test_twenty_thousand_steps() -> None:
    before = AlertMachine.evaluations
    run_state_machine_as_test(AlertMachine, settings=settings(max_examples=1000, stateful_step_count=60, deadline=None))
    print(AlertMachine.evaluations - before, dict(AlertMachine.events))
    assert AlertMachine.evaluations - before >= 20_000
    kinds = {"firing", "escalated", "eased", "flapping", "no_data", "error", "reminder", "unacknowledged", "resolved", "gone"}
    assert set(AlertMachine.events) == kinds, "each was seen"
