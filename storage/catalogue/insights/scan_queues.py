"""insights.scan_queues."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, count
from storage.catalogue.model import Column, Table

SCAN_QUEUES = Table(
    schema="insights",
    name="scan_queues",
    description=(
        "Every queue in which scans waited at `as_of`: of a source as a whole, and of each scanner where the source names it. Says "
        "whether it moves, judged by how long nothing began before while something waited."
    ),
    columns=(
        AS_OF,
        Column("source", "VARCHAR", "where its scans came from, as in raw", is_required=True),
        Column("scanner", "VARCHAR", "the scanner; `all` for the whole source", is_required=True),
        Column("subject", "VARCHAR", "name in findings and alerts: the source, or source and scanner", is_required=True),
        count("waiting", "scans that wait; those that were overtaken by ones requested later are left out"),
        count(
            "overtaken", "queued scans that ones requested later have overtaken: lost ones, no sign of a queue that stands still"
        ),
        Column("waiting_since", "TIMESTAMPTZ", "when the first of those that wait was requested"),
        Column("last_started_at", "TIMESTAMPTZ", "when a scan last began"),
        Column(
            "still_seconds",
            "DOUBLE",
            "for how long nothing has begun while something waits, as of the last time that the source was read (s)",
            minimum=0,
        ),
        count("starts", "starts of scans in the window that had to wait or not, by which it is judged"),
        Column("usual_still_seconds", "DOUBLE", "95 of 100 of those starts came sooner while something waited (s)", minimum=0),
        Column("limit_seconds", "DOUBLE", "from here on it stands still (s); NULL with fewer than 20 starts", minimum=0),
        Column(
            "verdict",
            "VARCHAR",
            "`moving`, `stands_still`, or `too_little_history`",
            is_required=True,
            allowed=("moving", "stands_still", "too_little_history"),
        ),
        Column("is_covered", "BOOLEAN", "whether the source as a whole stands still, so that this scanner is told with it"),
        Column(
            "evidence", "VARCHAR", "reason for the verdict, in one sentence with the numbers", is_required=True, is_sentence=True
        ),
        Column("scans", "JSON", "those that wait, the first 50: scan_id, data_source, queued_at", is_required=True),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("source", "scanner"),
    is_published=True,
)
