"""insights.domain_owners."""

from storage.catalogue.insights.domain_experts import CONFIDENCES
from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

VERDICTS = ("confirmed", "outranked", "without_acts", "left", "undeclared", "unowned")

DOMAIN_OWNERS = Table(
    schema="insights",
    name="domain_owners",
    description=(
        "Declared owners (raw.owners) beside what people did: one row a declared owner, and one for who is first by knowledge "
        "without being declared. Empty where the platform declares no owners."
    ),
    columns=(
        AS_OF,
        Column("domain", "VARCHAR", "the domain", is_required=True),
        Column("user_id", "VARCHAR", "the platform's id, or the team's name", is_required=True, is_user_id=True),
        Column("is_declared", "BOOLEAN", "the platform says that this user owns the domain", is_required=True),
        Column(
            "verdict",
            "VARCHAR",
            "of n declared: `confirmed` is among the first n by knowledge, `outranked` is not, `without_acts` never acted in it, "
            "`left` may not log in (of a team, nobody may); not declared "
            "but first with medium or high confidence: `undeclared`, `unowned` where n is 0",
            is_required=True,
            allowed=VERDICTS,
        ),
        count("declared_owners", "owners that are declared for the domain"),
        Column("knowledge", "DOUBLE", "the user's knowledge of the domain; NULL without acts"),
        Column("knowledge_share", "DOUBLE", "share of the domain's knowledge"),
        Column("knowledge_rank", "BIGINT", "place by knowledge"),
        Column("availability_rank", "BIGINT", "place by availability"),
        Column("last_active_at", "TIMESTAMPTZ", "the user's last act in it"),
        Column("confidence", "VARCHAR", "of insights.domain_experts, for the domain", allowed=CONFIDENCES),
        IS_SAMPLE,
        Column(
            "is_team", "BOOLEAN", "a team is declared: its figures are those of its members together, its places the best of them"
        ),
    ),
    verb="replace",
    key=("domain", "user_id"),
    inputs=("domain_experts", "expertise_scores"),
    is_published=True,
)
