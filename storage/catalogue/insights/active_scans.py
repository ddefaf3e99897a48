"""insights.active_scans."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

VERDICTS = ("on_track", "slow", "probably_dead", "too_little_history", "outdated")

ACTIVE_SCANS = Table(
    schema="insights",
    name="active_scans",
    description=(
        "Every scan that was queued or running at `as_of`: for how long, when it should finish, and whether it is still alive, "
        "judged by how long the same data source x scan type took before, as of the last time that the source was read."
    ),
    columns=(
        AS_OF,
        Column("scan_id", "VARCHAR", "the platform's own id", is_required=True),
        Column("name", "VARCHAR", "what the platform calls it", is_sentence=True),
        Column("data_source", "VARCHAR", "the scanned data source", is_required=True),
        Column("scan_type", "VARCHAR", "kind of scan", is_required=True),
        Column("status", "VARCHAR", "`queued` or `running` at as_of", is_required=True),
        Column("queued_at", "TIMESTAMPTZ", "when it was asked for"),
        Column("started_at", "TIMESTAMPTZ", "when it began to run"),
        Column("elapsed_seconds", "DOUBLE", "as_of - started_at, or - queued_at while queued (s); NULL where neither is known"),
        count("history_runs", "finished scans of the same data source x scan type that it is judged by"),
        Column("usual_seconds", "DOUBLE", "their median time in the same state: running, or queued (s)"),
        Column("slow_seconds", "DOUBLE", "the time that 95 of 100 of them stay under (s)"),
        Column(
            "dead_probability",
            "DOUBLE",
            "probability that nothing runs any more, given that it has lasted so long (docs/metrics.md)",
        ),
        Column("verdict", "VARCHAR", "what that makes of it", is_required=True, allowed=VERDICTS),
        Column("evidence", "VARCHAR", "why, in one sentence with its numbers", is_required=True, is_sentence=True),
        Column("expected_finish_at", "TIMESTAMPTZ", "median of the finishes of those that lasted at least as long"),
        Column("finish_low_at", "TIMESTAMPTZ", "lower end of the interval for the finish, if it is alive"),
        Column("finish_high_at", "TIMESTAMPTZ", "upper end of it"),
        Column("no_finish_reason", "VARCHAR", "why there is no such interval", is_sentence=True),
        Column("triggered_by", "VARCHAR", "user id, `system`, or a job's name", is_user_id=True),
        IS_SAMPLE,
        Column("source", "VARCHAR", "where it came from, as in raw", is_required=True),
        Column(
            "subject",
            "VARCHAR",
            "what findings and alerts call it: scan_id, with the source behind it where another source had that id before",
            is_required=True,
        ),
    ),
    verb="replace",
    key=("scan_id", "source"),
    is_published=True,
)
