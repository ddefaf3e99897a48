"""insights.active_scans."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

VERDICTS = ("on_track", "slow", "probably_dead", "too_little_history", "outdated")

ACTIVE_SCANS = Table(
    schema="insights",
    name="active_scans",
    description=(
        "Every scan that was queued or running at `as_of`: how long it has been, when it should finish, and whether "
        "it is still alive, judged by how long earlier scans of the same data source x scan type took, as of the last "
        "time the source was read."
    ),
    columns=(
        AS_OF,
        Column("scan_id", "VARCHAR", "the platform's own id", is_required=True),
        Column("name", "VARCHAR", "the scan's name on the platform", is_sentence=True),
        Column("data_source", "VARCHAR", "the scanned data source", is_required=True),
        Column("scan_type", "VARCHAR", "kind of scan", is_required=True),
        Column("status", "VARCHAR", "`queued` or `running` at as_of", is_required=True),
        Column("queued_at", "TIMESTAMPTZ", "when the scan was requested"),
        Column("started_at", "TIMESTAMPTZ", "when it started running"),
        Column("elapsed_seconds", "DOUBLE", "as_of - started_at, or as_of - queued_at while queued (s); NULL if neither is known"),
        count("history_runs", "finished scans of the same data source x scan type, used as its history"),
        Column("usual_seconds", "DOUBLE", "median time of those scans in the same state, running or queued (s)"),
        Column("slow_seconds", "DOUBLE", "95 of 100 of those scans took less than this (s)"),
        Column(
            "dead_probability",
            "DOUBLE",
            "probability that the scan is dead, given how long it has lasted (docs/metrics.md)",
        ),
        Column("verdict", "VARCHAR", "verdict from the above", is_required=True, allowed=VERDICTS),
        Column(
            "evidence", "VARCHAR", "reason for the verdict, in one sentence with the numbers", is_required=True, is_sentence=True
        ),
        Column("expected_finish_at", "TIMESTAMPTZ", "median finish time, from the scans that lasted at least as long"),
        Column("finish_low_at", "TIMESTAMPTZ", "lower end of the interval for the finish, if the scan is alive"),
        Column("finish_high_at", "TIMESTAMPTZ", "upper end of that interval"),
        Column("no_finish_reason", "VARCHAR", "why there is no such interval", is_sentence=True),
        Column("triggered_by", "VARCHAR", "user id, `system`, or a job's name", is_user_id=True),
        IS_SAMPLE,
        Column("source", "VARCHAR", "where the row came from, as in raw", is_required=True),
        Column(
            "subject",
            "VARCHAR",
            "name in findings and alerts: scan_id, followed by the source if another source used that id first",
            is_required=True,
        ),
    ),
    verb="replace",
    key=("scan_id", "source"),
    is_published=True,
)
