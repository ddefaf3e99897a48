"""Texts of alerts are bounded, and two of them stay two."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.labels import LONGEST_DETAIL, LONGEST_LABEL, shortened


@given(st.text(max_size=LONGEST_LABEL // 4))
def test_a_text_of_ordinary_length_stays(text: str) -> None:
    assert shortened(text) == text


@given(st.text(st.characters(), min_size=200, max_size=300), st.integers(1, 200), st.sampled_from([LONGEST_LABEL, LONGEST_DETAIL]))
def test_no_text_is_longer_than_that_and_a_short_one_is_short_for_good(part: str, times: int, longest: int) -> None:
    short = shortened(part * times, longest)
    assert len(short.encode(errors="replace")) <= longest
    assert shortened(short, longest) == short
    assert short == part * times or f"({len(part) * times:,} characters" in short


def test_it_says_how_long_it_was_and_two_stay_two() -> None:
    first, second = shortened("x" * 10_000_000), shortened("x" * 9_999_999 + "y")
    assert first.startswith("xxx")
    assert "... (10,000,000 characters, " in first
    assert first != second
