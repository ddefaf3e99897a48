"""A rule as it is evaluated: its shorthand, if it has one, has become SQL."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from storage.quoting import quote_text
from tasks.matchers import Matcher


@dataclass(frozen=True)
class Exemption:
    """An exception of a rule, for subjects for which all matchers hold: no thresholds, or others; before `until`.

    Args:
        measure: the column that the thresholds are about; empty: `value`.
    """

    match: tuple[Matcher, ...]
    off: bool = False
    warning: float | None = None
    critical: float | None = None
    clear: float | None = None
    clear_critical: float | None = None
    measure: str = ""
    until: datetime | None = None


@dataclass(frozen=True)
class Rule:
    """One rule: `sql` yields `subject`, `value`, if it likes a sentence as `detail`, and further columns as labels; thresholds fire
    at or beyond. `WrittenRule` says what each of the others is; `for` is `pending_for` here, `except` `exceptions`.

    Args:
        measure: the column that the thresholds are about, where that is not `value`: less is worse of it.
    """

    name: str
    sql: str
    warning: float | None = None
    critical: float | None = None
    clear: float | None = None
    clear_critical: float | None = None
    direction: Literal["above", "below"] = "above"
    pending_for: timedelta = timedelta()
    keep_firing_for: timedelta = timedelta()
    no_data_for: timedelta | None = None
    gone_after: timedelta | None = None
    timeout: timedelta = timedelta(seconds=30)
    unit: str = ""
    message: str = ""
    runbook: str = ""
    inhibits: tuple[str, ...] = ()
    evidence: str = ""
    measure: str = ""
    exceptions: tuple[Exemption, ...] = ()
    group_by: tuple[str, ...] = ()
    about: Literal["", "service", "domain", "scan"] = ""


def ending(rule: Rule, gone_after: timedelta) -> Rule:
    """The rule whose alerts end as gone after so long without data, unless it says for itself."""
    return replace(rule, gone_after=gone_after) if rule.no_data_for is not None and rule.gone_after is None else rule


def evidence_query(rule: Rule, subject: str, as_of: datetime) -> str:
    """The SELECT that shows why there was an alert about `subject` at `as_of`; empty if the rule has none."""
    return fill_in(rule.evidence, subject, as_of)


def fill_in(evidence: str, subject: str, as_of: datetime) -> str:
    """A SELECT with {subject} and {as_of} in it as SQL."""
    if not evidence:
        return ""
    known = {"{subject}": quote_text(subject), "{as_of}": f"TIMESTAMPTZ '{as_of.isoformat()}'"}
    return re.sub(r"\{(?:subject|as_of)\}", lambda found: known[found[0]], evidence).strip()
