"""insights.anomaly_scores."""

from storage.catalogue.insights.shared import AS_OF, count
from storage.catalogue.model import Column, Table

ANOMALY_SCORES = Table(
    schema="insights",
    name="anomaly_scores",
    description=(
        "How unusual each minute of each host is compared with its history, from all its metrics except those of processes. "
        "A minute with no readings has no row; the minute that contains `as_of` covers samples up to then."
    ),
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column(
            "observed_at",
            "TIMESTAMPTZ",
            "start of the minute, or of the 2, 5, 10, 15, 30 or 60 minutes for a host sampled less often",
            is_required=True,
        ),
        Column(
            "score",
            "DOUBLE",
            "mean of the strands, each in deviations from its usual level; 0: as usual or calmer; NULL with a reason",
            minimum=0,
        ),
        Column(
            "threshold", "DOUBLE", "the score needed to count as anomalous, recomputed each day (UTC) from the five days before"
        ),
        Column("is_anomalous", "BOOLEAN", "two of the last three scores reach the threshold, and this one does", is_required=True),
        Column(
            "top_metrics",
            "JSON",
            "list of metric, attributes and contribution (share of the deviation), greatest first; NULL below the threshold",
        ),
        count("metrics", "metrics used to judge the host"),
        Column("coverage", "DOUBLE", "share of these metrics that were read in the minute; NULL if there are none"),
        Column(
            "strands",
            "VARCHAR",
            "the strands whose mean is the score: only `z` with under a day of history, else `forest,recent,unrest,z`",
            allowed=("z", "forest,recent,unrest,z"),
        ),
        Column("trained_until", "TIMESTAMPTZ", "end of the history used, which excludes the minute; NULL without history"),
        count("history_minutes", "minutes of that history with at least one reading"),
        Column(
            "no_score_reason",
            "VARCHAR",
            "why score is NULL: fewer than 60 readings of history",
            allowed=("too_little_history",),
            is_sentence=True,
        ),
        Column(
            "calendar_score",
            "DOUBLE",
            "score of what does not come again by the calendar, looked at from the threshold on; NULL with a reason",
            minimum=0,
        ),
        Column("is_usual", "BOOLEAN", "anomalous, but not by what the calendar leaves of it; NULL in rows from before version 0.2"),
        Column("comes_each", "VARCHAR", "of a usual minute, how often it comes", allowed=("hour", "day", "week", "month")),
        Column("times", "BIGINT", "of a usual minute, in how many of the earlier hours, days, weeks or months it came (count)"),
        Column("times_of", "BIGINT", "how many earlier ones are known (count)"),
        Column(
            "is_slight",
            "BOOLEAN",
            "anomalous only by changes of metrics that hardly move, each less than is of practical size; NULL in rows from before"
            " version 0.2",
        ),
    ),
    inputs=("system_metrics_hourly",),
    verb="replace",
    key=("host", "observed_at"),
    time_column="observed_at",
    day_column="observed_at",
    is_published=True,
    retention="system_metrics_days",
)
