"""insights.domain_owners: whom the platform declares to own a domain, beside who knows it. Reads raw.owners and raw.users, and
insights.domain_experts and insights.expertise_scores of the same as_of."""

from tasks.insights.insight import Insight

DOMAIN_OWNERS = Insight(__file__, reads=("owners", "users"))
