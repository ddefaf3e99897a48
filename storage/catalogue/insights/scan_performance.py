"""insights.scan_performance."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, WINDOW_DAYS, count, interval, later_count, median, rate
from storage.catalogue.model import Column, Table

SCAN_PERFORMANCE = Table(
    schema="insights",
    name="scan_performance",
    description=(
        "Scans per data source x scan type over the window up to `as_of`: success, waiting and running times, "
        "throughput, whether they have become slower, and when the next is due. A scan's finish decides whether it is "
        "in the window."
    ),
    columns=(
        AS_OF,
        WINDOW_DAYS,
        Column("data_source", "VARCHAR", "the scanned data source", is_required=True),
        Column("scan_type", "VARCHAR", "kind of scan", is_required=True),
        count("runs", "succeeded + failed"),
        count("succeeded", "scans that succeeded"),
        count("failed", "scans that failed"),
        count("canceled", "canceled scans; in no denominator"),
        count("unfinished", "scans queued or running at as_of; in no denominator"),
        *rate("success_rate", "succeeded / runs"),
        count("queue_times", "runs with a known waiting time"),
        *median("queue_median", "median time from request to start"),
        count("run_times", "succeeded runs with a known running time"),
        *median("run_median", "median running time of succeeded runs"),
        Column("run_p90_seconds", "DOUBLE", "90th percentile of the running time, interpolated (s); NULL with fewer than 30"),
        *interval("run_p90", "run_p90_seconds", "order statistics, exact (s); NULL if no rank reaches it"),
        count("asset_runs", "succeeded runs with a known number of assets and running time"),
        Column("assets_per_second", "DOUBLE", "median of assets_scanned / running time over these runs"),
        *interval("assets_per_second", "assets_per_second", "order statistics, exact; NULL with fewer than 6"),
        count("days", "days, counted back from as_of, that have a succeeded run with a known running time"),
        Column("slowdown", "VARCHAR", "`slower`, `faster`, `no_evidence` or `too_little_data`", is_required=True),
        Column("slowed_at", "TIMESTAMPTZ", "start of the first day at the new level; NULL without evidence of a change"),
        Column("slowdown_ratio", "DOUBLE", "geometric mean of the daily median running times from slowed_at on / before it"),
        *interval("slowdown_ratio", "slowdown_ratio", "Welch 1947, on logarithms"),
        Column(
            "slowdown_q_value",
            "DOUBLE",
            "q-value for no change anywhere, with false discoveries controlled over the scans (Benjamini & Hochberg 1995)",
        ),
        Column(
            "assets_ratio",
            "DOUBLE",
            "geometric mean of the daily median assets per run from slowed_at on / before it; NULL without assets",
        ),
        count("gaps", "intervals of a minute or more between consecutive scan requests, among the last 79"),
        Column("cadence_seconds", "DOUBLE", "median of these intervals (s); NULL if there are none"),
        Column("last_start_at", "TIMESTAMPTZ", "when the last scan was requested"),
        Column("next_start_at", "TIMESTAMPTZ", "last_start_at + cadence_seconds; NULL with fewer than 5 gaps"),
        Column("next_start_low_at", "TIMESTAMPTZ", "lower end of the interval for the next start, from the gaps' order statistics"),
        Column(
            "next_start_high_at",
            "TIMESTAMPTZ",
            "upper end of that interval, never less than the longest gap at that time of an earlier week",
        ),
        Column(
            "next_start_confidence",
            "DOUBLE",
            "how often such an interval holds the next start: 0.95, or (gaps - 1) / (gaps + 1) with fewer than 39 gaps",
        ),
        Column(
            "is_late",
            "BOOLEAN",
            "overdue: the source was read after next_start_high_at and no scan had been requested; NULL with fewer than 5 gaps",
        ),
        Column(
            "failure_reasons",
            "JSON",
            "the most common error messages, with numbers and names taken out: a list of {reason, runs}; NULL without failures",
            is_sentence=True,
        ),
        Column("no_data_reason", "VARCHAR", "why there is no rate: `no_finished_scans`", is_sentence=True),
        IS_SAMPLE,
        later_count("queue_out_of_bounds", "waiting times left out: negative or beyond the bound"),
        later_count("run_out_of_bounds", "running times of succeeded runs left out: negative"),
        later_count("outdated", "scans left out because their newest version was rejected"),
    ),
    verb="replace",
    key=("data_source", "scan_type"),
    is_published=True,
    has_history=True,
)
