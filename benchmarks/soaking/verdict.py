"""Whether what grows is what may: the bars of a home that has lived for so many days."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from benchmarks.bars import Bar
from benchmarks.soaking.record import Day
from storage.catalogue import GOVERNANCE, TABLES

FULL_DAYS = 60
"""With fewer, retention has not acted for long enough to say what is bounded by it."""
GROWTH, SLACK_MB, SLACK_ROWS, SLACK_SECONDS = 1.1, 0.3, 30, 0.1
STRAIGHT = 1.5
"""What grows with the platform, or by the day, may grow by so many times in the last third what it grew in the one before."""
FILES = ("warehouse", "published", "backups", "second place")
"""They hold what is bounded, and what the platform adds."""
FOLDERS = ("log", "landing", "quarantine", "journal", "models", "set aside", "report")
BY_THE_DAY = ("history.", "state.")
GROWING = {
    *(f"raw.{name}" for name in GOVERNANCE),
    "alerts.alerts",
    "alerts.silences",
    "ops.audit_log",
    "ops.changes",
    "ops.forgotten",
    "ops.outdated_rows",
    "ops.rejected_rows",
    "ops.schema_migrations",
}
"""Tables that retention leaves alone, for they are what there is, or what people did."""
FOLLOWS_WHAT_IS_NEW = (
    "evaluate_alerts: load",
    "evaluate_alerts: alerts",
    "evaluate_alerts: notifications",
    "evaluate_alerts: second copy",
    "extract_sources: extract",
    "extract_sources: load extracted",
    "maintain_warehouse: retention",
    "maintain_warehouse: backup",
    "maintain_warehouse: second copy",
    "maintain_warehouse: verification",
)


def bars(days: Sequence[Day], problems: Sequence[str]) -> list[Bar]:
    """All that hold for so many days."""
    always = [
        Bar("runs that failed", len(problems), 0, is_most=True),
        Bar("leftovers", max(day.leftovers for day in days), 0, is_most=True),
        Bar("landing files at the end of a day (MB)", max(day.megabytes["landing"] for day in days), 2, is_most=True),
        Bar("steps that never were", len(set(FOLLOWS_WHAT_IS_NEW).difference(*(day.seconds for day in days))), 0, is_most=True),
    ]
    if len(days) < FULL_DAYS:
        return always
    return [*always, *_sizes(days), *_tables(days), *_memory(days), *_seconds(days)]


def _thirds(days: Sequence[Day]) -> tuple[Sequence[Day], Sequence[Day]]:
    """The ten days before the last third, and the last ten."""
    until = len(days) * 2 // 3
    return days[until - 10 : until], days[-10:]


def _most(days: Iterable[Day], figure: Callable[[Day], float]) -> float:
    return max(map(figure, days))


def _sizes(days: Sequence[Day]) -> Iterator[Bar]:
    before, last = _thirds(days)
    for name in FOLDERS:
        limit = GROWTH * _most(before, lambda day: day.megabytes[name]) + SLACK_MB  # noqa: B023 - used at once
        yield Bar(f"{name} at the end (MB)", _most(last, lambda day: day.megabytes[name]), limit, is_most=True)  # noqa: B023
    for name in FILES:
        share = [_most(some, lambda day: day.megabytes[name] / sum(day.rows.values())) for some in (before, last)]  # noqa: B023
        yield Bar(f"{name}, bytes a row, in times of a third before", share[1] / share[0], GROWTH, is_most=True)


def _tables(days: Sequence[Day]) -> Iterator[Bar]:
    before, last = _thirds(days)
    third = len(days) // 3
    for name in TABLES.keys() & days[-1].rows.keys() | {each for each in days[-1].rows if each.startswith(BY_THE_DAY)}:
        if name in GROWING or name.startswith(BY_THE_DAY):
            rows = [days[at].rows[name] for at in (len(days) - 1 - 2 * third, len(days) - 1 - third, len(days) - 1)]
            limit = STRAIGHT * max(rows[1] - rows[0], 0) + SLACK_ROWS
            yield Bar(f"{name}, new rows of the last third", rows[2] - rows[1], limit, is_most=True)
        else:
            limit = GROWTH * _most(before, lambda day: day.rows[name]) + SLACK_ROWS  # noqa: B023
            yield Bar(f"{name}, rows at the end", _most(last, lambda day: day.rows[name]), limit, is_most=True)  # noqa: B023


def _memory(days: Sequence[Day]) -> Iterator[Bar]:
    """Medians of ten days, from a third on and at the end."""
    begin = len(days) // 3
    for name in sorted({each for day in days for each in day.peaks}):
        early, late = (_median(some, lambda day: day.peaks.get(name)) for some in (days[begin : begin + 10], days[-10:]))  # noqa: B023
        if early and late:
            yield Bar(f"{name}, most memory in times of day {begin}", late / early, GROWTH, is_most=True)


def _seconds(days: Sequence[Day]) -> Iterator[Bar]:
    begin = len(days) // 3
    for name in FOLLOWS_WHAT_IS_NEW:
        early, late = (_median(some, lambda day: day.seconds.get(name)) for some in (days[begin : begin + 10], days[-10:]))  # noqa: B023
        if early is not None and late is not None:
            yield Bar(f"{name} at the end (CPU s)", late, 1.25 * early + SLACK_SECONDS, is_most=True)


def _median(days: Iterable[Day], figure: Callable[[Day], float | None]) -> float | None:
    found = [value for day in days if (value := figure(day)) is not None]
    return median(found) if found else None
