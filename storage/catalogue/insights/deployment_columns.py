"""Columns that the tables of deployments have in common."""

from storage.catalogue.insights.shared import interval, later_count, rate
from storage.catalogue.model import Column

DEFINITION = Column(
    "definition",
    "BIGINT",
    "version of what is counted: 2; NULL in rows from before version 0.2, which do not compare with these",
)
DEPLOYMENT_PLACE = (
    Column(
        "known_days",
        "DOUBLE",
        "days since the first known deployment there, as far as they lie in the span of the row, at least 1 (d); the "
        "denominator of deployments_per_day",
    ),
    Column("team", "VARCHAR", "the team that the latest deployment with one names; of `all` rows, if it is the only one"),
    DEFINITION,
)
INCIDENTS = (
    later_count(
        "incidents", "incidents laid to these deployments: to the one they name, or the last one of the service before them"
    ),
    later_count("incident_failed_changes", "deployments with at least one incident"),
    *rate("incident_change_failure_rate", "incident_failed_changes / deployments; NULL if no incidents are known at all"),
    later_count("incidents_resolved", "those of these incidents that were resolved by as_of"),
    later_count("incidents_open", "those of these incidents still open at as_of"),
    Column(
        "incident_recovery_median_seconds",
        "DOUBLE",
        "median time from the opening of an incident to its resolution, open ones censored (Kaplan & Meier 1958) (s); NULL without "
        "incidents, or if fewer than half are known to have ended",
    ),
    *interval(
        "incident_recovery_median",
        "incident_recovery_median_seconds",
        "Brookmeyer & Crowley 1982, log-log (s); NULL if it has no end",
    ),
    Column(
        "incident_no_data_reason",
        "VARCHAR",
        "why there is no rate by incidents: `no_incidents_known` or `no_deployments`",
        is_sentence=True,
    ),
)
