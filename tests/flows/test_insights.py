"""Which tables a run computes."""

from flows.insights import with_inputs
from storage.catalogue import INSIGHTS


def test_findings_are_computed_with_the_tables_that_they_are_read_from() -> None:
    assert with_inputs(["active_scans"]) == {"active_scans"}
    asked = with_inputs(["performance_insights"])
    assert {"performance_insights", "active_scans", "scan_performance", "deployment_trends", "deployment_metrics"} <= asked
    assert asked <= set(INSIGHTS)
