"""insights.anomalies."""

from storage.catalogue.insights.shared import AS_OF, count, later_count
from storage.catalogue.model import Column, Table

ANOMALIES = Table(
    schema="insights",
    name="anomalies",
    description=(
        "Episodes of anomalous minutes in anomaly_scores, those that are usual by the calendar apart from the others; minutes at "
        "most 10 minutes apart form one episode."
    ),
    columns=(
        AS_OF,
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column("started_at", "TIMESTAMPTZ", "start of the first anomalous minute", is_required=True),
        Column("ended_at", "TIMESTAMPTZ", "start of the last anomalous minute so far", is_required=True),
        Column("is_ongoing", "BOOLEAN", "still open: an anomalous minute right after as_of would belong to it", is_required=True),
        count("minutes", "anomalous minutes"),
        Column("coverage", "DOUBLE", "mean share of the host's metrics that were read in these minutes", is_required=True),
        Column("peak", "DOUBLE", "highest score; of an episode that is not usual, of what the calendar leaves", is_required=True),
        Column("peak_at", "TIMESTAMPTZ", "minute of the peak", is_required=True),
        Column("threshold", "DOUBLE", "the threshold at the peak", is_required=True),
        Column(
            "severity",
            "VARCHAR",
            "`critical` if the peak is at least twice the threshold there and as_large is below 3; `note` if it is usual, or"
            " if all its minutes are slight",
            is_required=True,
            allowed=("note", "warning", "critical"),
        ),
        Column(
            "top_metrics",
            "JSON",
            "list of metric, attributes and greatest contribution (share), greatest first, at most five",
            is_required=True,
        ),
        Column("strands", "VARCHAR", "the strands whose mean is the score at the peak", is_required=True),
        Column("is_usual", "BOOLEAN", "comes again by the calendar: no finding; NULL in rows from before version 0.2"),
        Column("usual_because", "VARCHAR", "how often it came at such a time before; NULL if it is not usual", is_sentence=True),
        later_count("as_large", "episodes of the host in the 30 days before that reached this peak and were not usual"),
        Column(
            "definition",
            "BIGINT",
            "version of what an episode is: 2; NULL in rows from before version 0.2, which do not know the calendar",
        ),
    ),
    verb="replace",
    key=("host", "started_at"),
    inputs=("anomaly_scores",),
    time_column="started_at",
    is_published=True,
    retention="insights_days",
)
