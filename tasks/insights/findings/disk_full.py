"""Filesystems that will be full within two weeks. Reads insights.forecasts."""

from datetime import timedelta

from tasks.insights.findings.hosts import amount, parsed, until
from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import date, percent

CRITICAL_DAYS = 3
"""Critical where it is full so soon."""
FULL = 0.995
"""What is this full is called full."""
NUMBERS = (
    *("value", "level", "slope_per_day", "slope_per_day_low", "slope_per_day_high", "growth_p_value"),
    *("crosses_at", "crosses_low_at", "crosses_high_at", "hours"),
)


def describe(row: SelectedRow) -> Finding:
    mount: str = parsed(row["attributes"]).get("mountpoint") or row["attributes"]
    rows = rows_where("insights.forecasts", {name: row[name] for name in ("host", "metric", "attributes")})
    is_near = row["crosses_at"] <= row["as_of"] + timedelta(days=CRITICAL_DAYS)
    return Finding(
        subject=row["host"],
        labels={"filesystem": row["attributes"]},
        severity="critical" if is_near else "warning",
        started_at=row["grows_since"],
        statement=_statement(row, mount),
        recommendation=(
            f"Free space on {mount} of {row['host']}, or enlarge it, {_when(row)}: find what grows with"
            f" `du -xh --max-depth=2 {mount} | sort -h | tail`, and delete old logs, backups or temporary files that can go."
        ),
        evidence={name: row[name] for name in NUMBERS} | {"sql": rows},
        confidence=1 - row["growth_p_value"],
        is_sample=False,
    )


def _statement(row: SelectedRow, mount: str) -> str:
    slope, low, high = (amount(row[f"slope_per_day{end}"], row["unit"]) for end in ("", "_low", "_high"))
    point, soonest, latest = (until(row["as_of"], row[f"crosses{end}_at"]) for end in ("", "_low", "_high"))
    if row["value"] >= FULL:
        return f"{mount} of {row['host']} is full ({percent(row['value'])}), and has grown by {slope} a day ({low} to {high})"
    if row["level"] >= 1:
        return (
            f"The peaks of {mount} of {row['host']} fill it: {percent(row['value'])} are used now, and it grows by {slope} a day"
            f" ({low} to {high})"
        )
    return (
        f"{mount} of {row['host']} will be full in {point} ({soonest} to {latest}): it grows by {slope} a day ({low} to {high}),"
        f" and its peaks reach {percent(row['level'])}"
    )


def _when(row: SelectedRow) -> str:
    return "now" if row["crosses_low_at"] <= row["as_of"] else f"before {date(row['crosses_low_at'])}"


DISK_FULL = Kind("disk_full", parameters=(), describe=describe)
