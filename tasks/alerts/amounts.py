"""Amounts with a unit, as operators write them: `20GB`, `3 days`, `95%`. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

Unit = Literal["B", "s", "%"]
NUMBER = r"[0-9]{1,30}(?:\.[0-9]{1,12})?"
SIZES = {"b": 1.0} | {
    f"{letter}{binary}b": float((1024 if binary else 1000) ** power)
    for power, letter in enumerate("kmgtp", 1)
    for binary in ("", "i")
}
LENGTHS = {
    word: seconds
    for words, seconds in (
        ("s sec second seconds", 1.0),
        ("m min minute minutes", 60.0),
        ("h hour hours", 3600.0),
        ("d day days", 86_400.0),
        ("w week weeks", 604_800.0),
    )
    for word in words.split()
}
SINGLE = re.compile(rf"({NUMBER})\s*([a-z]+|%)")
LENGTH = re.compile(rf"(?:{NUMBER}\s*(?:{'|'.join(sorted(LENGTHS, key=len, reverse=True))})\s*)+")


@dataclass(frozen=True)
class Amount:
    """So many bytes, seconds, or hundredths as a ratio."""

    value: float
    unit: Unit


def parse_amount(text: str) -> Amount | None:
    """`20GB`, `1.5 TiB`, `3 days`, `1d12h`, `95%`; None where it is no such text. GB is 1000 MB, GiB is 1024 MiB."""
    plain = text.strip().lower()
    if LENGTH.fullmatch(plain):
        return Amount(sum(float(count) * LENGTHS[unit] for count, unit in SINGLE.findall(plain)), "s")
    found = SINGLE.fullmatch(plain)
    if found and found[2] == "%":
        return Amount(float(found[1]) / 100, "%")
    return Amount(float(found[1]) * SIZES[found[2]], "B") if found and found[2] in SIZES else None


def write_amount(value: float, unit: Unit) -> str:
    """What `parse_amount` reads, in bytes or seconds."""
    return f"{value:f}{unit}"
