"""insights.expertise_scores."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count, rate
from storage.catalogue.model import Column, Table

LEVELS_OF_PEOPLE = ("insufficient_evidence", "novice", "competent", "proficient", "expert")

EXPERTISE_SCORES = Table(
    schema="insights",
    name="expertise_scores",
    description=(
        "What each user knows of each domain (`knowledge`) and can help with now (`availability`), from what they did. Owning "
        "something and being at hand are two questions: who may not log in any more keeps the first and has none of the second. "
        "docs/metrics.md has the formulas and what was measured."
    ),
    columns=(
        AS_OF,
        Column("domain", "VARCHAR", "a domain, what others lie under (`finance` of `finance.ledger`), or `all`", is_required=True),
        Column("user_id", "VARCHAR", "the platform's id", is_required=True, is_user_id=True),
        Column("role", "VARCHAR", "the user's role, where raw.users has them"),
        Column("is_active", "BOOLEAN", "may still log in, or raw.users does not say", is_required=True),
        Column(
            "is_bot",
            "BOOLEAN",
            "acts more often than people do, or is one by its id (settings): in no rank and no share",
            is_required=True,
        ),
        Column("is_rollup", "BOOLEAN", "acts in domains under this one count too", is_required=True),
        Column(
            "knowledge",
            "DOUBLE",
            "sum over acts of weight x outcome x (1 + ln item_count) / domain_count; it never fades",
            is_required=True,
        ),
        Column("knowledge_share", "DOUBLE", "share of the domain's knowledge, drawn towards that of the role; NULL for bots"),
        Column("knowledge_rank", "BIGINT", "place in the domain by knowledge, equals share a place; NULL for bots"),
        Column(
            "availability",
            "DOUBLE",
            "presence x sum over acts of weight x outcome x 2^(-age / half-life); NULL for bots and who may not log in",
        ),
        Column("availability_share", "DOUBLE", "share of the domain's availability, drawn towards that of the role; NULL like it"),
        Column("availability_rank", "BIGINT", "place in the domain by availability, equals share a place; NULL like it"),
        Column("presence", "DOUBLE", "2^(-time since the user's last act in any domain / half-life), in (0, 1]", is_required=True),
        Column(
            "level",
            "VARCHAR",
            "by knowledge_share; `insufficient_evidence` with little knowledge, `excluded` for bots",
            is_required=True,
            allowed=(*LEVELS_OF_PEOPLE, "excluded"),
        ),
        count("events", "acts that succeeded or failed before as_of"),
        count("succeeded", "those that succeeded"),
        Column("last_active_at", "TIMESTAMPTZ", "the last of them", is_required=True),
        *rate("success_rate", "succeeded / events"),
        IS_SAMPLE,
    ),
    verb="view",
    key=("domain", "user_id"),
    is_published=True,
)
