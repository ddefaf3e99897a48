"""How often the first by knowledge is a declared owner, by how far he is ahead; and by level, how often anybody is."""

from collections.abc import Mapping

import polars as pl

from benchmarks.expertise.cuts import CLASSES, PROMISED, ROOM, Cuts, Rule, choose, held_out, in_one_heap, on_each_set
from benchmarks.expertise.labelled import Labelled
from benchmarks.expertise.ranking import Question
from benchmarks.expertise.shares import WIDTH, cells, heads, share_of
from tasks.insights.expertise.confidence import HIGH_MARGIN, MEDIUM_MARGIN

LEVELS = ("expert", "proficient", "competent", "novice", "insufficient_evidence")
PROPOSED = Cuts(0.22, 0.41)
FIXED = {PROPOSED: "first proposed", Cuts(MEDIUM_MARGIN, HIGH_MARGIN): "as shipped"}
TITLE = 32


def people_of(labelled: Labelled, question: Question) -> pl.DataFrame:
    """The candidates of domains with declared owners, and in `is_owned` whether any of these ever acted there."""
    return (
        question.candidates.join(labelled.owners.select("domain").unique(), on="domain", how="semi", maintain_order="left")
        .with_columns(set=pl.lit(question.name), is_owned=pl.col("is_right").any().over("domain"))
        .select("set", "domain", "user", "knowledge", "share", "level", "is_right", "is_owned")
    )


def first_of(people: pl.DataFrame) -> pl.DataFrame:
    """Per domain how far the first by knowledge is ahead, and whether he is an owner; the average where several are first.

    `is_evaluable`: with two or more candidates, some right and some not.
    """
    knowledge = pl.col("knowledge")
    ordered = knowledge.sort(descending=True)
    return (
        people.group_by("set", "domain", maintain_order=True)
        .agg(
            people=pl.len(),
            owners=pl.col("is_right").sum(),
            margin=(ordered.first() - ordered.get(1, null_on_oob=True).fill_null(0)) / (knowledge.sum() + 1),
            share=pl.col("share").max(),
            is_right=pl.col("is_right").filter(knowledge == knowledge.max()).cast(pl.Float64).mean(),
        )
        .with_columns(is_evaluable=(pl.col("owners") > 0) & (pl.col("owners") < pl.col("people")))
    )


def show_confidence(domains: pl.DataFrame) -> pl.DataFrame:
    """Print the tables; returns the evaluable domains with what they are `called` by cuts that other sets chose."""
    evaluable = domains.filter("is_evaluable")
    bars = f"{PROMISED['high']:.2f} high, {PROMISED['medium']:.2f} medium"
    room = f"+ {ROOM['high']:.2f} and + {ROOM['medium']:.2f}"
    print("\nconfidence: domains in each class, and the share where the first by knowledge is a declared owner (95 %)")
    print(f"cuts: the lowest with {bars}; held out: chosen on the other sets")
    called = _show_held_out(f"margin, {room}, on each set alone", evaluable, "margin", on_each_set)
    _show_held_out("margin, in one heap, no room", evaluable, "margin", in_one_heap)
    _show_held_out(f"share, {room}, on each set alone", evaluable, "share", on_each_set)
    chosen = choose(evaluable, "margin", on_each_set)
    _show_fixed(evaluable, {chosen: "chosen on all sets", chosen.rounded(): "chosen on all sets, rounded up"} | FIXED)
    _show_others(domains)
    return called


def _show_held_out(title: str, domains: pl.DataFrame, by: str, rule: Rule) -> pl.DataFrame:
    cuts, called = held_out(domains, by, rule)
    print(f"\n{f'held out, by {title}':{TITLE}}\n{'':{TITLE}}{heads(CLASSES)}")
    for name, mine in cuts.items():
        print(f"{f'  {name}  {mine}':{TITLE}}{cells(called.filter(pl.col('set') == name), 'called', CLASSES)}")
    print(f"{'  pooled':{TITLE}}{cells(called, 'called', CLASSES)}")
    return called


def _show_fixed(domains: pl.DataFrame, fixed: Mapping[Cuts, str]) -> None:
    for cuts, title in fixed.items():
        print(f"\nfixed, by margin, {title}: {cuts}\n{'':{TITLE}}{heads(CLASSES)}")
        called = domains.with_columns(called=cuts.classes("margin"))
        for name in domains["set"].unique(maintain_order=True):
            print(f"{f'  {name}':{TITLE}}{cells(called.filter(pl.col('set') == name), 'called', CLASSES)}")
        print(f"{'  pooled':{TITLE}}{cells(called, 'called', CLASSES)}")


def _show_others(domains: pl.DataFrame) -> None:
    """Domains with declared owners that say nothing of an order."""
    several = pl.col("people") > 1
    kinds = {
        "one candidate": domains.filter(~several),
        "several, no owner ever acted": domains.filter(several & (pl.col("owners") == 0)),
        "several, all of them owners": domains.filter(several & (pl.col("owners") == pl.col("people"))),
        "all domains with several": domains.filter(several),
    }
    names = domains["set"].unique(maintain_order=True).to_list()
    print(f"\n{'not part of it':{TITLE}}{heads(names)}")
    for title, some in kinds.items():
        print(f"{f'  {title}':{TITLE}}{cells(some, 'set', names)}")


def show_levels(people: pl.DataFrame) -> None:
    """Print how often a user of each level is a declared owner."""
    names, owned = people["set"].unique(maintain_order=True).to_list(), people.filter("is_owned")
    print("\nlevels: users of domains of which a declared owner ever acted, and the share that is a declared owner (95 %)")
    print(f"{'':24}{heads([*names, 'pooled'])}")
    for level in LEVELS:
        some = owned.filter(pl.col("level") == level)
        print(f"{f'  {level}':24}{cells(some, 'set', names)}{share_of(some):>{WIDTH}}")
    print("of all domains with declared owners, also where none of them ever acted:")
    for level in LEVELS:
        print(f"{f'  {level}':{24 + WIDTH * len(names)}}{share_of(people.filter(pl.col('level') == level)):>{WIDTH}}")
