"""What findings about busy CPUs have in common: which hours of which days they are compared with, and who does it."""

from datetime import datetime

from tasks.insights.findings.hosts import parsed, process
from tasks.insights.findings.kind import SelectedRow
from tasks.insights.findings.shown_rows import rows_where
from tasks.insights.findings.wording import minute, percent
from tasks.insights.hosts.usual_load import NEEDED
from tasks.insights.statistics.succession import chance_of_next
from tasks.wording import counted, duration

DAY = 23.75 * 3600
"""What began as far back as is looked at (s), but for a quarter of an hour."""
SMALL = 1 / 3
"""Who takes less of what is in use is not the reason."""


def hours_of(row: SelectedRow) -> tuple[int, int]:
    """How many hours before as_of its last minute lies, and its first."""
    return _ago(row["as_of"], row["ended_at"]), _ago(row["as_of"], row["started_at"])


def _ago(as_of: datetime, instant: datetime) -> int:
    return max(0, int((as_of - instant).total_seconds() - 1) // 3600)


def is_over(row: SelectedRow) -> bool:
    ago: float = (row["as_of"] - row["ended_at"]).total_seconds()
    return bool(ago > 60 * (row["covers"] + 1))


def in_use(row: SelectedRow) -> str:
    return "were in use" if is_over(row) else "have been in use"


def when(row: SelectedRow) -> str:
    """`for 42 min since ...` of what goes on, else `for 42 min from ... on`. Nobody looks back further than a day."""
    seconds = (row["ended_at"] - row["started_at"]).total_seconds()
    if seconds >= DAY:
        return "for a day or longer"
    return f"for {duration(seconds)}{' from' if is_over(row) else ' since'} {minute(row['started_at'])}{' on' * is_over(row)}"


def on_earlier_days(row: SelectedRow) -> str:
    days, times = row["earlier_days"], row["earlier_days_as_busy"]
    if days < NEEDED:
        return f"too little history to say what is usual at this time of day ({counted(days, 'day')})"
    return f"it was as busy at this time on {times or 'none'} of {counted(days, 'earlier day')}"


def surprise(row: SelectedRow) -> float:
    """How probable it is that a day is not so busy at this time, by those before."""
    days: int = row["earlier_days"]
    return chance_of_next(days - row["earlier_days_as_busy"], days)


def culprit(row: SelectedRow) -> str:
    """Who did it, and what to do with it."""
    look = f"Run `top` on {row['host']} to see which process it is"
    if row["process"] is None:
        return f"{look}: no process was sampled."
    one, share = process(row["process"]), percent(row["process_share"])
    if row["process_share"] < SMALL * row["mean"]:
        return f"{look}: the busiest process sampled, {one}, used only {share} of all CPUs."
    if row["processes"] == 1:
        return f"It is {one} on {row['host']}, with {share} of all CPUs: see what it does, and stop, slow down (nice) or move it."
    name = parsed(row["process"]).get("name", "one name")
    return (
        f"It is {row['processes']:,} processes named {name} on {row['host']}, with {share} of all CPUs in total, the busiest being"
        f" {one}: see what starts them, and run fewer at once, slow them down (nice) or move them."
    )


def samples_of(row: SelectedRow) -> str:
    """SQL that shows what was in use then."""
    series = {"host": row["host"], "metric": "system.cpu.utilization", "attributes": ""}
    since, until = (f"observed_at {sign} '{row[name].isoformat()}'" for sign, name in ((">=", "started_at"), ("<", "ended_at")))
    return rows_where("raw.system_metrics", series, since, until, columns="observed_at, value", order_by="observed_at")
