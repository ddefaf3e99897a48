"""insights.domain_experts."""

from storage.catalogue.insights.expertise_scores import LEVELS_OF_PEOPLE
from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

CONFIDENCES = ("low", "medium", "high")

DOMAIN_EXPERTS = Table(
    schema="insights",
    name="domain_experts",
    description=(
        "Who knows each domain best and who is at hand, how sure that is, and on how many people it rests. Bots are left out. "
        "Among equals the first is who is more available, then the lesser id."
    ),
    columns=(
        AS_OF,
        Column("domain", "VARCHAR", "the domain, as in insights.expertise_scores", is_required=True),
        Column("is_rollup", "BOOLEAN", "acts in domains under this one count too", is_required=True),
        count("people", "users who acted in it"),
        count("active_people", "those of them who may log in"),
        count("events", "their acts that succeeded or failed"),
        Column("knowledge", "DOUBLE", "sum of their knowledge", is_required=True),
        Column("last_active_at", "TIMESTAMPTZ", "the last act in it, whoever's", is_required=True),
        Column("expert_user_id", "VARCHAR", "the first by knowledge", is_user_id=True),
        Column("expert_share", "DOUBLE", "their knowledge_share"),
        Column("expert_level", "VARCHAR", "their level", allowed=LEVELS_OF_PEOPLE),
        Column("runner_up_user_id", "VARCHAR", "the second by knowledge; NULL under 2 people", is_user_id=True),
        Column("runner_up_share", "DOUBLE", "their knowledge_share"),
        Column("margin", "DOUBLE", "(knowledge of the first - of the second) / (sum of all + 1), in [0, 1)"),
        Column("confidence", "VARCHAR", "by margin, that the first is the owner", allowed=CONFIDENCES),
        Column(
            "is_calibrated",
            "BOOLEAN",
            "confidence was measured for domains like this: 2 people or more, no roll-up, the shipped knowledge_weights",
            is_required=True,
        ),
        Column("available_user_id", "VARCHAR", "the first by availability", is_user_id=True),
        Column("available_share", "DOUBLE", "their availability_share"),
        Column("next_available_user_id", "VARCHAR", "the second by availability", is_user_id=True),
        Column("next_available_share", "DOUBLE", "their availability_share"),
        Column(
            "availability_margin", "DOUBLE", "margin of availability; it says little of who acts next, so no confidence goes by it"
        ),
        Column("bus_factor", "BIGINT", "the fewest people who together hold half of the knowledge, left or not (count)"),
        Column("has_single_holder", "BOOLEAN", "bus_factor is 1", is_required=True),
        Column("has_lost_expert", "BOOLEAN", "the first by knowledge may not log in any more", is_required=True),
        Column("no_data_reason", "VARCHAR", "why there is no expert: `only_bots`", is_sentence=True),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("domain",),
    inputs=("expertise_scores",),
    is_published=True,
    has_history=True,
)
