"""What a series is about: two series about one thing tell the same, whatever they are called."""

HOSTS = ("system", "container")
"""First parts of OpenTelemetry names of a host's metrics."""
ASPECTS = ("direction", "mode", "severity", "state")
"""Attributes that tell apart what one resource does, not resources."""


def family(metric: str) -> str:
    """`memory` of `system.memory.usage` and `container.memory.limit`, `db.client` of `db.client.operations`.

    Metrics of one family measure parts of one whole (used and available memory, bytes and packets), so that they correlate by
    definition.
    """
    parts = metric.split(".")
    return parts[1] if parts[0] in HOSTS and len(parts) > 1 else ".".join(parts[:2])


def resource(metric: str, attributes: str) -> str:
    """The family with its device, mount point or the like: `disk device=sda`."""
    pairs = [pair for pair in attributes.split(",") if pair and pair.partition("=")[0] not in ASPECTS]
    return " ".join([family(metric), *pairs])
