"""Which metrics measure parts of one whole."""

import pytest

from tasks.insights.correlations.resources import family, resource


@pytest.mark.parametrize(
    ("metric", "of"),
    [
        ("system.memory.usage", "memory"),
        ("container.memory.limit", "memory"),
        ("system.cpu.load_average.1m", "cpu"),
        ("system.network.packet.count", "network"),
        ("db.client.operation.duration", "db.client"),
        ("jvm.memory.used", "jvm.memory"),
        ("queue", "queue"),
        ("system", "system"),
    ],
)
def test_family(metric: str, of: str) -> None:
    assert family(metric) == of


def test_a_resource_is_a_family_and_where_it_is_whatever_it_does() -> None:
    assert resource("system.disk.io", "device=sda,direction=read") == "disk device=sda"
    assert resource("system.disk.operations", "device=sda,direction=write") == "disk device=sda"
    assert resource("system.filesystem.usage", "mountpoint=/,state=used") == "filesystem mountpoint=/"
    assert resource("system.pressure.stalled", "resource=io,severity=full") == "pressure resource=io"
    assert resource("system.memory.available", "") == "memory"
