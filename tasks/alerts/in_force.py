"""The rules in force: shipped and own, as long as the own file can be read; else those that were."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import TABLES
from storage.changes import change
from storage.errors import ConfigurationError
from storage.frames import fetch, registered, schema_of
from storage.sql_files import sql_beside
from tasks.alerts.rule import Rule
from tasks.alerts.rules import load_rules, load_with_sources
from tasks.alerts.written_rule import definition_of, rule_of


@dataclass(frozen=True)
class InForce:
    """The rules to evaluate; and in one line why they are not those of the files, if so."""

    rules: tuple[Rule, ...]
    problem: str | None = None


def rules_in_force(con: duckdb.DuckDBPyConnection, own: Path | None, now: datetime) -> InForce:
    """The shipped rules and those of `own`, entered in alerts.rules; where they cannot be read, those that stand there, and of a
    warehouse without any the shipped ones.

    Entering them is one statement, and none where nothing changed: in the caller's transaction if there is one, else by itself.
    """
    try:
        wanted = load_with_sources(own)
    except ConfigurationError as error:
        return _as_entered(con, str(error))
    _enter(con, wanted, now)
    return InForce(tuple(rule for rule, _ in wanted))


def read_definition(text: str) -> Rule:
    """The rule that `definition_of` wrote.

    Raises:
        ValueError: it is none, or one of a newer govpulse.
    """
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("no rule")
    return rule_of(values)


def stored_rules(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The rules of the last evaluation by name: name, definition, source, in_force_since."""
    return fetch(con, sql_beside(__file__, "stored_rules"))


def _as_entered(con: duckdb.DuckDBPyConnection, problem: str) -> InForce:
    rows = stored_rules(con).select("name", "definition").rows()
    if not rows:
        return InForce(load_rules(None), f"{problem}; only the shipped rules are in force")
    rules, lost = [], []
    for name, definition in rows:
        try:
            rules.append(read_definition(definition))
        except ValueError:
            lost.append(name)
    said = f", without {', '.join(lost)}, which this govpulse version cannot read" if lost else ""
    return InForce(tuple(rules), f"{problem}; the previous rules stay in force{said}")


def _enter(con: duckdb.DuckDBPyConnection, wanted: Sequence[tuple[Rule, str]], now: datetime) -> None:
    rows = stored_rules(con).rows(named=True)
    entered_before = {row["name"]: row for row in rows}
    entered = [_row(rule, source, entered_before.get(rule.name), now) for rule, source in wanted]
    if {row["name"]: row for row in entered} == entered_before:
        return
    with registered(con, "wanted_rules", pl.DataFrame(entered, schema=schema_of(TABLES["alerts.rules"]))):
        change(con, "alerts.rules", sql_beside(__file__, "enter_rules"))


def _row(rule: Rule, source: str, entered_before: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    definition = definition_of(rule)
    since = entered_before["in_force_since"] if entered_before and entered_before["definition"] == definition else now
    return {"name": rule.name, "definition": definition, "source": source, "in_force_since": since}
