"""Schema `insights`: what govpulse computes, each table a function of its inputs and `as_of`. One file a table."""

from storage.catalogue.insights.active_scans import ACTIVE_SCANS
from storage.catalogue.insights.alert_noise import ALERT_NOISE
from storage.catalogue.insights.anomalies import ANOMALIES
from storage.catalogue.insights.anomaly_scores import ANOMALY_SCORES
from storage.catalogue.insights.application_health import APPLICATION_HEALTH
from storage.catalogue.insights.deployment_metrics import DEPLOYMENT_METRICS
from storage.catalogue.insights.deployment_periods import DEPLOYMENT_PERIODS
from storage.catalogue.insights.deployment_trends import DEPLOYMENT_TRENDS
from storage.catalogue.insights.domain_experts import DOMAIN_EXPERTS
from storage.catalogue.insights.domain_owners import DOMAIN_OWNERS
from storage.catalogue.insights.expertise_scores import EXPERTISE_SCORES
from storage.catalogue.insights.forecasts import FORECASTS
from storage.catalogue.insights.metric_correlations import METRIC_CORRELATIONS
from storage.catalogue.insights.performance_insights import PERFORMANCE_INSIGHTS
from storage.catalogue.insights.scan_limits import SCAN_LIMITS
from storage.catalogue.insights.scan_performance import SCAN_PERFORMANCE
from storage.catalogue.insights.scan_queues import SCAN_QUEUES
from storage.catalogue.insights.system_metrics_hourly import SYSTEM_METRICS_HOURLY
from storage.catalogue.insights.user_profiles import USER_PROFILES

TABLES = (
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
