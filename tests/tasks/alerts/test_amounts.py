"""Thresholds with a unit: read as operators write them, and written so that they are read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.alerts.amounts import Amount, parse_amount, write_amount
from tasks.wording import size


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("20GB", 20e9, "B"), ("20 gb", 20e9, "B"), ("1.5 TiB", 1.5 * 2**40, "B"), ("512 B", 512, "B"), ("100kB", 1e5, "B"),
        ("3 days", 259_200, "s"), ("1 day", 86_400, "s"), ("90 min", 5400, "s"), ("2h", 7200, "s"), ("1d12h", 129_600, "s"),
        ("1 d 12 h", 129_600, "s"), ("5m", 300, "s"), ("1 week", 604_800, "s"), ("95%", 0.95, "%"), ("99.5 %", 0.995, "%"),
    ],
)  # fmt: skip
def test_amounts_are_read_as_they_are_written(text: str, value: float, unit: str) -> None:
    assert parse_amount(text) == Amount(pytest.approx(value), unit)


@pytest.mark.parametrize("text", ["", "20", "GB", "20 G", "-1GB", "3 moons", "1GB 2GB", "1d 95%", "0x1B", "1e3GB", "²GB"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert parse_amount(text) is None


@given(value=st.floats(0, 1e18), unit=st.sampled_from(["B", "s"]))
def test_what_was_written_is_read_again(value: float, unit: str) -> None:
    assert parse_amount(write_amount(value, unit)) == Amount(pytest.approx(value, abs=1e-6), unit)


@pytest.mark.parametrize(
    ("amount", "said"), [(0, "0 B"), (999, "999 B"), (12e9, "12 GB"), (1.5e12, "1.5 TB"), (2e15, "2 PB"), (-3e6, "-3 MB")]
)
def test_bytes_are_said_in_the_largest_unit(amount: float, said: str) -> None:
    assert size(amount) == said
