"""Limits of one's own on scans. As of 10 March 2026, 05:00 in Berlin (04:00 UTC); limits are at 06:00 there, or 2 hours."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tasks.insights.scans.limit import ScanLimit, as_rows

AS_OF = datetime(2026, 3, 10, 4, tzinfo=UTC)
BY_SIX = ScanLimit(done_by="06:00", zone="Europe/Berlin")
TWO_HOURS = ScanLimit(longer_than="2h")


def scan(number: int, asked: datetime, minutes: float | None = 30, status: str = "succeeded", **more: str) -> dict[str, object]:
    """A scan that began when it was requested; without minutes it has not ended."""
    ended = asked + timedelta(minutes=minutes) if minutes is not None else None
    row = {"scan_id": f"s{number}", "data_source": "crm", "scan_type": "full", "status": status, "queued_at": asked}
    row |= {"started_at": asked, "finished_at": ended, "updated_at": ended or asked}
    return row | more


def nights(count: int, *, last: int = 1, hour: float = 2.0, minutes: float = 30) -> list[dict[str, object]]:
    """Runs of nights before, requested at that hour UTC; the newest `last` nights ago."""
    midnight = AS_OF.replace(hour=0)
    return [
        scan(1000 + ago, midnight - timedelta(days=ago) + timedelta(hours=hour), minutes + ago % 3)
        for ago in range(last, last + count)
    ]


@pytest.fixture
def judged(compute):
    def judge(rows: list[dict[str, object]], *limits: ScanLimit, as_of: datetime = AS_OF) -> list[dict[str, object]]:
        given = {"as_of": as_of, "window_days": 90, "limits": as_rows(limits)}
        return compute("scan_limits", pl.DataFrame(rows, infer_schema_length=None), given).to_dicts()

    return judge


def test_no_limit_no_row(judged) -> None:
    assert judged(nights(20)) == []


def test_a_run_that_has_succeeded_in_time_has_met_its_limit(judged) -> None:
    (row,) = judged([*nights(20), scan(1, AS_OF - timedelta(hours=2))], BY_SIX)
    assert (row["verdict"], row["state"], row["miss_probability"]) == ("met", "succeeded", 0.0)
    assert row["due_at"] == datetime(2026, 3, 10, 5, tzinfo=UTC)  # 06:00 in Berlin
    assert row["evidence"] == "it succeeded 2 h 30 min before it was due"
    assert row["subject"] == "crm, full: done by 06:00 Europe/Berlin"


def test_one_that_began_in_time_is_on_track(judged) -> None:
    (row,) = judged([*nights(20), scan(1, AS_OF - timedelta(minutes=10), None, "running")], BY_SIX)
    assert (row["verdict"], row["state"], row["scan_id"]) == ("on_track", "under_way", "s1")
    assert row["miss_probability"] < 0.1


def test_one_that_began_too_late_is_at_risk(judged) -> None:
    late = scan(1, datetime(2026, 3, 10, 4, 40, tzinfo=UTC), None, "running")  # takes 30 min, 20 are left
    (row,) = judged([*nights(20), late], BY_SIX, as_of=datetime(2026, 3, 10, 4, 45, tzinfo=UTC))
    assert row["verdict"] == "at_risk"
    assert row["miss_probability"] > 0.95


def test_one_that_is_not_done_by_then_has_missed_it_until_it_is_done(judged) -> None:
    rows = [*nights(20), scan(1, AS_OF, None, "running")]
    (row,) = judged(rows, BY_SIX, as_of=datetime(2026, 3, 10, 7, tzinfo=UTC))
    assert (row["verdict"], row["miss_probability"], row["due_at"].hour) == ("missed", 1.0, 5)
    assert row["evidence"].startswith("it was requested 3 h ago and is running, due 2 h ago; the last 20 took 31 min (median)")
    done = [*nights(20), scan(1, AS_OF, 200)]
    (row,) = judged(done, BY_SIX, as_of=datetime(2026, 3, 10, 8, tzinfo=UTC))
    assert (row["verdict"], row["state"], row["due_at"].day) == ("on_track", "not_requested", 11)


def test_one_that_nobody_requested_is_at_risk_and_then_missed(judged) -> None:
    """Every night at 02:00 UTC; now it is four."""
    (row,) = judged(nights(20), BY_SIX)
    assert (row["verdict"], row["state"], row["scan_id"]) == ("at_risk", "not_requested", None)
    assert row["miss_probability"] == pytest.approx(0.5)  # no night was like this: as likely as not
    (row,) = judged(nights(20), BY_SIX, as_of=datetime(2026, 3, 10, 5, 30, tzinfo=UTC))
    assert row["verdict"] == "missed"
    (row,) = judged(nights(20, last=3), BY_SIX)  # nor did it run in the two nights before
    assert (row["verdict"], row["due_at"].day) == ("missed", 9)


def test_a_failed_run_is_likelier_missed_than_one_under_way(judged) -> None:
    (failed,) = judged([*nights(20), scan(1, AS_OF - timedelta(minutes=20), 10, "failed")], BY_SIX)
    assert (failed["state"], failed["verdict"]) == ("failed", "at_risk")
    again = [scan(1, AS_OF - timedelta(minutes=20), 10, "failed"), scan(2, AS_OF - timedelta(minutes=5), None, "running")]
    (row,) = judged([*nights(20), *again], BY_SIX)
    assert (row["state"], row["scan_id"], row["verdict"]) == ("under_way", "s2", "on_track")
    assert row["miss_probability"] < failed["miss_probability"]


def test_a_scan_that_does_not_run_on_most_days_is_not_missed(judged) -> None:
    weekly = [scan(week, AS_OF - timedelta(days=7 * week, hours=3)) for week in range(1, 12)]
    (row,) = judged(weekly, BY_SIX)
    assert (row["verdict"], row["reason"], row["miss_probability"]) == ("not_judged", "irregular", None)
    assert row["evidence"].endswith("; it was requested on 8 of the last 60 days")
    tuesdays = BY_SIX.model_copy(update={"days": ("Tue",)})
    (row,) = judged(weekly, tuesdays)  # 10 March 2026 is a Tuesday
    assert row["verdict"] == "at_risk"


def test_too_few_earlier_runs_are_not_judged_but_a_miss_is_one(judged) -> None:
    rows = [*nights(4), scan(1, AS_OF, None, "running")]
    (row,) = judged(rows, BY_SIX)
    assert (row["verdict"], row["reason"]) == ("not_judged", "too_little_history")
    assert row["evidence"].endswith("; 4 earlier ones succeeded, and judging takes at least 5")
    (row,) = judged(rows, BY_SIX, as_of=datetime(2026, 3, 10, 6, tzinfo=UTC))
    assert row["verdict"] == "missed"


def test_the_deadline_is_local_through_the_change_of_the_clock(judged) -> None:
    rows = nights(20)
    (row,) = judged(rows, BY_SIX, as_of=datetime(2026, 3, 9, 6, tzinfo=UTC))
    assert row["due_at"] == datetime(2026, 3, 10, 5, tzinfo=UTC)
    late = [scan(n, datetime(2026, 3, n, 2, tzinfo=UTC)) for n in range(9, 30)]
    (row,) = judged(late, BY_SIX, as_of=datetime(2026, 3, 29, 8, tzinfo=UTC))
    assert row["due_at"] == datetime(2026, 3, 30, 4, tzinfo=UTC)  # summer time began on the 29th


def test_a_length_is_about_the_run_that_has_been_running_longest(judged) -> None:
    rows = [*nights(20, minutes=60), scan(1, AS_OF - timedelta(hours=1), None, "running")]
    (row,) = judged(rows, TWO_HOURS)
    assert (row["verdict"], row["state"], row["limit_name"]) == ("on_track", "running", "longer than 2 h")
    rows.append(scan(2, AS_OF - timedelta(hours=2, minutes=1), None, "running"))
    (row,) = judged(rows, TWO_HOURS)
    assert (row["verdict"], row["scan_id"], row["miss_probability"]) == ("missed", "s2", 1.0)
    assert row["evidence"].startswith("it has been running for 2 h 1 min; the last 20 took 1 h 1 min (median)")


def test_where_none_runs_a_length_is_about_the_next_run(judged) -> None:
    (short,), (long,) = (judged(nights(20, minutes=minutes), TWO_HOURS) for minutes in (30, 150))
    assert (short["state"], short["verdict"], long["verdict"]) == ("not_begun", "on_track", "at_risk")
    assert short["miss_probability"] < 0.05 < 0.9 < long["miss_probability"]


def test_the_first_limit_of_a_kind_that_fits_counts(judged) -> None:
    rows = nights(10) + [row | {"scan_id": f"x{row['scan_id']}", "data_source": "sales_eu"} for row in nights(10)]
    own = ScanLimit(data_source="sales_*", longer_than="3h")
    found = {row["data_source"]: row["limit_name"] for row in judged(rows, own, TWO_HOURS)}
    assert found == {"crm": "longer than 2 h", "sales_eu": "longer than 3 h"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "either longer_than or done_by"),
        ({"longer_than": "2h", "done_by": "06:00"}, "either longer_than or done_by"),
        ({"longer_than": "two hours"}, "use a duration like 2h"),
        ({"done_by": "6 o'clock"}, "use a time of day like 06:00"),
        ({"done_by": "24:00"}, "use a time of day like 06:00"),
        ({"done_by": "06:00", "zone": "Mars/Base"}, "unknown time zone"),
        ({"done_by": "06:00", "days": ["Monday"]}, "days"),
    ],
)
def test_a_wrong_limit_is_refused(given, said) -> None:
    with pytest.raises(ValueError, match=said):
        ScanLimit(**given)
