"""`govpulse alerts noise`: which rules tell too much, and what a change would have spared people."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from flows.cli.rule_replay import Turns, instants_until, says_as_of, shown
from flows.settings import Settings
from storage.frames import fetch
from storage.sql_files import sql_beside
from storage.warehouse import warehouse
from tasks.alerts import noise
from tasks.alerts.noise import Told, told_by_changes, told_by_lengths
from tasks.alerts.rule import Rule
from tasks.alerts.rules import load_rules
from tasks.insights.alert_noise import ALERT_NOISE
from tasks.insights.macros import define_macros
from tasks.wording import counted

NOISIEST = 3
LOOKED_BACK = timedelta(days=7)
EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class Advice:
    """What changes of a noisy rule would have done in the last week; `is_replayed`: by a replay, else by its recorded episodes."""

    rule: str
    idle_notifications: int
    is_replayed: bool
    told: Sequence[Told]

    def document(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        by = "replayed" if self.is_replayed else "by its episodes"
        head = f"{self.rule}: {counted(self.idle_notifications, 'notification')} that nobody acted upon. The last 7 days, {by}:"
        width = max(len(_name(each)) for each in self.told)
        return [head, *(f"  {_name(each):<{width}}  {_said(each)}" for each in self.told)]


def _name(told: Told) -> str:
    return told.change or "as it is"


def _said(told: Told) -> str:
    return f"{counted(told.episodes, 'episode')}, {counted(told.notifications, 'notification')}"


def read_noise(settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """The rows of insights.alert_noise as of now, of the platform's alerts."""
    given = {"as_of": now, "zone": settings.alerts.zone}
    with warehouse(settings.folder, settings.limits) as con:
        define_macros(con)
        rows = ALERT_NOISE.derived(ALERT_NOISE.read(con, given), given)
    return [row for row in rows.iter_rows(named=True) if not row["is_sample"] or settings.notifications.sample]


def advise(settings: Settings, rows: Sequence[dict[str, Any]], now: datetime) -> list[Advice]:
    """For the noisiest rules, what changes would have done."""
    idle: dict[str, int] = {}
    for row in rows:
        idle[row["rule"]] = idle.get(row["rule"], 0) + row["idle_notifications"]
    rules = {rule.name: rule for rule in load_rules(settings.alerts.rules)}
    noisiest = sorted((name for name in idle if idle[name] and name in rules), key=lambda name: (-idle[name], name))[:NOISIEST]
    return [_advice(settings, rules[name], idle[name], now) for name in noisiest]


def _advice(settings: Settings, rule: Rule, idle: int, now: datetime) -> Advice:
    replayed = _replayed(settings, rule, now) if says_as_of(rule) else []
    if replayed and replayed[0].episodes:
        return Advice(rule.name, idle, True, replayed)
    with warehouse(settings.folder, settings.limits) as con:
        given = {"rule": rule.name, "since": now - LOOKED_BACK}
        rows = fetch(con, sql_beside(noise.__file__, "told_episodes_of_rule"), given)
    return Advice(rule.name, idle, False, told_by_lengths(rule, rows["seconds"].to_list(), rows["sent"].to_list()))


def _replayed(settings: Settings, rule: Rule, now: datetime) -> list[Told]:
    """By a replay; nothing where the past is not kept."""
    with Turns(settings.folder, settings.limits, rule) as turns:
        if turns.newest_only():
            return []
        instants = instants_until(now, LOOKED_BACK, EVERY)
        seen = {instant: turns.observe(instant) for instant in shown(instants, f"replaying {rule.name}")}
    return told_by_changes(rule, seen)
