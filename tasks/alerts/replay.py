"""What a rule would have done, pure: it is evaluated at one instant after the other, as if it had been in force."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from tasks.alerts.evaluation import SEVERITIES, Transition, evaluate
from tasks.alerts.rule import Rule
from tasks.alerts.states import ACTIVE, Alert, Observation
from tasks.message import ENDS


@dataclass(frozen=True)
class Episode:
    """One time that an alert fired.

    Args:
        severity: the worst that it reached.
        ended_at: None where it has not ended.
        peak: the worst value while it was firing; None where it never had one.
        unit: of the peak.
        told: what there was to tell, each with the severity at that time; what was kept back because it flapped is left out.
    """

    fingerprint: str
    number: int
    subject: str
    labels: tuple[tuple[str, str], ...]
    severity: str
    started_at: datetime
    ended_at: datetime | None = None
    peak: float | None = None
    told: tuple[tuple[str, str], ...] = ()
    unit: str | None = None


def replay(rule: Rule, observe: Callable[[datetime], list[Observation]], instants: Iterable[datetime]) -> list[Episode]:
    """The episodes of `rule` over `instants`, in the order in which they began.

    Args:
        observe: what the rule sees as of an instant.
    """
    alerts: dict[str, Alert] = {}
    episodes: dict[tuple[str, int], Episode] = {}
    for now in instants:
        changed, transitions = evaluate([rule], {rule.name: observe(now)}, alerts, now)
        alerts |= {alert.fingerprint: alert for alert in changed}
        for transition in transitions:
            _note_transition(episodes, transition)
        for alert in changed:
            _note_value(episodes, rule, alert)
    return list(episodes.values())


def _note_transition(episodes: dict[tuple[str, int], Episode], transition: Transition) -> None:
    after = transition.after
    key = (after.fingerprint, after.episode)
    if after.episode > transition.before.episode:
        severity = after.severity or "warning"
        episodes[key] = Episode(*key, after.subject, after.labels, severity, transition.transitioned_at)
    if key not in episodes:  # it only was pending
        return
    told = ((transition.event, after.severity or "warning"),) if transition.event and not transition.is_damped else ()
    ended_at = transition.transitioned_at if after.state in ENDS else None
    episodes[key] = replace(episodes[key], told=episodes[key].told + told, ended_at=ended_at or episodes[key].ended_at)


def _note_value(episodes: dict[tuple[str, int], Episode], rule: Rule, alert: Alert) -> None:
    episode = episodes.get((alert.fingerprint, alert.episode))
    if episode is None or alert.state not in ACTIVE:
        return
    values = [value for value in (episode.peak, alert.value) if value is not None]
    is_above = rule.direction == "above" and alert.unit in (None, rule.unit)
    worst = max if is_above else min
    severity = max(episode.severity, alert.severity or "warning", key=SEVERITIES.index)
    episodes[alert.fingerprint, alert.episode] = replace(
        episode, peak=worst(values, default=None), severity=severity, unit=alert.unit
    )


def count_notifications(episodes: Iterable[Episode], min_severity: str) -> int:
    """How many a channel that is told from this severity on would have got, each sent on its own: an end is told only where
    something of the episode was."""
    return sum(_count(episode, min_severity) for episode in episodes)


def _count(episode: Episode, min_severity: str) -> int:
    wanted = SEVERITIES.index(min_severity)
    beginnings = sum(event not in ("eased", *ENDS) and SEVERITIES.index(severity) >= wanted for event, severity in episode.told)
    return beginnings + sum(event in ("eased", *ENDS) for event, _ in episode.told if beginnings)
