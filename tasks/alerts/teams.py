"""Whose an alert is: the team that is known of the service, domain or scan that it is about.

It is a label of the alert as far as matchers go, but no part of its identity: a service that changes hands keeps its alert.
"""

from collections.abc import Mapping

from storage.asking.reader import Ask
from storage.sql_files import sql_beside
from tasks.alerts.rule import Rule
from tasks.alerts.states import Observation

Teams = Mapping[tuple[str, str], str]
"""By kind and name; what has none, or more than one, is not in it."""
NO_TEAMS: Teams = {}
SECONDS = 30.0


def read_teams(ask: Ask) -> Teams:
    """What insights know. Their tables are as small as what there is now, whatever was stored."""
    rows = ask(sql_beside(__file__, "teams"), {}, SECONDS).iter_rows()
    return {(about, name): team for about, name, team in rows if team}


def team_of(rule: Rule, seen: Observation, teams: Teams) -> str:
    """Empty where it is not known. By what the rule says that its subject is, else by a label `service` or `domain`."""
    labels = dict(seen.labels)
    if "team" in labels:
        return ""
    subject = [(rule.about, seen.subject)] if rule.about else []
    found = {teams.get(each) for each in (*subject, *((kind, labels[kind]) for kind in ("service", "domain") if kind in labels))}
    team = found.pop() if len(found) == 1 else None
    return team or ""
