"""The act of retiring: the retirement and the ends of what is open about its subject, all or nothing."""

from collections.abc import Collection, Mapping, Sequence

import duckdb

from storage.transaction import transaction
from tasks.alerts.engine import enter_evaluation, read_alerts
from tasks.alerts.evaluation import Transition
from tasks.alerts.retiring import ends_of
from tasks.alerts.rule import Rule
from tasks.silences import Silence, enter_silence


def retire_now(
    con: duckdb.DuckDBPyConnection,
    retirement: Silence,
    actor: str,
    rules: Sequence[Rule],
    channels: Mapping[str, str],
    runbooks: str = "",
    real_only: Collection[str] = (),
) -> tuple[Silence, list[Transition]]:
    """Store the retirement and end its alerts, durably once this returns; returns it as stored, and the ends.

    Args:
        actor: who did it, for ops.audit_log.
    """
    ends = ends_of(retirement, read_alerts(con).values())
    with transaction(con):
        stored = enter_silence(con, retirement, actor)
        enter_evaluation(con, rules, [each.after for each in ends], ends, channels, runbooks, real_only)
    return stored, ends
