"""The shipped rule `disk_filling_fast` on made-up filesystems, a sample a minute."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from storage.asking.reader import asking_on
from storage.catalogue import TABLES
from storage.frames import registered
from storage.write import upsert
from tasks.alerts.engine import observe
from tasks.alerts.rules import SHIPPED, read_rules
from tasks.alerts.states import severity_of
from tests.disk_series import MINUTES, Disk, fill, run_away

RULE = next(rule for rule in read_rules(SHIPPED) if rule.name == "disk_filling_fast")
NIGHT, DAY = 8 * MINUTES + 138, 8 * MINUTES + 601


@pytest.fixture
def firing(con, at):
    """Shares used, a minute each from the beginning on -> the severities at the given minutes."""

    def severities(used, minutes):
        con.execute("DELETE FROM raw.system_metrics")
        known = np.flatnonzero(~np.isnan(used) | (np.arange(len(used)) % 2 == 0))
        frame = pl.DataFrame(
            {
                "observed_at": [at(int(minute)) for minute in known],
                "value": pl.Series(np.clip(used[known], 0, 1)).fill_nan(None),
                "status": ["unreadable" if np.isnan(value) else "ok" for value in used[known]],
            }
        ).with_columns(
            host=pl.lit("h1"), metric=pl.lit("system.filesystem.utilization"), attributes=pl.lit("mountpoint=/"), unit=pl.lit("1")
        )
        with registered(con, "samples", frame):
            upsert(con, TABLES["raw.system_metrics"], "samples")
        seen = [observe(asking_on(con), RULE, at(minute)) for minute in minutes]
        return [severity_of(RULE, found[0].value) if found else None for found in seen]

    return severities


@pytest.mark.parametrize("start", [DAY, NIGHT], ids=["by day", "beside the nightly files"])
@pytest.mark.parametrize("rate", [0.01, 0.03])
def test_a_runaway_is_caught_within_a_quarter_of_an_hour(firing, rate: float, start: int) -> None:
    used = run_away(fill(Disk(), 9, 1, 1), start, rate)
    assert any(firing(used, range(start - start % 5 + 5, start + 16, 5)))


def test_nights_and_spills_are_no_runaway(firing) -> None:
    assert set(firing(fill(Disk(0.6), 9, 2, 1), range(8 * MINUTES, 9 * MINUTES, 20))) == {None}


def with_files(used, begins, size=0.045, writing=9, staying=20):
    """Temporary files that are written from these minutes on, each at one speed, and deleted."""
    for begin in begins:
        used[begin : begin + writing] += size * np.arange(1, writing + 1) / writing
        used[begin + writing : begin + writing + staying] += size
    return used


def odd_hours(days=(2, 5)):
    """A file at another hour on each of these days."""
    return [day * MINUTES + 300 * place + 60 for place, day in enumerate(days, 1)]


@pytest.mark.parametrize(("days", "severities"), [((), {None, "warning"}), ((2, 5), {None})])
def test_files_as_it_has_at_odd_hours_are_no_runaway(firing, days, severities) -> None:
    used = with_files(np.full(9 * MINUTES, 0.56), [*odd_hours(days), DAY])
    assert set(firing(used, range(DAY, DAY + 20))) == severities


def test_nor_are_they_beside_what_is_written_each_night(firing) -> None:
    nights = [day * MINUTES + 120 for day in range(9)]
    used = with_files(np.full(9 * MINUTES, 0.56), nights, size=0.2, writing=35, staying=60)
    used = with_files(used, odd_hours())
    assert set(firing(with_files(used.copy(), [NIGHT]), range(NIGHT, NIGHT + 15))) == {None}
    assert "critical" in firing(run_away(used, NIGHT, 0.02), range(NIGHT, NIGHT + 15))


def test_one_enormous_file_last_week_hides_no_runaway(firing) -> None:
    """Only what came twice is how it is."""
    used = with_files(with_files(np.full(9 * MINUTES, 0.56), odd_hours()), [4 * MINUTES + 1200], size=0.09)
    assert any(firing(run_away(used, DAY, 0.01), [DAY + 9, DAY + 14]))


def test_it_says_how_soon_and_gets_worse(firing) -> None:
    used = run_away(np.full(9 * MINUTES, 0.55), DAY, 0.005)
    assert firing(used, [DAY + 15, DAY + 60]) == ["warning", "critical"]


def test_what_is_full_does_not_fill_any_more(firing) -> None:
    used = run_away(np.full(9 * MINUTES, 0.55), DAY, 0.05)
    assert firing(used, [DAY + 30]) == [None]


def test_on_a_host_without_a_past_it_counts_all_the_same(firing) -> None:
    assert firing(run_away(np.full(40, 0.6), 20, 0.02), [15, 35]) == [None, "critical"]


@pytest.mark.parametrize(
    "used",
    [np.full(60, 0.9), np.full(1, 0.9), np.full(60, np.nan), 0.1 + 0.005 * np.arange(60), np.repeat([0.5, 0.9], 30)],
    ids=["constant", "one sample", "unreadable", "under half", "one jump"],
)
def test_nothing_else_is_a_runaway(firing, used) -> None:
    assert set(firing(used, range(1, 70, 3))) == {None}


def test_a_gap_or_a_clock_that_jumps_by_an_hour_makes_none(firing, con, at) -> None:
    used = 0.6 + 0.001 * np.arange(300) % 0.02
    used[100:160] = np.nan
    assert set(firing(used, range(90, 300, 7))) == {None}
    con.execute("UPDATE raw.system_metrics SET observed_at = observed_at + INTERVAL 1 HOUR WHERE observed_at > ?", [at(200)])
    assert [observe(asking_on(con), RULE, at(minute)) for minute in (205, 262, 300)] == [[], [], []]
    assert at(262) - at(202) == timedelta(hours=1)
