"""Domains of which one person knows most, or knew most and is gone. Reads insights.domain_experts."""

from datetime import datetime

from tasks.insights.expertise.confidence import OWNED
from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import percent
from tasks.wording import counted


def describe(row: SelectedRow) -> Finding:
    """Since when the first is gone the platform tells by the last change of their record; nothing tells since when one is alone."""
    users = ("expert_user_id", "runner_up_user_id", "available_user_id")  # whoever the sentences name
    names = ("people", "active_people", *users, "expert_share", "bus_factor", "confidence")
    sql = rows_where("insights.expertise_scores", {"domain": row["domain"]}, order_by="knowledge_rank")
    return Finding(
        subject=row["domain"],
        severity="critical" if row["has_lost_expert"] and row["has_single_holder"] else "warning",
        started_at=_started_at(row),
        statement=_lost(row) if row["has_lost_expert"] else _alone(row),
        recommendation=_hand_over(row) if row["has_lost_expert"] else _spread(row),
        evidence={name: row[name] for name in names} | {"sql": sql},
        confidence=OWNED[row["confidence"]],
        is_sample=row["is_sample"],
    )


def _started_at(row: SelectedRow) -> datetime:
    as_of: datetime = row["as_of"]
    left_at: datetime | None = row["left_at"]
    return as_of if left_at is None else min(left_at, as_of)


def _alone(row: SelectedRow) -> str:
    first, share = row["expert_user_id"], percent(row["expert_share"])
    return f"{row['domain']} depends on one person: {first} holds {share} of the knowledge, {_rest(row)}."


def _lost(row: SelectedRow) -> str:
    first, share = row["expert_user_id"], percent(row["expert_share"])
    return f"{first}, who knows {row['domain']} best with {share} of the knowledge, can no longer log in; {_rest(row)}."


def _rest(row: SelectedRow) -> str:
    if row["runner_up_user_id"] is None:
        return "nobody else has acted in it"
    return f"the next of {counted(row['people'], 'user')} is {row['runner_up_user_id']} with {percent(row['runner_up_share'])}"


def _spread(row: SelectedRow) -> str:
    second, first = row["runner_up_user_id"], row["expert_user_id"]
    whom = f"{second}, who knows it next best," if second else "a second person"
    return f"Spread the knowledge: let {whom} make the next changes in {row['domain']}, and let {first} review them."


def _hand_over(row: SelectedRow) -> str:
    heir, domain, first = row["available_user_id"], row["domain"], row["expert_user_id"]
    if heir is None:
        return f"Nobody who acted in {domain} can still log in: appoint two people, and hand over what {first} left."
    return (
        f"Hand it over: make {heir}, who is most available in {domain}, its owner, and let a second person make changes in it too."
    )


KNOWLEDGE_AT_RISK = Kind("knowledge_at_risk", parameters=("as_of", "window_days"), describe=describe)
