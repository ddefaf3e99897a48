"""insights.domain_owners."""

from storage.catalogue.insights.domain_experts import CONFIDENCES
from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

VERDICTS = ("confirmed", "outranked", "without_acts", "left", "undeclared", "unowned", "reassigned")

DOMAIN_OWNERS = Table(
    schema="insights",
    name="domain_owners",
    description=(
        "Declared owners (raw.owners) compared with what people did: one row per declared owner, and one for the user "
        "with the most knowledge if not declared. Empty if the platform declares no owners."
    ),
    columns=(
        AS_OF,
        Column("domain", "VARCHAR", "the domain", is_required=True),
        Column("user_id", "VARCHAR", "the platform's id, or the team's name", is_required=True, is_user_id=True),
        Column("is_declared", "BOOLEAN", "the platform says this user owns the domain", is_required=True),
        Column(
            "verdict",
            "VARCHAR",
            "for one of n declared owners: `confirmed` is among the first n by knowledge, `outranked` is not, "
            "`without_acts` never acted in it, `left` can no longer log in (for a team: nobody can); for a user who is "
            "not declared but first with medium or high confidence: `undeclared`, `unowned` if n is 0, or `reassigned` if the user "
            "was declared once",
            is_required=True,
            allowed=VERDICTS,
        ),
        count("declared_owners", "owners declared for the domain"),
        Column("knowledge", "DOUBLE", "the user's knowledge of the domain; NULL without acts"),
        Column("knowledge_share", "DOUBLE", "share of the domain's knowledge"),
        Column("knowledge_rank", "BIGINT", "rank by knowledge"),
        Column("availability_rank", "BIGINT", "rank by availability"),
        Column("last_active_at", "TIMESTAMPTZ", "the user's last act in it"),
        Column("confidence", "VARCHAR", "the domain's confidence in insights.domain_experts", allowed=CONFIDENCES),
        IS_SAMPLE,
        Column(
            "is_team", "BOOLEAN", "the owner is a team: its figures are those of its members together, its ranks the best of theirs"
        ),
    ),
    verb="replace",
    key=("domain", "user_id"),
    inputs=("domain_experts", "expertise_scores"),
    is_published=True,
)
