"""insights.deployment_periods."""

from storage.catalogue.insights.deployment_columns import DEPLOYMENT_PLACE, INCIDENTS
from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count, interval, median, rate
from storage.catalogue.model import Column, Table

DEPLOYMENT_PERIODS = Table(
    schema="insights",
    name="deployment_periods",
    description=(
        "Deployments per week and per calendar month, environment x service, with `all` rows as in deployment_metrics. A "
        "deployment is of the period that it ended in, a run of failures of the one that it began in. A service has a row for each "
        "period since it is known, also if nothing was deployed."
    ),
    columns=(
        AS_OF,
        Column("period", "VARCHAR", "`week` (from Monday) or `month`, in UTC", is_required=True),
        Column("start_at", "TIMESTAMPTZ", "the first instant of the period", is_required=True),
        Column("is_complete", "BOOLEAN", "the period was over at as_of", is_required=True),
        Column("environment", "VARCHAR", "environment, or `all`", is_required=True),
        Column("service", "VARCHAR", "service, or `all`", is_required=True),
        count("deployments", "succeeded + failed + rolled_back"),
        count("attempts", "their attempts that ended"),
        count("succeeded", "deployments whose last attempt succeeded, in each target"),
        count("failed", "deployments whose last attempt failed, in any target"),
        count("rolled_back", "deployments whose last attempt was rolled back"),
        count("canceled", "deployments whose last attempt was canceled; in no denominator"),
        *rate("success_rate", "succeeded / deployments"),
        *rate("first_attempt_success_rate", "deployments whose first attempt succeeded / deployments"),
        count("durations", "known durations, within the bounds"),
        *median("median_duration", "median of these durations"),
        Column("deployments_per_day", "DOUBLE", "deployments / known_days", is_required=True),
        *interval("deployments_per_day", "deployments_per_day", "exact Poisson (Garwood 1936)"),
        count(
            "failed_changes",
            "deployments that failed, were rolled back, or were followed in the same place by a hotfix or rollback",
        ),
        *rate("change_failure_rate", "failed_changes / deployments"),
        count("recovered", "runs of failed attempts that began in the period and ended with a success by as_of"),
        count("unrecovered", "runs of failed attempts that began in the period and are not known to have ended"),
        Column(
            "recovery_median_seconds",
            "DOUBLE",
            "median time from the first failure of a run to the next success, open runs censored (Kaplan & Meier 1958) "
            "(s); NULL without runs, or if fewer than half are known to have ended",
        ),
        *interval("recovery_median", "recovery_median_seconds", "Brookmeyer & Crowley 1982, log-log (s); NULL if it has no end"),
        count(
            "rework", "deployments that are a hotfix or rollback, or come within the rework time after a failed or rolled-back one"
        ),
        *rate("rework_rate", "rework / deployments"),
        count("lead_times", "successes that delivered a version for the first time known, with a known commit time; no rollbacks"),
        *median("lead_time_median", "median time from commit to the end of the deployment"),
        *INCIDENTS,
        *DEPLOYMENT_PLACE,
        Column("no_data_reason", "VARCHAR", "why there is no rate: `no_deployments`", is_sentence=True),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("period", "start_at", "environment", "service"),
    is_published=True,
)
