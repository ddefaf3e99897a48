"""`govpulse forget`: a person leaves the installation."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from flows.forgetting import Forgetting, forget_everywhere
from flows.printing import say, working
from flows.settings import load_settings
from storage.errors import ConfigurationError, GovpulseError
from storage.people.person import Person
from tasks.wording import counted

NOBODY = "system"
"""The contract's word for what no person asked for."""
SHOWN = 3


def forget(
    user: Annotated[str, typer.Argument(help="The person's id on the platform.")],
    hash_ids: Annotated[
        bool,
        typer.Option("--hash-ids", help="Also replace the id by a hash in longer ids that contain it, in every table, for good."),
    ] = False,
) -> None:
    """Remove a person from everything, for good; later rows about them are left out too. Safe to repeat."""
    if not user.strip() or user == NOBODY:
        raise ConfigurationError("give the person's id on the platform")
    settings = load_settings()
    with working("forgetting"):
        done = forget_everywhere(settings, user, hashes_ids=hash_ids)
    tell(done, settings.folder.quarantine)
    if done.problems:
        raise GovpulseError("; ".join(done.problems))
    tell_what_holds_them(done, user, is_hashed=hash_ids)


def tell(done: Forgetting, quarantine: Path) -> None:
    """Say what was done, what is somebody else's, and what nobody could look into."""
    rows = ", ".join(f"{count:,} of {name}" for name, count in done.tables.counts.items())
    say(f"forgotten: {rows}" if rows else "nothing about this user was stored; later rows will be left out")
    for line in done.said:
        say(line)
    if done.files.deleted:
        say(f"deleted, because they named the person: {_some(map(str, done.files.deleted))}")
    if done.files.undecodable:
        say(f"cannot be decoded and may name the person: {_some(map(str, done.files.undecodable))}; delete by hand")
    if not done.tables.is_told:
        _tell_of_a_word(quarantine)
    if done.tables.namesakes:
        say(f"{_some(done.tables.namesakes)}: other ids, differing only in capital letters; forget these too if it is one person")
    if others := _others(done.tables.people):
        say(f"{_some(others)}: ids of other people that contain this id; they stay")


def _tell_of_a_word(quarantine: Path) -> None:
    say(
        "the id could also be a number, a word or the name of something, so it was looked for only in columns for "
        "users, as a whole value"
    )
    quarantined = sum(1 for path in quarantine.rglob("*") if path.is_file())
    if quarantined:
        say(f"{counted(quarantined, 'unreadable file')} in {quarantine} may name the person; delete by hand")


def _others(people: Sequence[Person]) -> list[str]:
    return sorted({other for person in people for other in person.others})


def tell_what_holds_them(done: Forgetting, user: str, *, is_hashed: bool) -> None:
    """Which longer ids contain theirs, and how to have these hashed."""
    if not done.holdings:
        return
    say("longer ids that contain this id stay:")
    for holding in done.holdings:
        say(f"  {holding.column}  {counted(holding.rows, 'row')}: {_some(holding.examples)}")
    if not is_hashed:
        say(f"to replace it by a hash there, for good: govpulse forget {shlex.quote(user)} --hash-ids")


def _some(texts: Iterable[str]) -> str:
    texts = list(texts)
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
