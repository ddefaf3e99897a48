"""Scans that take longer than they did. Reads insights.scan_performance, and raw.scans for how long they took."""

from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import date, times, times_between
from tasks.wording import counted, duration

CRITICAL_RATIO = 2.0
"""Critical where the slowdown is at least so large whatever the chance."""
AS_MANY_ASSETS = 1.1
"""Up to so many times the assets a run are about as many."""
NUMBERS = (
    *("slowdown_ratio", "slowdown_ratio_low", "slowdown_ratio_high", "slowdown_q_value", "assets_ratio"),
    *("median_before_seconds", "median_since_seconds", "runs_before", "runs_since"),
)


def describe(row: SelectedRow) -> Finding:
    low = row["slowdown_ratio_low"]
    rows = rows_where("insights.scan_performance", {name: row[name] for name in ("data_source", "scan_type")})
    return Finding(
        subject=row["data_source"],
        labels={"scan_type": row["scan_type"]},
        severity="critical" if low is not None and low >= CRITICAL_RATIO else "warning",
        started_at=row["slowed_at"],
        statement=_statement(row),
        recommendation=_recommendation(row),
        evidence={name: row[name] for name in NUMBERS} | {"sql": rows},
        confidence=1 - row["slowdown_q_value"],
        is_sample=row["is_sample"],
    )


def _statement(row: SelectedRow) -> str:
    ratio = f"{times(row['slowdown_ratio'])} times as long {times_between(row['slowdown_ratio_low'], row['slowdown_ratio_high'])}"
    return f"{_scans(row)} have taken {ratio} since {date(row['slowed_at'])}{_medians(row)}"


def _medians(row: SelectedRow) -> str:
    """Empty where the scans of either side have been deleted since the slowdown was found."""
    before, since = row["median_before_seconds"], row["median_since_seconds"]
    if before is None or since is None:
        return ""
    runs = f"medians of {row['runs_before']:,} and {counted(row['runs_since'], 'run')}"
    return f": {duration(before)} before, {duration(since)} since ({runs})"


def _recommendation(row: SelectedRow) -> str:
    """By how much of it the number of assets explains."""
    source, day, slower, assets = row["data_source"], date(row["slowed_at"]), row["slowdown_ratio"], row["assets_ratio"]
    look = f"look at the load of {source}, at the scanner, and at what changed on {day}"
    if assets is None:
        return f"The number of assets that {_scans(row)} read is not known: check whether it has grown since {day}; if not, {look}."
    read = f"They read {times(assets)} times as many assets per run (from daily medians, no interval)"
    if 1 / AS_MANY_ASSETS <= assets <= AS_MANY_ASSETS:
        return f"They read about as many assets per run as before, so each asset takes longer: {look}."
    if assets < 1:
        return f"{read}, and still take longer: {look}."
    if assets >= (row["slowdown_ratio_low"] or slower):
        return f"{read}, which explains it: narrow the scope of {_scans(row)}, split them, or accept the time."
    return f"{read}, which explains part of it: check whether {_scans(row)} need such a wide scope, and {look}."


def _scans(row: SelectedRow) -> str:
    return f"{row['scan_type']} scans of {row['data_source']}"


SCAN_SLOWDOWN = Kind("scan_slowdown", parameters=("as_of", "window_days"), describe=describe)
