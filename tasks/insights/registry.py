"""Every insight. What reads another one is computed after it, wherever it stands here."""

from collections.abc import Iterable, Sequence
from graphlib import TopologicalSorter

from tasks.insights.active_scans import ACTIVE_SCANS
from tasks.insights.alert_noise import ALERT_NOISE
from tasks.insights.anomalies import ANOMALIES
from tasks.insights.anomaly_scores import ANOMALY_SCORES
from tasks.insights.application_health import APPLICATION_HEALTH
from tasks.insights.deployment_metrics import DEPLOYMENT_METRICS
from tasks.insights.deployment_periods import DEPLOYMENT_PERIODS
from tasks.insights.deployment_trends import DEPLOYMENT_TRENDS
from tasks.insights.domain_experts import DOMAIN_EXPERTS
from tasks.insights.domain_owners import DOMAIN_OWNERS
from tasks.insights.expertise_scores import EXPERTISE_SCORES
from tasks.insights.forecasts import FORECASTS
from tasks.insights.insight import Insight
from tasks.insights.metric_correlations import METRIC_CORRELATIONS
from tasks.insights.performance_insights import PERFORMANCE_INSIGHTS
from tasks.insights.scan_limits import SCAN_LIMITS
from tasks.insights.scan_performance import SCAN_PERFORMANCE
from tasks.insights.scan_queues import SCAN_QUEUES
from tasks.insights.system_metrics_hourly import SYSTEM_METRICS_HOURLY
from tasks.insights.user_profiles import USER_PROFILES

REGISTERED: tuple[Insight, ...] = (
    DEPLOYMENT_METRICS,
    DEPLOYMENT_PERIODS,
    DEPLOYMENT_TRENDS,
    SCAN_PERFORMANCE,
    ACTIVE_SCANS,
    SCAN_QUEUES,
    SCAN_LIMITS,
    EXPERTISE_SCORES,
    DOMAIN_EXPERTS,
    DOMAIN_OWNERS,
    USER_PROFILES,
    SYSTEM_METRICS_HOURLY,
    FORECASTS,
    ANOMALY_SCORES,
    ANOMALIES,
    APPLICATION_HEALTH,
    METRIC_CORRELATIONS,
    PERFORMANCE_INSIGHTS,
    ALERT_NOISE,
)


def in_order(insights: Iterable[Insight]) -> list[Insight]:
    """Each behind those that it reads, and otherwise as they are listed."""
    by_name = {insight.name: insight for insight in insights}
    sorter = TopologicalSorter({name: set(by_name) & set(insight.table.inputs) for name, insight in by_name.items()})
    sorter.prepare()
    order: list[Insight] = []
    ready: set[str] = set()
    while sorter.is_active():
        ready |= set(sorter.get_ready())
        name = next(name for name in by_name if name in ready)
        ready.remove(name)
        order.append(by_name[name])
        sorter.done(name)
    return order


def with_inputs(insights: Sequence[Insight], only: Iterable[str]) -> set[str]:
    """The asked tables and those that they are computed from, and so on."""
    read = {insight.name: insight.table.inputs for insight in insights}
    asked, more = set[str](), set(only) & read.keys()
    while more:
        asked |= more
        more = {name for each in more for name in read[each]} - asked
    return asked
