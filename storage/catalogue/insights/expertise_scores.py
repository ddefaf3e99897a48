"""insights.expertise_scores."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count, rate
from storage.catalogue.model import Column, Table

LEVELS_OF_PEOPLE = ("insufficient_evidence", "novice", "competent", "proficient", "expert")

EXPERTISE_SCORES = Table(
    schema="insights",
    name="expertise_scores",
    description=(
        "What each user knows about each domain (`knowledge`) and can help with now (`availability`), judged by what "
        "they did. Owning something and being available are two questions: a user who can no longer log in keeps the "
        "knowledge and has no availability. docs/metrics.md has the formulas and what was measured."
    ),
    columns=(
        AS_OF,
        Column("domain", "VARCHAR", "a domain, a parent domain (`finance` of `finance.ledger`), or `all`", is_required=True),
        Column("user_id", "VARCHAR", "the platform's id", is_required=True, is_user_id=True),
        Column("role", "VARCHAR", "the user's role, if raw.users has it"),
        Column("is_active", "BOOLEAN", "can still log in, or raw.users does not say", is_required=True),
        Column(
            "is_bot",
            "BOOLEAN",
            "acts more often than people do, or has a bot's id (settings); bots have no rank and no share",
            is_required=True,
        ),
        Column("is_rollup", "BOOLEAN", "acts in this domain's subdomains count too", is_required=True),
        Column(
            "knowledge",
            "DOUBLE",
            "sum over acts of weight x outcome x (1 + ln item_count) / domain_count^.38, those in bulk like one; less where "
            "others went on without the user, or were there before",
            is_required=True,
        ),
        Column("knowledge_share", "DOUBLE", "share of the domain's knowledge, pulled towards that of the role; NULL for bots"),
        Column("knowledge_rank", "BIGINT", "rank in the domain by knowledge, ties share a rank; NULL for bots"),
        Column(
            "availability",
            "DOUBLE",
            "presence x sum over acts of weight x outcome x 2^(-age / half-life), those in bulk like one; NULL for bots and users "
            "who can no longer log in",
        ),
        Column(
            "availability_share",
            "DOUBLE",
            "share of the domain's availability, pulled towards that of the role; NULL like availability",
        ),
        Column("availability_rank", "BIGINT", "rank in the domain by availability, ties share a rank; NULL like availability"),
        Column("presence", "DOUBLE", "2^(-time since the user's last act in any domain / half-life), in (0, 1]", is_required=True),
        Column(
            "level",
            "VARCHAR",
            "from knowledge_share; `insufficient_evidence` with little knowledge, `excluded` for bots",
            is_required=True,
            allowed=(*LEVELS_OF_PEOPLE, "excluded"),
        ),
        count("events", "acts that succeeded or failed before as_of"),
        count("succeeded", "acts that succeeded before as_of"),
        Column("last_active_at", "TIMESTAMPTZ", "last of these acts", is_required=True),
        *rate("success_rate", "succeeded / events"),
        IS_SAMPLE,
        Column("definition", "BIGINT", "version of what is summed: 2"),
    ),
    verb="view",
    key=("domain", "user_id"),
    is_published=True,
)
