"""What a kind of finding is, and what a finding says."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from storage.sql_files import sql_beside

SelectedRow = Mapping[str, Any]
"""A row of a kind's SELECT."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with one subject; the columns are described in the catalogue.

    Attributes:
        labels: what else tells it from others of its kind, by label: one of a filesystem is about the host, and names which.
        evidence: numbers, texts and instants by name.
    """

    subject: str
    severity: str
    started_at: datetime
    statement: str
    recommendation: str
    evidence: Mapping[str, Any]
    confidence: float
    is_sample: bool
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A kind of finding: `<name>.sql` yields a row a subject, `describe` puts it into words.

    Attributes:
        parameters: what it binds, of as_of, window_days, gap_seconds and environments.
        derive: makes the rows a subject of those of the SELECT, where SQL alone does not.
    """

    name: str
    parameters: tuple[str, ...]
    describe: Callable[[SelectedRow], Finding]
    derive: Callable[[pl.DataFrame], pl.DataFrame] = pl.DataFrame.clone

    @property
    def select(self) -> str:
        return sql_beside(__file__, self.name)

    def findings(self, rows: pl.DataFrame) -> list[dict[str, Any]]:
        """Of the SELECT's rows, what `as_found` takes. Texts become one line each."""
        found = [self.describe(row) for row in self.derive(rows).iter_rows(named=True)]
        return [
            {
                **vars(finding),
                "kind": self.name,
                "labels": as_labels(finding.labels),
                "statement": one_line(finding.statement),
                "recommendation": one_line(finding.recommendation),
                "evidence": as_json(finding.evidence),
            }
            for finding in found
        ]


def one_line(text: str) -> str:
    return " ".join(text.split())


def as_labels(labels: Mapping[str, str]) -> str:
    """The labels as a JSON object, alike for like labels: they are part of what identifies a row."""
    return json.dumps(labels, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def as_json(evidence: Mapping[str, Any]) -> str:
    """The evidence as a JSON object: instants in ISO 8601, NULL for a number that is none."""
    return json.dumps({name: _plain(value) for name, value in evidence.items()}, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
