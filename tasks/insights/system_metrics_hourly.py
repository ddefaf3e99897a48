"""insights.system_metrics_hourly: host metrics by the hour. Reads raw.system_metrics, and ops to know which hours are new."""

from tasks.insights.hours import new_hours
from tasks.insights.insight import Insight

SYSTEM_METRICS_HOURLY = Insight(__file__, reads=("system_metrics",), window_start=new_hours("system_metrics"))
