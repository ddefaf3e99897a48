"""Other ways to order the candidates of a domain, made of the same acts, and the product's two formulas with other choices."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import polars as pl

from benchmarks.expertise.labelled import NEXT, OWNER
from benchmarks.expertise.ranking import UNLISTED, Question, Values

Scorer = Callable[[Question], Values]
RECENT_DAYS = 90
SILENT_DAYS = 274
DECIMALS = 12
"""Sums in another order differ in their last bits; they must not break ties."""


def product(question: Question) -> Values:
    """What is published."""
    return question.candidates["knowledge" if question.task == OWNER else "availability"].to_numpy()


def total(question: Question, weight: pl.Expr) -> Values:
    """The sum of the weights of each candidate's acts."""
    weights = question.acts.select(weight.cast(pl.Float64)).to_series().to_numpy()
    sums: Values = np.bincount(question.acts["pair"].to_numpy(), weights, minlength=len(question.candidates)).astype(np.float64)
    return sums.round(DECIMALS)


def weight_of_kind(coauthor: float, create: float = 1.0) -> pl.Expr:
    kind = pl.col("kind")
    return pl.when(kind == "coauthor").then(pl.lit(coauthor)).when(kind == "create").then(pl.lit(create)).otherwise(1.0)


def count(question: Question, coauthor: float = 1.0) -> Values:
    """How many acts."""
    return total(question, weight_of_kind(coauthor))


def count_recent(question: Question, *, is_listed: bool = False) -> Values:
    """How many acts in the last 90 days.

    Args:
        is_listed: who did nothing in them comes last, in a random order; otherwise he is not named, as in a list of who is active.
    """
    counts = total(question, (pl.col("age") <= RECENT_DAYS) * weight_of_kind(1.0))
    return counts if is_listed else np.where(counts > 0, counts, UNLISTED)


def most_recent(question: Question) -> Values:
    """Who acted last."""
    return -question.acts.group_by("pair").agg(pl.col("age").min()).sort("pair")["age"].to_numpy()


def degree_of_authorship(question: Question) -> Values:
    """DOA (Fritz et al. 2010, with the weights of Avelino et al.) on domains: created something of it, own acts, others' acts."""
    acts = count(question)
    others = question.candidates.select(domain="domain_number", acts=pl.Series(acts)).select(pl.col("acts").sum().over("domain"))
    is_creator = total(question, pl.col("kind") == "create") > 0
    return 3.293 + 1.098 * is_creator + 0.164 * acts - 0.321 * np.log1p(others.to_series().to_numpy() - acts)


def knowledge(
    question: Question, create: float = 4.0, coauthor: float = 0.8, exponent: float = 0.38, left: float = 0.45, early: float = 0.15
) -> Values:
    """The formula of the column of that name, but for bursts; what silence leaves, `domain_count` and seniority to a power."""
    weight = (1 + pl.col("n_files").clip(1).log()) / pl.col("n_domains_in_commit").cast(pl.Float64).pow(exponent)
    is_create = pl.col("kind") == "create"
    lasting = total(question, weight * is_create * create)
    fading = total(question, weight * ~is_create * weight_of_kind(coauthor))
    spans = question.acts.group_by("pair", "domain_number").agg(last=pl.col("age").min(), first=pl.col("age").max())
    ended, began = pl.col("last").min().over("domain_number"), pl.col("first").max().over("domain_number")
    seen = spans.select("pair", silent=pl.col("last") - ended, there=(pl.col("first") - ended + 1) / (began - ended + 1)).sort(
        "pair"
    )
    faded = left + (1 - left) * 2.0 ** (-seen["silent"].to_numpy() / SILENT_DAYS)
    return np.asarray(((lasting + fading * faded) * seen["there"].to_numpy() ** early).round(DECIMALS))


def availability(
    question: Question,
    half_life: float = 180.0,
    coauthor: float = 1.0,
    presence: float | None = 180.0,
    many: float = 50.0,
) -> Values:
    """The same, with the half-life of presence; without presence where it is None. `many`: over more domains an act counts less."""
    less = (many / pl.col("n_domains_in_commit")).clip(upper_bound=1).sqrt()
    recent = total(question, weight_of_kind(coauthor) * less * (2.0 ** (-pl.col("age") / half_life)))
    if presence is None:
        return recent
    idle = question.acts.select(pl.col("age").min().over("user_number"), "pair").unique().sort("pair")["age"].to_numpy()
    return np.asarray((recent * 2.0 ** (-idle / presence)).round(DECIMALS))


COMMON: Mapping[str, Scorer] = {
    "all acts": count,
    "all acts, a co-author's half": partial(count, coauthor=0.5),
    "last 90 days": count_recent,
    "last 90 days, then at random": partial(count_recent, is_listed=True),
    "degree of authorship": degree_of_authorship,
    "most recent": most_recent,
}
PEERS: Mapping[str, Mapping[str, Scorer]] = {
    OWNER: COMMON,
    NEXT: {
        **COMMON,
        "decayed, a co-author's half": partial(availability, coauthor=0.5, presence=None, many=np.inf),
        "decayed, a co-author's whole": partial(availability, presence=None, many=np.inf),
    },
}
FORMULA: Mapping[str, Scorer] = {OWNER: knowledge, NEXT: availability}
