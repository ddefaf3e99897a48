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
    user: Annotated[str, typer.Argument(help="The platform's id of the person.")],
    hash_ids: Annotated[
        bool, typer.Option("--hash-ids", help="Put a hash for the id into longer ids that contain it, in every table and for good.")
    ] = False,
) -> None:
    """Take a person out of everything, for good: what is read of them later is left out too. Safe to repeat."""
    if not user.strip() or user == NOBODY:
        raise ConfigurationError("give the platform's id of a person")
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
    say(f"forgotten: {rows}" if rows else "nothing of this user was here; what comes later will be left out")
    for line in done.said:
        say(line)
    if done.files.deleted:
        say(f"deleted, for they named them: {_some(map(str, done.files.deleted))}")
    if done.files.undecodable:
        say(f"cannot be decoded, and may name them: {_some(map(str, done.files.undecodable))}; delete by hand")
    if not done.tables.is_told:
        _tell_of_a_word(quarantine)
    if done.tables.namesakes:
        say(f"{_some(done.tables.namesakes)}: other ids, for capital letters tell them apart; forget them too if it is one person")
    if others := _others(done.tables.people):
        say(f"{_some(others)}: ids of others that contain theirs; they stay")


def _tell_of_a_word(quarantine: Path) -> None:
    say("the id could also be a number, a word or the name of something: it was looked for only where users are, as a whole value")
    quarantined = sum(1 for path in quarantine.rglob("*") if path.is_file())
    if quarantined:
        say(f"{counted(quarantined, 'unreadable file')} in {quarantine} may name them: delete by hand")


def _others(people: Sequence[Person]) -> list[str]:
    return sorted({other for person in people for other in person.others})


def tell_what_holds_them(done: Forgetting, user: str, *, is_hashed: bool) -> None:
    """Which longer ids contain theirs, and how to have these hashed."""
    if not done.holdings:
        return
    say("longer ids that contain theirs stay:")
    for holding in done.holdings:
        say(f"  {holding.column}  {counted(holding.rows, 'row')}: {_some(holding.examples)}")
    if not is_hashed:
        say(f"to put a hash in its place there, for good: govpulse forget {shlex.quote(user)} --hash-ids")


def _some(texts: Iterable[str]) -> str:
    texts = list(texts)
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
