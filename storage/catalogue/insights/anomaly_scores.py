"""insights.anomaly_scores."""

from storage.catalogue.insights.shared import AS_OF, count
from storage.catalogue.model import Column, Table

ANOMALY_SCORES = Table(
    schema="insights",
    name="anomaly_scores",
    description=(
        "How unusual each minute of each host is, against what the host did before, from all its metrics but those of processes. "
        "A minute in which nothing was read has no row; the minute that `as_of` falls into holds what was sampled up to then."
    ),
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column(
            "observed_at",
            "TIMESTAMPTZ",
            "start of the minute, or of the 2, 5, 10, 15, 30 or 60 minutes of a host that is sampled no oftener",
            is_required=True,
        ),
        Column(
            "score",
            "DOUBLE",
            "mean of the strands, each in deviations from its usual level; 0 is as usual or calmer; NULL with a reason",
            minimum=0,
        ),
        Column("threshold", "DOUBLE", "the score from which on it counts, found anew each day (UTC) from the five days before"),
        Column("is_anomalous", "BOOLEAN", "two of the last three scores reach the threshold, and this one does", is_required=True),
        Column(
            "top_metrics",
            "JSON",
            "list of metric, attributes and contribution (share of the deviation), the greatest first; NULL below the threshold",
        ),
        count("metrics", "metrics that the host is judged by"),
        Column("coverage", "DOUBLE", "share of these that were read in the minute; NULL where there are none"),
        Column(
            "strands",
            "VARCHAR",
            "what the score is the mean of: `z` alone under a day of history, else `forest,recent,unrest,z`",
            allowed=("z", "forest,recent,unrest,z"),
        ),
        Column("trained_until", "TIMESTAMPTZ", "end of the history that it is judged by, which excludes the minute; NULL without"),
        count("history_minutes", "minutes of that history in which something was read"),
        Column(
            "no_score_reason",
            "VARCHAR",
            "why score is NULL: under 60 readings of history",
            allowed=("too_little_history",),
            is_sentence=True,
        ),
    ),
    verb="replace",
    key=("host", "observed_at"),
    time_column="observed_at",
    day_column="observed_at",
    is_published=True,
    retention="system_metrics_days",
)
