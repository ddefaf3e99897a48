"""insights.user_profiles."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

USER_PROFILES = Table(
    schema="insights",
    name="user_profiles",
    description=(
        "Each user of the platform, and everybody who acted on it: what they did recently, which domains they know "
        "and can help with, how widely they spread, and their preferences. No names, no e-mail addresses, nothing "
        "that anybody wrote: users are the platform's ids, acts are its words and ids, and a stored preference is "
        "shown only if it looks like a choice. No history is kept."
    ),
    columns=(
        AS_OF,
        Column("user_id", "VARCHAR", "the platform's id", is_required=True, is_user_id=True),
        Column("role", "VARCHAR", "the user's role, if the platform says"),
        Column("team", "VARCHAR", "team or department, if the platform says"),
        Column("is_active", "BOOLEAN", "can still log in, or the platform does not say", is_required=True),
        Column("is_bot", "BOOLEAN", "as in insights.expertise_scores", is_required=True),
        count("events", "acts in any domain that succeeded or failed before as_of"),
        Column("first_active_at", "TIMESTAMPTZ", "first of these acts"),
        Column("last_active_at", "TIMESTAMPTZ", "last of these acts"),
        Column("presence", "DOUBLE", "2^(-time since last_active_at / half-life), in (0, 1]; NULL for users who never acted"),
        Column(
            "top_knowledge",
            "JSON",
            "the top five domains by knowledge_share, best first, counting only domains without subdomains: a list of {domain, "
            "knowledge, knowledge_share, knowledge_rank, level} of insights.expertise_scores",
            is_required=True,
        ),
        Column(
            "top_availability",
            "JSON",
            "the same by availability_share: a list of {domain, availability, availability_share, availability_rank, "
            "level}; empty for bots and users who can no longer log in",
            is_required=True,
        ),
        count("domains", "domains acted in that have no subdomains"),
        Column(
            "breadth",
            "DOUBLE",
            "effective number of these domains, as if acts were spread evenly: exp of the entropy of the events; NULL "
            "without domains",
        ),
        Column("depth", "DOUBLE", "the highest knowledge_share in any of these domains; NULL without domains, and for bots"),
        Column(
            "recent_acts",
            "JSON",
            "the last 20 acts in the 24 hours up to as_of, exclusive, newest first, whatever their outcome: a list of "
            "{occurred_at, action, domain, resource_type, resource_id, status}; a resource_id with `@` is left empty",
            is_required=True,
        ),
        count("recent_events", "all acts of those 24 hours"),
        Column(
            "preferences",
            "JSON",
            "by key {value, source}: `stored` on the platform, else the `default` for the role from the setting "
            "`profiles.preferences`. `is_withheld` for stored lists and objects, texts other than a single word of at "
            "most 40 characters without `@`, and values whose key says name, address, phone or secret; keys that are not "
            "such a word are left out",
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
