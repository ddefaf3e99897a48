"""What a change of a rule would have spared people, worked out by hand."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tasks.alerts.noise import Told, changes, told_by_changes, told_by_lengths
from tasks.alerts.rule import Rule
from tasks.alerts.states import Observation

START = datetime(2026, 3, 1, tzinfo=UTC)
FIVE = timedelta(minutes=5)
RULE = Rule("disk", "", warning=0.9)


def told(beyond: Iterable[int], looks: int) -> dict[str, tuple[int, int]]:
    """A look every five minutes; `beyond` are the numbers of those that see too much."""
    there = set(beyond)
    seen = {START + FIVE * number: [Observation("web-1", 0.95 if number in there else 0.1)] for number in range(looks)}
    return {each.change: (each.episodes, each.notifications) for each in told_by_changes(RULE, seen)}


def test_a_rule_that_blips_is_spared_by_waiting() -> None:
    """A single look on each of three days; on the fourth it is beyond for 13 looks, which is an hour."""
    by_change = told([0, 300, 600, *range(900, 913)], 920)
    assert by_change[""] == (4, 8), "each begins and ends"
    assert by_change['for = "5m"'] == (1, 2), "a single look is over before"
    assert by_change['for = "1h"'] == (1, 2)
    assert by_change['keep_firing_for = "1h"'] == (4, 7), "the last one has not ended yet"


def test_a_rule_that_comes_and_goes_is_spared_by_holding_on() -> None:
    """Twice within half an hour."""
    by_change = told([0, 6], 40)
    assert by_change[""] == (2, 4)
    assert by_change['keep_firing_for = "15m"'] == (2, 4)
    assert by_change['keep_firing_for = "1h"'] == (1, 2)


def test_only_what_is_longer_than_now_is_tried() -> None:
    names = [
        name for name, _ in changes(Rule("r", "", warning=1, pending_for=timedelta(minutes=15), keep_firing_for=timedelta(hours=1)))
    ]
    assert names == ['for = "30m"', 'for = "1h"']


def test_where_only_episodes_are_known_those_that_were_shorter_would_not_have_begun() -> None:
    by_lengths = told_by_lengths(RULE, [60.0, 400.0, 4000.0, None], [2, 3, 5, 1])
    assert by_lengths == [
        Told("", 4, 11),
        Told('for = "5m"', 3, 9),
        Told('for = "15m"', 2, 6),
        Told('for = "30m"', 2, 6),
        Told('for = "1h"', 2, 6),
    ]
