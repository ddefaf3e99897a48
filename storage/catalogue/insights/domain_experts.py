"""insights.domain_experts."""

from storage.catalogue.insights.expertise_scores import LEVELS_OF_PEOPLE
from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

CONFIDENCES = ("low", "medium", "high")

DOMAIN_EXPERTS = Table(
    schema="insights",
    name="domain_experts",
    description=(
        "Who knows each domain best, who is available, how sure that is, and how many people the domain depends on. "
        "Bots are left out. Ties go to the more available user, then to the lower id."
    ),
    columns=(
        AS_OF,
        Column("domain", "VARCHAR", "the domain, as in insights.expertise_scores", is_required=True),
        Column("is_rollup", "BOOLEAN", "acts in this domain's subdomains count too", is_required=True),
        count("people", "users who acted in it"),
        count("active_people", "how many of these users can log in"),
        count("events", "their acts that succeeded or failed"),
        Column("knowledge", "DOUBLE", "sum of their knowledge", is_required=True),
        Column("last_active_at", "TIMESTAMPTZ", "the last act in it by anybody", is_required=True),
        Column("expert_user_id", "VARCHAR", "user with the most knowledge", is_user_id=True),
        Column("expert_share", "DOUBLE", "that user's knowledge_share"),
        Column("expert_level", "VARCHAR", "that user's level", allowed=LEVELS_OF_PEOPLE),
        Column(
            "runner_up_user_id", "VARCHAR", "user with the second most knowledge; NULL with fewer than 2 people", is_user_id=True
        ),
        Column("runner_up_share", "DOUBLE", "that user's knowledge_share"),
        Column("margin", "DOUBLE", "(knowledge of the first - of the second) / (sum of all + 1), in [0, 1)"),
        Column("confidence", "VARCHAR", "how sure it is that this expert owns the domain, from margin", allowed=CONFIDENCES),
        Column(
            "is_calibrated",
            "BOOLEAN",
            "confidence was measured on domains like this: 2 people or more, no roll-up, the shipped knowledge_weights",
            is_required=True,
        ),
        Column("available_user_id", "VARCHAR", "user with the most availability", is_user_id=True),
        Column("available_share", "DOUBLE", "that user's availability_share"),
        Column("next_available_user_id", "VARCHAR", "user with the second most availability", is_user_id=True),
        Column("next_available_share", "DOUBLE", "that user's availability_share"),
        Column(
            "availability_margin",
            "DOUBLE",
            "the same margin for availability; it says little about who acts next, so it gives no confidence",
        ),
        Column(
            "bus_factor",
            "BIGINT",
            "smallest number of people who together hold half of the knowledge, including people who left (count)",
        ),
        Column("has_single_holder", "BOOLEAN", "bus_factor is 1", is_required=True),
        Column("has_lost_expert", "BOOLEAN", "the user with the most knowledge can no longer log in", is_required=True),
        Column("no_data_reason", "VARCHAR", "why there is no expert: `only_bots`", is_sentence=True),
        IS_SAMPLE,
        Column(
            "definition",
            "BIGINT",
            "version of what knowledge and availability are: 2; NULL in rows from before version 0.2, which do not compare with "
            "these",
        ),
    ),
    verb="replace",
    key=("domain",),
    inputs=("expertise_scores",),
    is_published=True,
    has_history=True,
)
