"""People on whom domains rested and who are gone. Reads insights.domain_experts and insights.expertise_scores, and raw.users to
know whether they had gone by then."""

from collections.abc import Sequence

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import date, listed, percent
from tasks.wording import counted

OWNED = {"expert": 0.76, "proficient": 0.34, "competent": 0.15}
"""How many of such a level were declared owners of the domain (benchmarks.expertise; docs/metrics.md)."""
NAMED = 3
"""So many domains are named, those where they held most."""


def describe(row: SelectedRow) -> Finding:
    """They are missed since they were last seen. Critical where a domain rested on them alone, or nobody is left in it."""
    domains: Sequence[SelectedRow] = row["domains"]
    sql = rows_where("insights.expertise_scores", {"user_id": row["user_id"]}, order_by="knowledge_rank")
    is_alone = any(each["bus_factor"] == 1 or each["heir"] is None for each in domains)
    names = {f"{name}s": [each[name] for each in domains] for name in ("domain", "share", "place", "bus_factor", "heir")}
    return Finding(
        subject=row["user_id"],
        severity="critical" if is_alone else "warning",
        started_at=row["last_active_at"],
        statement=_statement(row),
        recommendation=_hand_over(domains),
        # `govpulse forget` goes by the ids among the values.
        evidence={"user_id": row["user_id"], "last_active_at": row["last_active_at"], **names, "sql": sql},
        confidence=max(OWNED[each["level"]] for each in domains),
        is_sample=row["is_sample"],
    )


def _statement(row: SelectedRow) -> str:
    domains: Sequence[SelectedRow] = row["domains"]
    held = "; ".join(_held(each) for each in domains[:NAMED]) + _more(domains)
    return f"{row['user_id']}, last seen {date(row['last_active_at'])}, can no longer log in: {held}"


def _held(domain: SelectedRow) -> str:
    name, share = domain["domain"], percent(domain["share"])
    if domain["bus_factor"] == 1:
        return f"{name} depended on them alone, with {share} of the knowledge"
    few = f"the {domain['bus_factor']:,} people who hold half of the knowledge of {name}"
    return f"they were number {domain['place']} of {few}, with {share}"


def _more(domains: Sequence[SelectedRow]) -> str:
    return f"; {counted(len(domains) - NAMED, 'more domain')}" if len(domains) > NAMED else ""


def _hand_over(domains: Sequence[SelectedRow]) -> str:
    """To whoever is most at hand, by domain."""
    heirs = [f"{each['domain']} to {each['heir']}" for each in domains[:NAMED] if each["heir"] is not None]
    orphans = [each["domain"] for each in domains if each["heir"] is None]
    steps = [f"Hand over {listed(heirs)}, most available there, with the help of others who know it."] if heirs else []
    if orphans:
        steps.append(f"Nobody who acted in {listed(orphans)} can still log in: appoint two people, and hand over what is left.")
    return " ".join(steps)


EXPERT_LEFT = Kind("expert_left", parameters=("as_of", "window_days"), describe=describe)
