"""insights.user_profiles."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

USER_PROFILES = Table(
    schema="insights",
    name="user_profiles",
    description=(
        "Each user of the platform and each who acted on it: what they did lately, which domains they know and can help with, over "
        "how many they spread, and which preferences hold for them. No names, no e-mail addresses, nothing that anybody wrote: "
        "users are the platform's ids, acts are its words and ids, and of stored preferences only what looks like a choice is "
        "shown. No history is kept."
    ),
    columns=(
        AS_OF,
        Column("user_id", "VARCHAR", "the platform's id", is_required=True, is_user_id=True),
        Column("role", "VARCHAR", "the user's role, where the platform says"),
        Column("team", "VARCHAR", "team or department, where the platform says"),
        Column("is_active", "BOOLEAN", "may still log in, or the platform does not say", is_required=True),
        Column("is_bot", "BOOLEAN", "as in insights.expertise_scores", is_required=True),
        count("events", "acts in any domain that succeeded or failed before as_of"),
        Column("first_active_at", "TIMESTAMPTZ", "the first of them"),
        Column("last_active_at", "TIMESTAMPTZ", "the last of them"),
        Column("presence", "DOUBLE", "2^(-time since the last of them / half-life), in (0, 1]; NULL for who never acted"),
        Column(
            "top_knowledge",
            "JSON",
            "the first five domains by knowledge_share, best first, of those that no others lie under: a list of {domain, "
            "knowledge, knowledge_share, knowledge_rank, level} of insights.expertise_scores",
            is_required=True,
        ),
        Column(
            "top_availability",
            "JSON",
            "the same by availability_share: a list of {domain, availability, availability_share, availability_rank, level}; empty "
            "for bots and who may not log in",
            is_required=True,
        ),
        count("domains", "domains acted in that no others lie under"),
        Column(
            "breadth",
            "DOUBLE",
            "over how many of them, were the acts spread evenly: exp of the entropy of the events; NULL without any",
        ),
        Column("depth", "DOUBLE", "the greatest knowledge_share in any of them; NULL without any, and for bots"),
        Column(
            "recent_acts",
            "JSON",
            "the last 20 acts of the 24 hours up to as_of, half-open, newest first, whatever came of them: a list of {occurred_at, "
            "action, domain, resource_type, resource_id, status}; a resource_id with `@` is left empty",
            is_required=True,
        ),
        count("recent_events", "all acts of those 24 hours"),
        Column(
            "preferences",
            "JSON",
            "by key {value, source}: `stored` at the platform, else the `default` of settings `profiles.preferences` for the role. "
            "`is_withheld` for stored lists, objects, texts that are no single word of at most 40 characters without `@`, and what "
            "the key calls a name, an address, a phone or a secret; keys that are no such word are left out",
            is_required=True,
            is_sentence=True,
        ),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("user_id",),
    inputs=("expertise_scores",),
    is_published=True,
)
