"""Memory of a host, a container or a process that grows steadily and does not come back. Reads insights.forecasts."""

from datetime import datetime, timedelta

from tasks.insights.findings.hosts import amount, process, until
from tasks.insights.findings.kind import Finding, Kind, SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.wording import duration

CRITICAL_HOURS = 24
"""Critical where the limit is that near."""
NUMBERS = (
    *("value", "level", "limit_value", "window_hours", "slope_per_day", "slope_per_day_low", "slope_per_day_high"),
    *("growth_p_value", "crosses_at", "crosses_low_at", "crosses_high_at", "no_forecast_reason"),
)
PROCESS = "process.memory.usage"


def describe(row: SelectedRow) -> Finding:
    """A leak began no later than what was looked at."""
    rows = rows_where("insights.forecasts", {name: row[name] for name in ("host", "metric", "attributes")})
    return Finding(
        subject=row["host"],
        labels={"part": _what(row)},
        severity="critical" if _is_near(row) else "warning",
        started_at=row["grows_since"],
        statement=f"Memory of {_what(row)} on {row['host']} has grown by {_slope(row)}"
        f" over the last {duration(3600 * row['window_hours'])} (measured at its lowest points),"
        f" and is now {amount(row['value'], row['unit'])}; {_limit(row)}",
        recommendation=_recommendation(row),
        evidence={name: row[name] for name in NUMBERS} | {"sql": rows},
        confidence=1 - row["growth_p_value"],
        is_sample=False,
    )


def _is_near(row: SelectedRow) -> bool:
    crosses: datetime | None = row["crosses_at"]
    return crosses is not None and crosses <= row["as_of"] + timedelta(hours=CRITICAL_HOURS)


def _what(row: SelectedRow) -> str:
    if row["metric"] == PROCESS:
        return process(row["attributes"])
    return "the container" if row["metric"].startswith("container.") else "the host"


def _slope(row: SelectedRow) -> str:
    slope, low, high = (amount(row[f"slope_per_day{end}"], row["unit"]) for end in ("", "_low", "_high"))
    return f"{slope} a day ({low} to {high})"


def _limit(row: SelectedRow) -> str:
    if row["crosses_at"] is None:
        known = {"beyond_horizon": f"its limit is more than {row['horizon_days']:g} days away", "no_limit": "no limit is known"}
        return known.get(row["no_forecast_reason"], "when it reaches its limit is not known")
    ahead = (until(row["as_of"], row[f"crosses{end}_at"]) for end in ("", "_low", "_high"))
    point, low, high = ahead
    return f"at that pace it reaches its limit in {point} ({low} to {high})"


def _recommendation(row: SelectedRow) -> str:
    if row["metric"] == PROCESS:
        return (
            f"Restart {process(row['attributes'])} on {row['host']} before it reaches the limit, which ends this finding, and check"
            " its latest deployment for memory that is kept and never freed."
        )
    if row["leaking"] is not None:
        return f"Most of it is {process(row['leaking'])}: restart it before the limit is reached, and find out what it keeps."
    if row["largest"] is not None:
        return (
            f"No single process sampled the whole time leaks; the largest on {row['host']} is {process(row['largest'])}:"
            " check whether it, or many small ones, or files in memory (tmpfs) have grown."
        )
    return f"No process was sampled: check on {row['host']} whether a process or files in memory (tmpfs) have grown."


MEMORY_LEAK = Kind("memory_leak", parameters=(), describe=describe)
