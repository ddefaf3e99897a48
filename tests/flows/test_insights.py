"""Which tables a run computes, and in which order."""

from datetime import UTC, datetime
from types import SimpleNamespace

from flows.insights import computations, with_inputs
from flows.settings import Settings
from storage.catalogue import INSIGHTS


def test_tables_are_computed_with_those_that_they_are_computed_from() -> None:
    assert with_inputs(["active_scans"]) == {"active_scans"}
    assert with_inputs(["user_profiles", "active_scans"]) == {"user_profiles", "expertise_scores", "active_scans"}
    asked = with_inputs(["performance_insights"])
    assert {"performance_insights", "active_scans", "scan_performance", "deployment_trends", "deployment_metrics"} <= asked
    assert {"domain_experts", "expertise_scores"} <= asked, "what an input is computed from belongs to it"
    assert asked <= set(INSIGHTS)


def test_what_a_table_is_computed_from_comes_before_it() -> None:
    run = SimpleNamespace(settings=Settings(), home="here", as_of=datetime(2026, 3, 1, tzinfo=UTC))
    order = list(computations(run, None))
    assert set(order) == set(INSIGHTS)
    for place, name in enumerate(order):
        assert set(INSIGHTS[name].inputs) <= set(order[:place]), name
