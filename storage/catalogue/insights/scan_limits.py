"""insights.scan_limits."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

SCAN_LIMITS = Table(
    schema="insights",
    name="scan_limits",
    description=(
        "Every limit of your own (`[[scans.limits]]`) and every data source x scan type that it is about: the run in question, "
        "whether it keeps the limit, and the probability that it does not. Judged as of the last time the source was read."
    ),
    columns=(
        AS_OF,
        Column("kind", "VARCHAR", "kind of limit", is_required=True, allowed=("longer_than", "done_by")),
        Column("data_source", "VARCHAR", "the scanned data source", is_required=True),
        Column("scan_type", "VARCHAR", "kind of scan", is_required=True),
        Column("limit_name", "VARCHAR", "the limit in words", is_required=True),
        Column("subject", "VARCHAR", "name in findings and alerts: data source, scan type and limit", is_required=True),
        Column("longest_seconds", "DOUBLE", "how long a run may take (s); NULL for `done_by`"),
        Column("due_at", "TIMESTAMPTZ", "by when it has to have succeeded: the next deadline, or the last one while that is late"),
        Column("scan_id", "VARCHAR", "the run in question; NULL while none has been requested"),
        Column("source", "VARCHAR", "where that run's row came from, as in raw"),
        Column(
            "state",
            "VARCHAR",
            "of a length `running`, or `not_begun` where none runs and it is about the next one; of a time of day `not_requested`, "
            "`under_way`, `failed` or `succeeded`",
            is_required=True,
            allowed=("running", "not_begun", "not_requested", "under_way", "failed", "succeeded"),
        ),
        Column("asked_at", "TIMESTAMPTZ", "of a time of day: when a run was first requested for it"),
        Column("started_at", "TIMESTAMPTZ", "when the run in question started running"),
        count("history_runs", "earlier runs by which it is judged"),
        Column("usual_seconds", "DOUBLE", "median time of these: from start to end, or from the first request to success (s)"),
        Column("slow_seconds", "DOUBLE", "95 of 100 of them took less than this (s)"),
        Column(
            "miss_probability",
            "DOUBLE",
            "probability that the limit is missed, given how it stands (docs/metrics.md); 1 where it has been",
            minimum=0,
            maximum=1,
        ),
        Column(
            "verdict",
            "VARCHAR",
            "`missed`, `met`, `at_risk` from a probability of .5 on, `on_track`, or `not_judged`",
            is_required=True,
            allowed=("missed", "met", "at_risk", "on_track", "not_judged"),
        ),
        Column("reason", "VARCHAR", "why it is not judged: `too_little_history`, or `irregular`: it does not run on most days"),
        Column(
            "evidence", "VARCHAR", "reason for the verdict, in one sentence with the numbers", is_required=True, is_sentence=True
        ),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("kind", "data_source", "scan_type"),
    is_published=True,
)
