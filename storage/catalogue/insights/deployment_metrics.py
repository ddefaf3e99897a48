"""insights.deployment_metrics."""

from storage.catalogue.insights.deployment_columns import DEPLOYMENT_PLACE, INCIDENTS
from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, WINDOW_DAYS, count, interval, later_count, median, rate
from storage.catalogue.model import Column, Table

DEPLOYMENT_METRICS = Table(
    schema="insights",
    name="deployment_metrics",
    description=(
        "Deployments per environment x service over the window up to `as_of`, with `all` rows for all of them "
        "together. A deployment is the attempts of one (service, environment, version) less than a gap apart, to one "
        "target or several; its outcome is the worst of their last attempts, and its finish decides whether it is in the window."
    ),
    columns=(
        AS_OF,
        WINDOW_DAYS,
        Column("environment", "VARCHAR", "environment, or `all`", is_required=True),
        Column("service", "VARCHAR", "service, or `all`", is_required=True),
        count("deployments", "succeeded + failed + rolled_back"),
        count("attempts", "attempts that ended in the window"),
        count("succeeded", "deployments whose last attempt succeeded, in each target"),
        count("failed", "deployments whose last attempt failed, in any target"),
        count("rolled_back", "deployments whose last attempt was rolled back"),
        count("canceled", "deployments whose last attempt was canceled; in no denominator"),
        count("in_progress", "deployments not finished at as_of and not stuck; in no denominator"),
        count("stuck", "deployments unfinished for longer than the duration bound; in no denominator"),
        *rate("success_rate", "succeeded / deployments"),
        *interval("success_rate_exact", "success_rate", "Clopper & Pearson 1934, at least 95 % for any rate"),
        Column(
            "success_rate_shrunk",
            "DOUBLE",
            "the rate pulled towards those of the environment's other services, as far as they are alike: posterior mean "
            "of a hierarchical Beta-Binomial model (docs/metrics.md), for ranking. NULL for `all` services, and if fewer "
            "than 3 services have deployments",
        ),
        *interval("success_rate_shrunk", "success_rate_shrunk", "posterior, Beta with the same mean and variance"),
        *rate("first_attempt_success_rate", "deployments whose first attempt succeeded / deployments"),
        later_count("durations", "known durations of last attempts, within the bounds"),
        Column(
            "avg_duration_seconds",
            "DOUBLE",
            "mean of these durations (s); no interval, because durations have heavy tails: see the median",
        ),
        *median("median_duration", "median of these durations"),
        Column("p90_duration_seconds", "DOUBLE", "90th percentile of these durations, interpolated (s); NULL with fewer than 30"),
        *interval("p90_duration", "p90_duration_seconds", "order statistics, exact (s); NULL if no rank reaches it"),
        Column("deployments_per_day", "DOUBLE", "deployments / known_days", is_required=True),
        *interval("deployments_per_day", "deployments_per_day", "exact Poisson (Garwood 1936)"),
        later_count(
            "failed_changes",
            "deployments that failed, were rolled back, or were followed in the same place by a hotfix or rollback",
        ),
        *rate("change_failure_rate", "failed_changes / deployments"),
        later_count("recovered", "runs of failed attempts in the window that ended with a success"),
        later_count(
            "unrecovered",
            "runs of failed attempts in the window not known to have ended: still open at as_of, or over when nobody knows",
        ),
        Column(
            "recovery_median_seconds",
            "DOUBLE",
            "median time from the first failure of a run to the next success, open runs censored (Kaplan & Meier 1958) "
            "(s); NULL without runs, or if fewer than half are known to have ended",
        ),
        *interval("recovery_median", "recovery_median_seconds", "Brookmeyer & Crowley 1982, log-log (s); NULL if it has no end"),
        later_count(
            "rework",
            "deployments that are a hotfix or rollback, or come within the rework time after a failed or rolled-back one",
        ),
        *rate("rework_rate", "rework / deployments"),
        later_count(
            "lead_times",
            "successes in the window that delivered a version for the first time known, with a known commit time; no rollbacks",
        ),
        *median("lead_time_median", "median time from commit to the end of the deployment"),
        count("out_of_bounds", "durations left out: negative or beyond the bound"),
        Column(
            "no_data_reason",
            "VARCHAR",
            "why there is no rate: `no_deployments`, `no_terminal_deployments`, or `no_dated_deployments` if all are undated",
            is_sentence=True,
        ),
        IS_SAMPLE,
        later_count("lead_out_of_bounds", "lead times left out: negative or beyond the bound"),
        later_count("outdated", "attempts left out because their newest state was refused"),
        later_count("undated", "deployments that began in the window and ended nobody knows when; in no denominator"),
        *DEPLOYMENT_PLACE,
        *INCIDENTS,
    ),
    verb="replace",
    key=("environment", "service"),
    is_published=True,
    has_history=True,
)
