"""Numbers and instants as people read them."""

import math
from datetime import datetime, timedelta, timezone

import pytest

from tasks.insights.findings.kind import as_json, one_line
from tasks.insights.findings.wording import date, listed, minute, percent, share_of, times

SUMMER = timezone(timedelta(hours=2))


def test_instants_are_told_in_utc() -> None:
    assert date(datetime(2026, 3, 1, 1, 30, tzinfo=SUMMER)) == "28 Feb 2026"
    assert minute(datetime(2026, 3, 1, 1, 30, tzinfo=SUMMER)) == "28 Feb 2026 23:30 UTC"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0 %"), (1e-9, "under 0.1 %"), (0.4118, "41.2 %"), (0.9994, "99.9 %"), (1 - 1e-9, "over 99.9 %"), (1.0, "100.0 %")],
)
def test_only_none_is_0_and_only_all_is_100_percent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(2.234, "2.2"), (12.3, "12"), (1234.5, "1,234"), (0.0434, "0.043"), (1.0, "1.0"), (0.0, "0.0"), (math.inf, "inf")],
)
def test_two_digits_of_a_ratio_count(ratio: float, text: str) -> None:
    assert times(ratio) == text


def test_a_share_without_an_interval_says_so() -> None:
    assert share_of(0.5, None, None, 2, "deployment") == "50.0 % (no interval) of 2 deployments"


def test_lists() -> None:
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_texts_are_one_line_and_numbers_that_are_none_are_null_in_json() -> None:
    assert one_line(" a\n\tb  c ") == "a b c"
    assert as_json({"a": math.nan, "b": math.inf, "c": "é", "d": None}) == '{"a": null, "b": null, "c": "é", "d": null}'
