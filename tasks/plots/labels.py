"""What plots call hosts, metrics and what fills up."""

from dataclasses import dataclass

from tasks.insights.findings.hosts import parsed

LONGEST = 48
"""A name of more characters is cut: it has to fit beside others in 900 pixels."""


@dataclass(frozen=True)
class Caption:
    """What is seen: of what, in a few words, and one sentence with its numbers."""

    heading: str
    sentence: str


def cut(name: str, longest: int = LONGEST) -> str:
    """A name as a picture can hold it: one line, not too long."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def series_name(metric: str, attributes: str) -> str:
    """`system.disk.io sda read`: the values say it, their keys are known."""
    return cut(" ".join([metric, *parsed(attributes).values()]), 2 * LONGEST)
