"""Replays of hand-made histories, whose episodes are known."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tasks.alerts.replay import Episode, count_notifications, replay
from tasks.alerts.rule import Rule
from tasks.alerts.states import Observation

PLAIN = Rule("disk", "SELECT 1", warning=0.8, critical=0.9)
PATIENT = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, pending_for=timedelta(minutes=10))
LASTING = Rule("disk", "SELECT 1", warning=0.8, critical=0.9, keep_firing_for=timedelta(minutes=10))
BELOW = Rule("rate", "SELECT 1", warning=0.8, critical=0.6, clear=0.85, direction="below")
WATCHED = Rule("disk", "SELECT 1", warning=0.8, no_data_for=timedelta(minutes=10))

History = dict[str, list[float | None]]
"""Values by subject, one every five minutes; None: nothing."""
Seen = tuple[str, str, float, float | None, float | None, list[str]]
"""Subject, severity, minutes of its beginning and its end, peak, what was told."""

GOLDEN: dict[str, tuple[Rule, History, list[Seen]]] = {
    "quiet": (PLAIN, {"a": [0.1, 0.79, 0.2]}, []),
    "once": (PLAIN, {"a": [0.1, 0.85, 0.82, 0.1]}, [("a", "warning", 5, 15, 0.85, ["firing", "resolved"])]),
    "it gets worse": (
        PLAIN,
        {"a": [0.85, 0.95, 0.85, 0.1]},
        [("a", "critical", 0, 15, 0.95, ["firing", "escalated", "eased", "resolved"])],
    ),
    "it goes on": (PLAIN, {"a": [0.1, 0.85, 0.87]}, [("a", "warning", 5, None, 0.87, ["firing"])]),
    "a break under for is none": (PATIENT, {"a": [0.85, 0.85, 0.1, 0.85, 0.1]}, []),
    "for": (PATIENT, {"a": [0.85, 0.99, 0.86, 0.1]}, [("a", "warning", 10, 15, 0.86, ["firing", "resolved"])]),
    "keep_firing_for bridges a gap": (
        LASTING,
        {"a": [0.85, 0.1, 0.95, 0.1, 0.1, 0.1]},
        [("a", "critical", 0, 25, 0.95, ["firing", "escalated", "resolved"])],
    ),
    "below": (
        BELOW,
        {"a": [0.9, 0.7, 0.5, 0.84, 0.9]},
        [("a", "critical", 5, 20, 0.5, ["firing", "escalated", "eased", "resolved"])],
    ),
    "no data is no end": (WATCHED, {"a": [0.85, None, None, None]}, [("a", "warning", 0, None, 0.85, ["firing", "no_data"])]),
    "without no_data_for nothing is the end": (PLAIN, {"a": [0.85, None]}, [("a", "warning", 0, 5, 0.85, ["firing", "resolved"])]),
    "two subjects, in the order in which they began": (
        PLAIN,
        {"a": [0.1, 0.85, 0.1], "b": [0.95, 0.95, 0.95]},
        [("b", "critical", 0, None, 0.95, ["firing"]), ("a", "warning", 5, 10, 0.85, ["firing", "resolved"])],
    ),
    "two episodes of one": (
        PLAIN,
        {"a": [0.85, 0.1, *[0.1] * 12, 0.95, 0.1]},
        [("a", "warning", 0, 5, 0.85, ["firing", "resolved"]), ("a", "critical", 70, 75, 0.95, ["firing", "resolved"])],
    ),
}


def replayed(rule: Rule, history: History, at: Callable[[float], datetime]) -> list[Episode]:
    length = max(len(values) for values in history.values())
    instants = [at(5 * step) for step in range(length)]

    def observe(now: datetime) -> list[Observation]:
        step = instants.index(now)
        found = ((subject, values[step]) for subject, values in history.items() if step < len(values))
        return [Observation(subject, value) for subject, value in found if value is not None]

    return replay(rule, observe, instants)


@pytest.mark.parametrize("name", GOLDEN)
def test_known_episodes(name: str, at) -> None:
    rule, history, expected = GOLDEN[name]
    found = [
        (each.subject, each.severity, each.started_at, each.ended_at, each.peak, [event for event, _ in each.told])
        for each in replayed(rule, history, at)
    ]
    assert found == [
        (subject, severity, at(start), None if end is None else at(end), peak, told)
        for subject, severity, start, end, peak, told in expected
    ]


def test_what_channels_would_have_got(at) -> None:
    """A channel for critical ones gets the end of what it was told of, and of nothing else."""
    found = replayed(PLAIN, {"a": [0.85, 0.95, 0.85, 0.1], "b": [0.85, 0.1], "c": [0.95, 0.95]}, at)
    assert count_notifications(found, "warning") == 4 + 2 + 2
    assert count_notifications(found, "critical") == 3 + 0 + 2
    assert count_notifications([], "warning") == 0


def test_a_value_that_flaps_all_day_would_have_told_six_times_at_most(at) -> None:
    (*_,) = found = replayed(PLAIN, {"a": [0.85, 0.1] * 144}, at)
    assert 0 < count_notifications(found, "warning") <= 6


def test_labels_tell_episodes_apart(at) -> None:
    seen = [Observation("a", 0.85, (("disk", "/"),)), Observation("a", 0.95, (("disk", "/home"),))]
    found = replay(PLAIN, lambda _: seen, [at(0), at(5)])
    assert [(each.labels, each.severity) for each in found] == [((("disk", "/"),), "warning"), ((("disk", "/home"),), "critical")]
    assert len({each.fingerprint for each in found}) == 2


def test_nothing_to_look_at(at) -> None:
    assert replay(PLAIN, lambda _: [], []) == []
