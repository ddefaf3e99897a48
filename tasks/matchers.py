"""Matchers: conditions on the labels of alerts, which silences and routes have. Pure.

They have Alertmanager's meaning: `=` `!=` `=~` `!~`, a regular expression is one of RE2 and of the whole text, and a label that an
alert does not have is the empty text.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import re2

from storage.errors import ConfigurationError
from tasks.labels import shortened
from tasks.patterns import compiled, is_whole

OPERATORS = ("=", "!=", "=~", "!~")
MATCHER = re.compile(r'(?P<label>[^\s=!~<>"](?:[^=!~<>"]*[^\s=!~<>"])?)\s*(?P<operator>[=!~<>]+)\s*(?P<value>.*)', re.DOTALL)
LONGEST_SHOWN = 60
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True)
class Matcher:
    """One condition on a label."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        is_plain = re.fullmatch(r'[^\s"=!~<>]\S*', self.value)
        return f"{self.label}{self.operator}{self.value if is_plain else _quoted(self.value)}"

    @cached_property
    def pattern(self) -> "re2._Regexp":
        """The regular expression, compiled once.

        Raises:
            ConfigurationError: it is none.
        """
        try:
            return compiled(self.value)
        except ValueError as error:
            shown = str(self) if len(self.value) <= LONGEST_SHOWN else f"{self.label}{self.operator}{self.value[:LONGEST_SHOWN]}..."
            raise ConfigurationError(f"matcher {shown}: not a valid RE2 regular expression: {error}") from error

    def matches(self, text: str) -> bool:
        """Whether it holds for a label of this text."""
        if self.operator in ("=", "!="):
            return (text == self.value) == (self.operator == "=")
        return is_whole(self.pattern, shortened(text)) == (self.operator == "=~")


def parse_matcher(text: str) -> Matcher:
    """One matcher as people write it: `rule=disk_full`, `subject!="web 1"`, `rule=~disk_.*`, `zone!~eu-.*`.

    Raises:
        ConfigurationError: it is none; says why.
    """
    found, shown = MATCHER.fullmatch(text.strip()), repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")
    if found is None:
        raise ConfigurationError(f"matcher {shown}: write it like rule=disk_almost_full or subject=~web-.*")
    if found["operator"] not in OPERATORS:
        said = f"no operator {found['operator'][:10]}; use one of {' '.join(OPERATORS)}, and quote a value that begins with one"
        raise ConfigurationError(f"matcher {shown}: {said}")
    matcher = Matcher(found["label"], found["operator"], _unquoted(shown, found["value"]))
    matcher.matches("")  # compiles its regular expression
    return matcher


def _unquoted(shown: str, value: str) -> str:
    if not value.startswith('"'):
        return value
    inside = QUOTED.fullmatch(value)
    if inside is None:
        raise ConfigurationError(f"matcher {shown}: its quotes are not closed")
    # A regular expression keeps its own backslashes: only quotes and backslashes are escaped.
    return re.sub(r'\\(["\\])', r"\1", inside[1])


def _quoted(value: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def alert_labels(rule: str, subject: str, severity: str | None, labels: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What matchers see of an alert."""
    return {**dict(labels), "rule": rule, "subject": subject, "severity": severity or ""}
