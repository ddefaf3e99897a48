"""Whom to blame, by hand."""

import numpy as np
import pytest

from tasks.insights.detection.blame import Blame, blame


def test_the_guilty_metrics_come_in_order_and_the_nearly_innocent_not_at_all() -> None:
    found = blame(np.array([3.0, 6.0, 0.1]), ["cpu", "disk", "net"])
    assert [each.metric for each in found] == ["disk", "cpu"]
    assert found[0].share == pytest.approx(6 / 9.1)


def test_equals_are_named_by_name_and_nothing_is_blamed_for_nothing() -> None:
    assert blame(np.array([1.0, 1.0]), ["b", "a"]) == (Blame("a", 0.5), Blame("b", 0.5))
    assert blame(np.zeros(2), ["a", "b"]) == ()
