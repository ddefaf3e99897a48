"""What in the published tables is about people: what stays away where the readers may not learn of them (`publish.people`)."""

from storage.catalogue.model import Column, Table

FINDINGS = ("expert_left", "knowledge_at_risk")
"""The kinds of finding that tell of people, and so do alerts of them."""

OWN_WORDS = frozenset(
    {"action", "change", "dataset", "digest", "event", "fingerprint", "flow", "from_state", "insight", "insight_id", "metric"}
    | {"no_data_reason", "no_finish_reason", "notification_id", "other_metric", "prefect_flow_run_id", "rejected_id", "run_id"}
    | {"severity", "sha256", "silence_id", "slowdown", "state", "status", "strands", "to_state", "told", "transition_id", "trend"}
    | {"unit", "version", "versions", "worst_severity"}
)
"""Columns whose values are words, hashes and ids of our own: they name nobody, though somebody may be called `failed`. All other
texts and documents may."""

AS_THEY_CAME = frozenset({"ops.rejected_rows.key", "ops.rejected_rows.row", "ops.outdated_rows.key"})
"""Columns that hold rows of the platform whole, whoever is in them."""

_KINDS = f"({', '.join(map(repr, FINDINGS))})"
_RULE = f"(rule IN {_KINDS} OR rule IN (SELECT name FROM alerts.rules WHERE (definition ->> 'finding') IN {_KINDS}))"
_THEM = "(SELECT user_id FROM people)"
_LABELLED = f"EXISTS (SELECT 1 FROM json_each(labels) AS label WHERE (label.value ->> '$') IN {_THEM})"
_ALERTS = f"(SELECT fingerprint FROM alerts.alerts WHERE {_RULE} OR subject IN {_THEM} OR {_LABELLED})"

ROWS: dict[str, str] = {
    "insights.performance_insights": f"kind IN {_KINDS} OR subject IN {_THEM} OR {_LABELLED}",
    "alerts.alerts": f"fingerprint IN {_ALERTS}",
    "alerts.transitions": f"fingerprint IN {_ALERTS} OR {_RULE} OR subject IN {_THEM}",
    "alerts.notifications": f"fingerprint IN {_ALERTS}",
    "alerts.silences": f"fingerprint IN {_ALERTS}",
}
"""By table, in SQL: which rows tell of a person, who is in the relation `people` (user_id)."""


def is_about_people(table: Table) -> bool:
    """Whether each row of the table is a person's."""
    return any(column.is_user_id for column in table.columns if column.name in table.key)


def may_name_people(column: Column) -> bool:
    """Whether what stands in the column can name anybody, beside columns that are for it."""
    is_own = column.name in OWN_WORDS or bool(column.allowed)
    return column.type in ("VARCHAR", "JSON") and not is_own and not column.is_user_id
