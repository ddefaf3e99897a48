"""insights.scan_performance."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, WINDOW_DAYS, count, interval, later_count, median, rate
from storage.catalogue.model import Column, Table

SCAN_PERFORMANCE = Table(
    schema="insights",
    name="scan_performance",
    description=(
        "Scans per data source x scan type over the window up to `as_of`: success, waiting apart from running, throughput, whether "
        "they have become slower than they were, and when the next is due. A scan counts in the window by its finish."
    ),
    columns=(
        AS_OF,
        WINDOW_DAYS,
        Column("data_source", "VARCHAR", "the scanned data source", is_required=True),
        Column("scan_type", "VARCHAR", "kind of scan", is_required=True),
        count("runs", "succeeded + failed"),
        count("succeeded", "scans that succeeded"),
        count("failed", "scans that failed"),
        count("canceled", "scans that were canceled; in no denominator"),
        count("unfinished", "scans queued or running at as_of; in no denominator"),
        *rate("success_rate", "succeeded / runs"),
        count("queue_times", "runs whose waiting time is known"),
        *median("queue_median", "median time from being asked for to starting"),
        count("run_times", "succeeded runs whose running time is known"),
        *median("run_median", "median running time of the succeeded"),
        Column("run_p90_seconds", "DOUBLE", "90th percentile of the running time, interpolated (s); NULL under 30"),
        *interval("run_p90", "run_p90_seconds", "order statistics, exact (s); NULL where no rank reaches it"),
        count("asset_runs", "succeeded runs with assets and a running time"),
        Column("assets_per_second", "DOUBLE", "median over them of assets_scanned / running time"),
        *interval("assets_per_second", "assets_per_second", "order statistics, exact; NULL under 6"),
        count("days", "days with a succeeded run whose running time is known, counted back from as_of"),
        Column("slowdown", "VARCHAR", "`slower`, `faster`, `no_evidence` or `too_little_data`", is_required=True),
        Column("slowed_at", "TIMESTAMPTZ", "start of the first day at the new level; NULL without evidence"),
        Column("slowdown_ratio", "DOUBLE", "geometric mean of the daily median running times from then on / before"),
        *interval("slowdown_ratio", "slowdown_ratio", "Welch 1947, on logarithms"),
        Column(
            "slowdown_q_value",
            "DOUBLE",
            "no change anywhere, false discoveries controlled over the scans (Benjamini & Hochberg 1995)",
        ),
        Column(
            "assets_ratio", "DOUBLE", "geometric mean of the daily median assets a run from then on / before; NULL without assets"
        ),
        count("gaps", "times of a minute or more between two scans asked for one after the other, of the last 79"),
        Column("cadence_seconds", "DOUBLE", "their median (s); NULL without any"),
        Column("last_start_at", "TIMESTAMPTZ", "when the last one was asked for"),
        Column("next_start_at", "TIMESTAMPTZ", "last_start_at + cadence_seconds; NULL under 5 gaps"),
        Column("next_start_low_at", "TIMESTAMPTZ", "lower end of the interval for the next start, from the gaps' order statistics"),
        Column(
            "next_start_high_at", "TIMESTAMPTZ", "upper end of it, and no less than the longest gap at that time of an earlier week"
        ),
        Column(
            "next_start_confidence",
            "DOUBLE",
            "how often such an interval holds the next start: 0.95, and (gaps - 1) / (gaps + 1) under 39 gaps",
        ),
        Column(
            "is_late", "BOOLEAN", "the source was read after next_start_high_at, and it had not been asked for; NULL under 5 gaps"
        ),
        Column(
            "failure_reasons",
            "JSON",
            "the commonest error messages, numbers and names taken out: a list of {reason, runs}; NULL without failures",
            is_sentence=True,
        ),
        Column("no_data_reason", "VARCHAR", "why there is no rate: `no_finished_scans`", is_sentence=True),
        IS_SAMPLE,
        later_count("queue_out_of_bounds", "waiting times left out as negative or beyond the bound"),
        later_count("run_out_of_bounds", "running times of the succeeded left out as negative"),
        later_count("outdated", "scans left out because their newest state was refused"),
    ),
    verb="replace",
    key=("data_source", "scan_type"),
    is_published=True,
    has_history=True,
)
