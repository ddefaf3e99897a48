"""What expertise is made of: the weights and cuts that the settings give."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GRID_HALF_LIVES = 8
DEFINITION = 2
"""What the sums are is told apart by this, as are the rows that follow from them."""
BY_HAND_PER_HOUR = 20.0
"""So many acts an hour, an act every three minutes, people make by hand: 999 in 1,000 hours of the labelled sets have fewer."""
IN_BULK_PER_HOUR = 40.0
"""So many are all in bulk; the acts of hours between are so in part, so that one act more never makes much of a difference."""


@dataclass(frozen=True)
class ExpertiseRules:
    """The settings of section `expertise`, where each is described.

    Attributes:
        level_shares: from which share of a domain's knowledge on a user is competent, proficient, an expert.
    """

    knowledge_weights: Mapping[str, float]
    availability_weights: Mapping[str, float]
    failed_weight: float
    half_life_days: float
    knowledge_prior: float
    availability_prior: float
    minimum_knowledge: float
    level_shares: tuple[float, float, float]
    bot_acts_per_day: float
    bot_pattern: str
    domain_separator: str

    @property
    def weights(self) -> dict[str, Any]:
        """What the sums depend on, as the SELECT binds it."""
        return {
            "knowledge_actions": sorted(self.knowledge_weights),
            "knowledge_weights": [self.knowledge_weights[action] for action in sorted(self.knowledge_weights)],
            "availability_actions": sorted(self.availability_weights),
            "availability_weights": [self.availability_weights[action] for action in sorted(self.availability_weights)],
            "failed_weight": self.failed_weight,
            "half_life_days": self.half_life_days,
            "by_hand_per_hour": BY_HAND_PER_HOUR,
            "in_bulk_per_hour": IN_BULK_PER_HOUR,
        }

    def reference_at(self, as_of: datetime) -> datetime:
        """The instant at which an act weighs what its action does: the last of a grid before `as_of`, so that computations near
        each other have the same, and a sum comes out the same to the last bit whether it was carried or not."""
        step = timedelta(days=self.half_life_days * GRID_HALF_LIVES)
        return EPOCH + (as_of - EPOCH) // step * step
