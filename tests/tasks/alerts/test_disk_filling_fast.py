"""The shipped rule `disk_filling_fast` on made-up filesystems, a sample a minute."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from storage.catalogue import TABLES
from storage.frames import registered
from storage.write import upsert
from tasks.alerts.board import observe
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
        seen = [observe(con, RULE, at(minute)) for minute in minutes]
        return [severity_of(RULE, found[0].value) if found else None for found in seen]

    return severities


@pytest.mark.parametrize("start", [DAY, NIGHT], ids=["by day", "beside the nightly files"])
@pytest.mark.parametrize("rate", [0.01, 0.03])
def test_a_runaway_is_caught_within_a_quarter_of_an_hour(firing, rate: float, start: int) -> None:
    used = run_away(fill(Disk(), 9, 1, 1), start, rate)
    assert any(firing(used, range(start - start % 5 + 5, start + 16, 5)))


def test_nights_and_spills_are_no_runaway(firing) -> None:
    assert set(firing(fill(Disk(0.6), 9, 2, 1), range(8 * MINUTES, 9 * MINUTES, 20))) == {None}


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
    assert [observe(con, RULE, at(minute)) for minute in (205, 262, 300)] == [[], [], []]
    assert at(262) - at(202) == timedelta(hours=1)
