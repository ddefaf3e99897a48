"""How well an order of people answers a question, domain by domain, and how sure the difference between two orders is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.expertise.labelled import Labelled

Values = NDArray[np.float64]
TIES = 5
"""People with one score come in random orders; figures are the average over so many."""
RESAMPLES, SEED = 2000, 20261125
UNLISTED = -np.inf
"""The score of whom a scorer does not name at all: right or not, he is not found."""


@dataclass(frozen=True)
class Measures:
    """Per domain: is the first right; the share of the right ones among the first three; average precision."""

    first: Values
    first_three: Values
    precision: Values

    def means(self) -> tuple[float, float, float]:
        return float(self.first.mean()), float(self.first_three.mean()), float(self.precision.mean())


@dataclass(frozen=True, eq=False)
class Question:
    """One task on one set: everybody who ever acted in a domain is a candidate there, and some of them are right.

    Attributes:
        candidates: the published rows, with `is_right` and numbers for `domain_number` and `user_number`.
        acts: those before the instant, with the row of their candidate as `pair`, and `age` in days.
    """

    name: str
    task: str
    candidates: pl.DataFrame
    acts: pl.DataFrame

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The candidates of the domains that count: with two or more of them, some right and some not."""
        right, size = pl.col("is_right").sum().over("domain"), pl.len().over("domain")
        return np.flatnonzero(self.candidates.select((right > 0) & (right < size)).to_series().to_numpy())

    @cached_property
    def domains(self) -> NDArray[np.int64]:
        """The domain of each of `rows`."""
        return self.candidates["domain_number"].to_numpy()[self.rows]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where in `rows` each domain begins."""
        return np.flatnonzero(np.diff(self.domains, prepend=-1))

    def measure(self, scores: Values) -> Measures:
        """How well the candidates are ordered by falling score."""
        noise, sizes = np.random.default_rng(SEED), np.diff(self.starts, append=len(self.rows))
        right, ours = self.candidates["is_right"].to_numpy()[self.rows], scores[self.rows]
        count = np.add.reduceat(right.astype(float), self.starts)
        place = np.arange(len(right)) - np.repeat(self.starts, sizes) + 1
        total = np.zeros((3, len(sizes)))
        for _ in range(TIES):
            order = np.lexsort((noise.random(len(right)), -ours, self.domains))
            hit = (right & (ours > UNLISTED))[order].astype(float)
            so_far = np.cumsum(hit)
            found = so_far - np.repeat((so_far - hit)[self.starts], sizes)
            total += (
                hit[self.starts],
                np.add.reduceat(hit * (place <= 3), self.starts) / count,
                np.add.reduceat(hit * found / place, self.starts) / count,
            )
        first, first_three, precision = total / TIES
        return Measures(first, first_three, precision)


def ask(labelled: Labelled, task: str, published: pl.DataFrame) -> Question:
    """The question of a task. Candidates are the published rows of whoever acted in the domain itself, not only in one below it."""
    as_of = labelled.as_of(task)
    known, right = (
        labelled.acts.filter(pl.col("occurred_at") < as_of),
        labelled.truth(task).with_columns(is_right=pl.lit(value=True)),
    )
    candidates = (
        published.join(known, on=["domain", "user"], how="semi", maintain_order="left")
        .join(right, on=["domain", "user"], how="left", maintain_order="left")
        .with_columns(
            pl.col("is_right").fill_null(value=False),
            domain_number=pl.col("domain").rle_id().cast(pl.Int64),
            user_number=pl.col("user").rank("dense").cast(pl.Int64) - 1,
        )
        .with_row_index("pair")
    )
    acts = known.join(
        candidates.select("pair", "domain", "user", "domain_number", "user_number"), on=["domain", "user"], how="left"
    ).with_columns(
        age=(pl.lit(as_of) - pl.col("occurred_at")).dt.total_microseconds() / 86_400e6, kind=pl.col("kind").cast(pl.String)
    )
    assert acts["pair"].null_count() == 0
    assert acts["pair"].n_unique() == len(candidates)
    return Question(labelled.name, task, candidates, acts)


def difference(ours: Values, theirs: Values) -> tuple[float, float, float]:
    """The mean of `ours - theirs` over domains, with its 95 % interval by the bootstrap that resamples domains."""
    differences = ours - theirs
    drawn = np.random.default_rng(SEED).integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.quantile(differences[drawn].mean(axis=1), (0.025, 0.975))
    return float(differences.mean()), float(low), float(high)
