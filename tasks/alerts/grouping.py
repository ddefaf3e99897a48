"""Subjects that are one alert, pure: what a rule with `group_by` saw, as one observation for each group.

A group is as bad as its worst member: it has that one's value and is judged as that one is. So it begins with the first member and
ends with the last, and the state machine knows nothing of it.
"""

from collections.abc import Sequence
from dataclasses import replace

from tasks.alerts.rule import Rule
from tasks.alerts.states import Observation, badness, severity_of

RANKS = {None: 0, "warning": 1, "critical": 2}
MOST_MEMBERS = 20
"""Whose names are kept; all are counted."""
Key = tuple[tuple[str, str], ...]


def grouped(rule: Rule, seen: Sequence[Observation]) -> list[Observation]:
    """An observation for each group. What lacks one of the labels is an alert of its own."""
    groups: dict[Key, list[Observation]] = {}
    alone: list[Observation] = []
    for each in seen:
        labels = {**dict(each.all_labels), "subject": each.subject}
        if all(name in labels for name in rule.group_by):
            groups.setdefault(tuple((name, labels[name]) for name in rule.group_by), []).append(each)
        else:
            alone.append(each)
    return [*alone, *(_one(rule, key, members) for key, members in groups.items())]


def _one(rule: Rule, key: Key, members: Sequence[Observation]) -> Observation:
    ranked = sorted(members, key=lambda each: (-_rank(rule, each), -badness(each.under or rule, each.value), each.subject))
    firing = [_name(each, rule.group_by) for each in ranked if _rank(rule, each)]
    labels = tuple(sorted((name, text) for name, text in key if name != "subject"))
    teams = {each.team for each in ranked if _rank(rule, each)}
    team = next(iter(teams)) if len(teams) == 1 and "team" not in rule.group_by else ""
    named = tuple(firing[:MOST_MEMBERS])
    return replace(ranked[0], subject=key[0][1], labels=labels, members=named, member_count=len(firing), team=team)


def _rank(rule: Rule, seen: Observation) -> int:
    return RANKS[severity_of(seen.under or rule, seen.value)]


def _name(seen: Observation, known: Sequence[str]) -> str:
    return ", ".join([seen.subject, *(text for name, text in seen.labels if text and name not in known)])
