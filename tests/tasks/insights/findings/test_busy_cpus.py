"""Hosts whose CPUs are busy, by the minutes up to 25 Nov 2026 12:30 UTC, a Wednesday. Of figures in the simulated ones see
benchmarks/calibration/cpu.py."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from storage.frames import fetch, registered
from tasks.insights.findings.cpu_spike import CPU_SPIKE
from tasks.insights.findings.sustained_cpu import SUSTAINED_CPU
from tests.cpu_series import MINUTES, Host, use
from tests.insight_rows import BLANK_AT as AS_OF

KINDS = (SUSTAINED_CPU, CPU_SPIKE)
MINUTE = timedelta(minutes=1)
FORTNIGHT = 15 * MINUTES
"""14 earlier days and a bit."""
PYTHON, GCC = "create_time=1795431600.25,name=python3.11,pid=812", "create_time=1795431600.25,name=g%2B%2B,pid={}"
Frame = pl.DataFrame
Find = Callable[..., list[dict[str, Any]]]


def quiet(minutes: int = FORTNIGHT) -> np.ndarray:
    """A fifth in use, the last minute last."""
    return np.full(minutes, 0.2)


def busy(minutes: int, share: float = 0.95, ago: int = 0, before: int = FORTNIGHT) -> np.ndarray:
    """So many busy minutes, which ended so many minutes ago."""
    used = quiet(before)
    used[before - ago - minutes : before - ago] = share
    return used


def samples(
    used: Sequence[float] | np.ndarray, metric: str = "system.cpu.utilization", attributes: str = "", host: str = "h1"
) -> Frame:
    """A sample each minute, the last half a minute before AS_OF."""
    first = AS_OF - MINUTE * len(used) + MINUTE / 2
    at = pl.datetime_range(first, AS_OF, MINUTE, time_unit="us", eager=True)
    frame = pl.DataFrame({"observed_at": at, "value": np.asarray(used, dtype=float)})
    return frame.with_columns(metric=pl.lit(metric), attributes=pl.lit(attributes), host=pl.lit(host))


@pytest.fixture(scope="session")
def found_in(con: duckdb.DuckDBPyConnection) -> Find:
    """Samples -> the findings of both kinds."""

    def found(*frames: Frame, as_of: datetime = AS_OF) -> list[dict[str, Any]]:
        con.execute("BEGIN")
        try:
            with registered(con, "given", pl.concat(frames)):
                con.execute(
                    "INSERT INTO raw.system_metrics BY NAME SELECT *, if(value IS NULL, 'unreadable', 'ok') AS status FROM given"
                )
            return [finding for kind in KINDS for finding in kind.findings(rows_of(con, kind.name, as_of))]
        finally:
            con.execute("ROLLBACK")

    return found


def rows_of(con: duckdb.DuckDBPyConnection, name: str, as_of: datetime) -> Frame:
    return fetch(con, {kind.name: kind for kind in (CPU_SPIKE, SUSTAINED_CPU)}[name].select, {"as_of": as_of})


def kinds(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["kind"] for finding in findings]


def test_twenty_busy_minutes(found_in, ago) -> None:
    (found,) = found_in(samples(busy(20)), samples([8.0], "system.cpu.logical.count"))
    assert (found["kind"], found["subject"], found["severity"]) == ("sustained_cpu", "h1", "warning")
    assert found["statement"] == (
        "95.0 % of 8 CPUs on h1 have been in use on average (peak 95.0 %) for 20 min since 25 Nov 2026 12:10 UTC;"
        " it was as busy at this time on none of 14 earlier days"
    )
    assert (found["started_at"], found["is_sample"]) == (ago(minutes=20), False)
    assert found["confidence"] == pytest.approx(15 / 16)
    evidence = json.loads(found["evidence"])
    assert (evidence["known_minutes"], evidence["cpus"], evidence["load"]) == (20, 8, None)


def test_its_sql_shows_these_minutes(found_in, con) -> None:
    frame = samples(busy(20))
    (found,) = found_in(frame)
    con.execute("BEGIN")
    with registered(con, "given", frame):
        con.execute("INSERT INTO raw.system_metrics BY NAME SELECT *, 'ok' AS status FROM given")
    shown = con.execute(json.loads(found["evidence"])["sql"]).fetchall()
    con.execute("ROLLBACK")
    assert [value for _, value in shown] == [0.95] * 20


@pytest.mark.parametrize(
    ("minutes", "kind"), [(1, []), (2, ["cpu_spike"]), (14, ["cpu_spike"]), (15, ["sustained_cpu"]), (300, ["sustained_cpu"])]
)
def test_by_its_length_it_is_one_kind_or_the_other(found_in, minutes: int, kind: list[str]) -> None:
    assert kinds(found_in(samples(busy(minutes)))) == kind


@pytest.mark.parametrize(("share", "kind"), [(0.89, []), (0.9, ["sustained_cpu"])])
def test_busy_is_nine_tenths(found_in, share: float, kind: list[str]) -> None:
    assert kinds(found_in(samples(busy(30, share)))) == kind


@pytest.mark.parametrize(("low", "kind"), [(0.77, []), (0.83, ["sustained_cpu"])])
def test_on_average(found_in, low: float, kind: list[str]) -> None:
    used = busy(31, 1.0)
    used[-30::2] = low
    assert kinds(found_in(samples(used))) == kind


def test_it_began_with_the_run_however_long_and_whenever_one_looks(found_in, ago) -> None:
    used = busy(400)
    starts = {found_in(samples(used), as_of=AS_OF - lag * MINUTE)[0]["started_at"] for lag in (0, 61, 380)}
    assert starts == {ago(minutes=400)}


@pytest.mark.parametrize(("pause", "began"), [(10, 60), (20, 20)])
def test_ten_minutes_of_pause_do_not_end_it(found_in, ago, pause: int, began: int) -> None:
    used = busy(60)
    used[-20 - pause : -20] = 0.3
    (found,) = found_in(samples(used))
    assert found["started_at"] == ago(minutes=began)
    quiet_minutes = pause if began == 60 else 0
    mean = ((began - quiet_minutes) * 0.95 + quiet_minutes * 0.3) / began
    assert json.loads(found["evidence"])["mean"] == pytest.approx(mean)


def test_what_is_over_says_so_and_is_gone_after_an_hour(found_in, ago) -> None:
    (found,) = found_in(samples(busy(20, ago=30)))
    assert "for 20 min from 25 Nov 2026 11:40 UTC on;" in found["statement"]
    assert found["started_at"] == ago(minutes=50)
    assert found_in(samples(busy(20, ago=61))) == []


@pytest.mark.parametrize("missing", [None, np.nan, np.inf, -np.inf])
def test_what_could_not_be_read_is_no_evidence(found_in, missing: float | None) -> None:
    few, many = (samples(busy(20)).with_row_index("place") for _ in range(2))
    gap = pl.when(pl.col("place").is_between(FORTNIGHT - 12, FORTNIGHT - 10)).then(pl.lit(missing, pl.Float64)).otherwise("value")
    gaps = pl.when(pl.col("place") % 2 == 0).then(pl.lit(missing, pl.Float64)).otherwise("value")
    (found,) = found_in(few.with_columns(value=gap).drop("place"))
    assert json.loads(found["evidence"])["known_minutes"] == 17
    assert (
        found_in(many.with_columns(value=pl.when(pl.col("place") > FORTNIGHT - 40).then(gaps).otherwise("value")).drop("place"))
        == []
    )


def test_where_samples_are_far_apart_each_stands_for_the_time_since_the_one_before(found_in, ago) -> None:
    every = {minutes: samples(busy(20)).reverse().gather_every(minutes) for minutes in (5, 10)}
    (found,) = found_in(every[5])
    assert (found["kind"], found["started_at"]) == ("sustained_cpu", ago(minutes=20))
    assert json.loads(found["evidence"])["known_minutes"] == 20
    assert found_in(every[10]) == []


def test_several_samples_a_minute_are_one_minute(found_in, ago) -> None:
    frames = [
        samples(busy(20, share)).with_columns(pl.col("observed_at") + timedelta(seconds=shift))
        for share, shift in ((0.93, -20), (0.97, 20))
    ]
    (found,) = found_in(*frames)
    assert (found["kind"], found["started_at"]) == ("sustained_cpu", ago(minutes=20))
    assert json.loads(found["evidence"])["mean"] == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("load", "pressure", "severity"),
    [(15.9, 1.0, "warning"), (16.0, 0.5, "critical"), (40.0, 0.4, "warning"), (16.0, None, "critical")],
)
def test_work_that_waits_is_critical_but_not_for_disks(found_in, load: float, pressure: float | None, severity: str) -> None:
    given = [samples(busy(20)), samples([8.0], "system.cpu.logical.count"), samples([load] * 20, "system.cpu.load_average.1m")]
    if pressure is not None:
        given.append(samples([pressure] * 20, "system.pressure.stalled", "resource=cpu,severity=some"))
    (found,) = found_in(*given)
    assert found["severity"] == severity
    assert ("threads per CPU run or wait" in found["statement"]) == (load >= 16)


@pytest.mark.parametrize(("minutes", "share", "severity"), [(59, 0.99, "warning"), (60, 0.99, "critical"), (60, 0.979, "warning")])
def test_full_for_an_hour_is_critical(found_in, minutes: int, share: float, severity: str) -> None:
    assert found_in(samples(busy(minutes, share)))[0]["severity"] == severity


def on_days(used: np.ndarray, days: Sequence[int], minutes: int, share: float = 0.95, earlier: int = 0) -> np.ndarray:
    """As busy as that on so many days before, so many minutes earlier."""
    for day in days:
        end = len(used) - day * MINUTES - earlier
        used[end - minutes : end] = share
    return used


def test_what_it_does_every_day_at_this_time_is_usual(found_in) -> None:
    assert found_in(samples(on_days(busy(60), range(1, 15), 60, earlier=25))) == []
    assert found_in(samples(on_days(busy(6), range(1, 15), 6, earlier=25))) == []


def test_what_it_does_at_another_time_is_not(found_in) -> None:
    assert kinds(found_in(samples(on_days(busy(60), range(1, 15), 60, earlier=300)))) == ["sustained_cpu"]
    assert kinds(found_in(samples(on_days(busy(6), range(1, 15), 6, earlier=300)))) == ["cpu_spike"]


def test_nor_is_what_takes_more_than_twice_as_long(found_in) -> None:
    assert kinds(found_in(samples(on_days(busy(121), range(1, 15), 60)))) == ["sustained_cpu"]
    assert found_in(samples(on_days(busy(120), range(1, 15), 60))) == []


def test_most_days_make_it_usual_and_the_others_are_told(found_in) -> None:
    (found,) = found_in(samples(on_days(busy(60), range(1, 8), 60)))
    assert found["statement"].endswith("it was as busy at this time on 7 of 14 earlier days")
    assert found["confidence"] == pytest.approx(8 / 16)
    assert found_in(samples(on_days(busy(60), range(1, 9), 60))) == []


def test_once_a_week_is_usual_too(found_in) -> None:
    month = 29 * MINUTES
    assert found_in(samples(on_days(busy(60, before=month), (7, 14, 21, 28), 60))) == []
    assert kinds(found_in(samples(on_days(busy(60, before=month), (6, 13, 20, 27), 60)))) == ["sustained_cpu"]


@pytest.mark.parametrize("days", [0, 1, 2])
def test_a_host_that_is_new_has_no_spikes_and_nothing_is_made_up(found_in, days: int) -> None:
    (found,) = found_in(samples(busy(20, before=days * MINUTES + 300)))
    assert found["statement"].endswith(f"at this time of day ({days} day{'s' * (days != 1)})")
    assert found["confidence"] == pytest.approx((days + 1) / (days + 2))
    assert found_in(samples(busy(10, before=days * MINUTES + 300))) == []


def test_it_is_found_though_sampling_began_again_with_it(found_in) -> None:
    frame = samples(busy(20))
    outage = pl.col("observed_at").is_between(AS_OF - 5 * 60 * MINUTE, AS_OF - 20 * MINUTE)
    assert kinds(found_in(frame.filter(~outage))) == ["sustained_cpu"]


@pytest.mark.parametrize(
    "used",
    [np.full(FORTNIGHT, 0.95), np.full(FORTNIGHT, 0.5), np.full(FORTNIGHT, 0.0), np.full(1, 1.0), np.full(FORTNIGHT, np.nan)],
    ids=["busy by design", "half", "idle", "one sample", "unreadable"],
)
def test_nothing_is_found_where_nothing_changes(found_in, used: np.ndarray) -> None:
    assert found_in(samples(used)) == []


def test_what_lasts_longer_than_a_day_says_so(found_in) -> None:
    (found,) = found_in(samples(busy(2 * MINUTES)))
    assert "(peak 95.0 %) for a day or longer; it was as busy at this time on 1 of 14 earlier days" in found["statement"]


def test_a_clock_that_jumps_by_an_hour_moves_it_or_leaves_a_gap(found_in, ago) -> None:
    used = samples(busy(40))
    ahead = used.with_columns(
        pl.when(pl.col("observed_at") > ago(minutes=20)).then(pl.col("observed_at") + timedelta(hours=1)).otherwise("observed_at")
    )
    (found,) = found_in(ahead)
    assert (found["started_at"], json.loads(found["evidence"])["known_minutes"]) == (ago(minutes=40), 20)


def process(attributes: str, share: float, minutes: int) -> Frame:
    return samples([share] * minutes, "process.cpu.utilization", attributes)


def test_it_names_the_process_that_does_it(found_in) -> None:
    """A process without a row at half of the instants had none then."""
    (found,) = found_in(samples(busy(20)), process(PYTHON, 0.8, 20), process(GCC.format(1), 0.9, 10))
    assert found["recommendation"] == (
        "It is python3.11 (pid 812, started 23 Nov 2026 11:00 UTC) on h1, with 80.0 % of all CPUs: see what it does, and stop,"
        " slow down (nice) or move it."
    )


def test_or_the_name_that_many_have(found_in) -> None:
    many = [process(GCC.format(pid), 0.05, 20) for pid in range(10)]
    (found,) = found_in(samples(busy(20)), process(PYTHON, 0.4, 20), *many)
    assert found["recommendation"].startswith(
        "It is 10 processes named g++ on h1, with 50.0 % of all CPUs in total, the busiest being g++ (pid 9,"
    )


def test_or_none_if_none_does(found_in) -> None:
    (small,) = found_in(samples(busy(20)), process(PYTHON, 0.1, 20))
    (none,) = found_in(samples(busy(20)), process(PYTHON, 0.9, 20).with_columns(host=pl.lit("h2")))
    assert (
        "the busiest process sampled, python3.11 (pid 812, started 23 Nov 2026 11:00 UTC), used only 10.0 %"
        in small["recommendation"]
    )
    assert none["recommendation"] == "Run `top` on h1 to see which process it is: no process was sampled."


def test_what_else_it_may_be_is_said(found_in) -> None:
    given = samples([0.3] * 20, attributes="mode=steal"), samples([2.0], "container.cpu.limit")
    (found,) = found_in(samples(busy(20)), *given)
    assert "Other machines on the same hardware steal 30.0 %" in found["recommendation"]
    assert found["recommendation"].endswith("may use only 2 of these CPUs: the figures are the host's.")


def test_a_spike(found_in, ago) -> None:
    (found,) = found_in(samples(busy(6, ago=10)), process(PYTHON, 0.7, 16))
    assert (found["kind"], found["subject"], found["severity"]) == ("cpu_spike", "h1", "warning")
    assert found["statement"] == (
        "95.0 % of all CPUs on h1 were in use on average (peak 95.0 %) for 6 min from 25 Nov 2026 12:14 UTC on, usually 20.0 % at"
        " this time of day; it was as busy at this time on none of 14 earlier days"
    )
    assert found["recommendation"].startswith("It is python3.11 (pid 812,")
    assert (found["started_at"], found["confidence"]) == (ago(minutes=16), pytest.approx(15 / 16))


@pytest.mark.parametrize(
    ("usual", "share", "kind"),
    [(0.5, 0.86, []), (0.5, 0.89, ["cpu_spike"]), (0.02, 0.79, []), (0.02, 0.81, ["cpu_spike"])],
)
def test_a_spike_takes_three_quarters_of_what_is_usually_free_and_eight_tenths_of_all(found_in, usual, share, kind) -> None:
    assert kinds(found_in(samples(np.where(busy(6, share) == 0.2, usual, share)))) == kind


def test_where_days_differ_a_lot_nothing_is_a_spike(found_in) -> None:
    """Of .1 and .4 by turns, from midnight to midnight, the median absolute deviation is .15."""
    used = np.where((np.arange(FORTNIGHT) - FORTNIGHT + MINUTES // 2) // MINUTES % 2, 0.4, 0.1)
    used[-6:] = 0.95
    assert found_in(samples(used)) == []


def test_bursts_every_hour_are_usual(found_in) -> None:
    used = quiet()
    for end in range(10, FORTNIGHT, 60):
        used[-end - 5 : -end] = 0.95
    assert found_in(samples(used)) == []


@pytest.mark.parametrize(("days", "kind"), [(7, []), (6, ["cpu_spike"])])
def test_a_host_with_bursts_at_odd_hours_on_half_of_the_days_has_them(found_in, days: int, kind: list[str]) -> None:
    used = busy(6)
    for day in range(1, days + 1):
        on_days(used, [day], 6, earlier=150 + 110 * day)
    assert kinds(found_in(samples(used))) == kind


def test_a_spike_after_a_long_run_is_another_thing(found_in) -> None:
    used = on_days(busy(20, ago=30), [0], 5)
    assert kinds(found_in(samples(used))) == ["sustained_cpu", "cpu_spike"]
    spans = [(found["started_at"], json.loads(found["evidence"])["ended_at"]) for found in found_in(samples(used))]
    assert spans[0][1] < spans[1][0].isoformat()


def test_hosts_are_judged_each_by_its_own_past(found_in) -> None:
    frames = [samples(busy(20), host="h1"), samples(quiet(), host="h2"), samples(busy(6), host="h3")]
    assert [(found["kind"], found["subject"]) for found in found_in(*frames)] == [
        ("sustained_cpu", "h1"),
        ("cpu_spike", "h3"),
    ]


def test_in_any_order_of_arrival_the_same_is_found(found_in) -> None:
    frame = pl.concat([samples(use(Host(0.9, 0.08), 15, 3)), process(PYTHON, 0.3, 60), process(GCC.format(1), 0.3, 60)])
    as_busy = samples(busy(200, 0.97), host="h2")
    whole = pl.concat([frame, as_busy])
    once = found_in(whole)
    assert once
    assert found_in(whole.sample(fraction=1, shuffle=True, seed=1)) == once


def test_nights_rhythms_and_bursts_are_as_usual(found_in) -> None:
    """Hosts of the benchmark that are as busy as ever, at each hour of a night."""
    hosts = [Host(job=60), Host(0.25, cycle=0.6), Host(cron=4), Host(0.95, 0.03)]
    frames = [samples(use(host, 16, seed), host=f"h{seed}") for seed, host in enumerate(hosts)]
    # AS_OF is 00:00 of the made-up days.
    assert [found for hour in range(19, 24, 2) for found in found_in(*frames, as_of=AS_OF - timedelta(hours=hour))] == []
