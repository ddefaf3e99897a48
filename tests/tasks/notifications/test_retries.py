"""Exponential backoff with jitter: twice as long each time, at most a quarter of an hour, and what the receiver asked for."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks.notifications.retries import FIRST, MOST, backoff


@given(st.integers(1, 10_000), st.text())
def test_it_doubles_up_to_its_limit_and_is_scattered_over_the_upper_half(failures: int, seed: str) -> None:
    whole = min(FIRST * 2 ** min(failures - 1, 16), MOST)
    assert whole / 2 <= backoff(failures, None, seed) <= whole
    assert backoff(failures, None, seed) == backoff(failures, None, seed)


def test_channels_do_not_come_back_all_at_once() -> None:
    waits = {backoff(3, None, f"channel {number}") for number in range(50)}
    assert len(waits) == 50


@given(st.integers(1, 100), st.integers(0, 3600))
def test_it_waits_at_least_as_long_as_it_was_asked_to(failures: int, seconds: int) -> None:
    asked = timedelta(seconds=seconds)
    assert asked <= backoff(failures, asked, "ops") <= asked * 1.1


def test_a_receiver_that_is_down_for_an_hour_is_not_stormed() -> None:
    tried, at = 0, timedelta()
    while at < timedelta(hours=1):
        tried += 1
        at += backoff(tried, None, "ops")
    assert tried <= 13
