"""What a pass of the loader did: each row that was offered was accepted, rejected or skipped."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from datetime import datetime
from typing import TypeVar

from storage.counting import counted

SHOWN_FILES = 8
Key = TypeVar("Key")
Origin = tuple[str, str]
"""A dataset, and the file of somebody's from which rows for it came."""


@dataclass(frozen=True)
class Counts:
    """Rows: all that were offered, and those of them that did not come in; and in how many landing files they were."""

    offered: int = 0
    rejected: int = 0
    skipped: int = 0
    files: int = 1

    @property
    def accepted(self) -> int:
        return self.offered - self.rejected - self.skipped

    def __add__(self, other: "Counts") -> "Counts":
        ours, theirs = astuple(self), astuple(other)
        return Counts(*(one + more for one, more in zip(ours, theirs, strict=True)))

    def __str__(self) -> str:
        parts = [f"{self.offered:,} offered", f"{self.accepted:,} accepted", f"{self.rejected:,} rejected"]
        return ", ".join([*parts, *([f"{self.skipped:,} skipped"] if self.skipped else [])])


@dataclass(frozen=True)
class LoadResult:
    """What a pass of the loader did.

    Attributes:
        files: landing files; of somebody's file there may be several.
        skipped: rows of people who were forgotten, and those of the sample beside real ones, which are `displaced`.
        quarantined: a line for each file that could not be read at all.
        zeros: by `dataset.column` how many instants stood for nothing.
        doubts: by listing why what it lacks is not believed to be gone.
        origins: by dataset and somebody's file what became of its rows.
        put_right: of what lay ahead of the clock, how much of what was put right.
        astray: samples that this host took by a clock that was wrong, which are left out; they count as skipped.
        behind: the latest instant in our books, where the clock is behind it.
    """

    files: int = 0
    rows: int = 0
    rejected: int = 0
    skipped: int = 0
    quarantined: tuple[str, ...] = ()
    displaced: int = 0
    zeros: Mapping[str, int] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[Origin, Counts] = field(default_factory=dict)
    put_right: Mapping[str, int] = field(default_factory=dict)
    astray: int = 0
    behind: datetime | None = None

    @property
    def accepted(self) -> int:
        return self.rows - self.rejected - self.skipped

    @property
    def datasets(self) -> dict[str, Counts]:
        """By dataset what became of the rows from somebody's files."""
        return added(((dataset, counts) for (dataset, _), counts in self.origins.items()))

    @property
    def lossy(self) -> dict[Origin, Counts]:
        """The files of which something did not come in, that with most first."""
        found = [(origin, counts) for origin, counts in self.origins.items() if counts.accepted < counts.offered]
        return dict(sorted(found, key=lambda item: (item[1].accepted - item[1].offered, item[0])))

    def __str__(self) -> str:
        files = self.files - sum(counts.files for counts in self.origins.values()) + len(self.origins)
        said = [counted(self.rows, "row"), counted(files, "file")]
        parts = [" from ".join(said), f"{self.accepted:,} accepted", f"{self.rejected:,} rejected"]
        forgotten = self.skipped - self.displaced - self.astray
        parts += [f"{forgotten:,} skipped, about forgotten people"] if forgotten else []
        parts += [f"{len(self.quarantined)} unreadable"] if self.quarantined else []
        parts += [f"{counted(self.displaced, 'sample row')} left out because there are real rows"] if self.displaced else []
        zeros = ", ".join(f"{name} {count:,}" for name, count in self.zeros.items())
        parts += [f"placeholder timestamps taken as no value: {zeros}"] if zeros else []
        parts += [f"{counted(self.astray, 'sample')} left out, taken while the clock was wrong"] if self.astray else []
        right = ", ".join(f"{count:,} {what}" for what, count in self.put_right.items())
        parts += [f"the clock was ahead; instants in the future were corrected: {right}"] if right else []
        behind = f"{self.behind:%Y-%m-%d %H:%M} UTC" if self.behind else ""
        parts += (
            [f"the clock is behind the newest rows, written at {behind}; govpulse keeps to that instant until the clock reaches it"]
            if behind
            else []
        )
        return "; ".join([", ".join(parts), *self._details()])

    def _details(self) -> list[str]:
        """Totals by dataset where there are several, and the files of which something did not come in."""
        totals = self.datasets if len(self.datasets) > 1 else {}
        lossy = list(self.lossy.items()) if len(self.origins) > 1 else []
        left = len(lossy) - SHOWN_FILES
        return [
            *(f"{dataset}: {counts}" for dataset, counts in sorted(totals.items())),
            *(f"{file}: {counts}" for (_, file), counts in lossy[:SHOWN_FILES]),
            *([f"{counted(left, 'more file')} that did not load completely"] if left > 0 else []),
        ]

    def __add__(self, other: "LoadResult") -> "LoadResult":
        return LoadResult(
            self.files + other.files,
            self.rows + other.rows,
            self.rejected + other.rejected,
            self.skipped + other.skipped,
            self.quarantined + other.quarantined,
            self.displaced + other.displaced,
            dict(Counter(self.zeros) + Counter(other.zeros)),
            {**self.doubts, **other.doubts},
            added([*self.origins.items(), *other.origins.items()]),
            dict(Counter(self.put_right) + Counter(other.put_right)),
            self.astray + other.astray,
            self.behind or other.behind,
        )


def added(counts: Iterable[tuple[Key, Counts]]) -> dict[Key, Counts]:
    """The sum of what each key has."""
    sums: dict[Key, Counts] = {}
    for key, more in counts:
        sums[key] = sums[key] + more if key in sums else more
    return sums
