"""Forgetting a person everywhere: the warehouse and what is made of it, backups, files, the sample, and Prefect.

Each step can be done again: killed in between, or where one failed, the next time finishes what is left.
"""

import getpass
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from flows.serving import prefect_pages, prefect_rows
from flows.serving.passing_server import running_or_turn
from flows.serving.prefect_database import drop_set_aside, is_elsewhere, prefect_database, prepare_database
from flows.serving.prefect_server import Api
from flows.settings import Settings
from flows.settings_files import settings_files
from storage.backups.keeping import has_outdated_backups
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.loading import load_landing
from storage.journal.files import last_number
from storage.lock import fair_lock
from storage.maintenance import compact
from storage.people import leftovers
from storage.people.forgetting import Forgotten, forget_user
from storage.people.leftovers import Leftovers
from storage.people.mentions import Holding
from storage.people.person import Person
from storage.people.person_secret import find_pseudonyms
from storage.people.searching import names
from storage.people.stored_addresses import settle_addresses
from storage.publishing.publishing import publish
from storage.warehouse import warehouse

PROJECT = Path(__file__).parents[1]
FLUSH_SECONDS = 6.0
"""A running server writes events that it has in memory every five seconds, and a run its logs every two."""


@dataclass
class Forgetting:
    """What became of it: of the tables, of files, of Prefect; what holds the person still; and what has to be done by hand."""

    tables: Forgotten
    files: Leftovers = field(default_factory=Leftovers)
    said: list[str] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def forget_everywhere(settings: Settings, user: str, *, hashes_ids: bool) -> Forgetting:
    """Take a person out of everything in the home, and out of Prefect.

    First what waits is loaded, which may name them. Meanwhile nobody computes insights, for a computation writes what it read
    before, lists keys, or reports to a Prefect server of its own.
    """
    home, timeout = settings.folder, settings.limits.lock_timeout_seconds
    home.create()
    with ExitStack() as turns:
        for lock in (home.private / "run.lock", home.insights_lock, home.listing_lock):
            turns.enter_context(fair_lock(lock, timeout))
        done = Forgetting(_out_of_tables(settings, user, hashes_ids))
        done.holdings += done.tables.holdings
        for step in (_out_of_sample, _out_of_prefect, _out_of_files, _out_of_backups):  # last, for it holds files, too
            try:
                step(settings, done)
            except GovpulseError as error:
                done.problems.append(str(error))
    return done


def _out_of_tables(settings: Settings, user: str, hashes_ids: bool) -> Forgotten:
    """An address is hashed first. Last the files are written anew, for deleted rows stay readable in them."""
    home, limits, now = settings.folder, settings.limits, datetime.now(UTC)
    with warehouse(home, limits) as con:
        load_landing(con, home, settings.zero_instants)
    settle_addresses(home, limits, settings.people.addresses, now)
    with warehouse(home, limits) as con:
        pseudonym = find_pseudonyms(con, home, settings.people.addresses, now).stand_in(user)
        forgotten = forget_user(con, user, getpass.getuser(), now, hashes_ids=hashes_ids, pseudonym=pseudonym)
        compact(con, home)
    with warehouse(home, limits) as con:
        publish(con, home, settings.publish.audience)
    return forgotten


def _out_of_backups(settings: Settings, done: Forgetting) -> None:
    home, limits = settings.folder, settings.limits
    with warehouse(home, limits) as con:
        if not has_outdated_backups(con, home) and not last_number(home):
            return
    from tasks.maintenance import copy_elsewhere, renew_backup

    keep, to = settings.retention.backups, settings.backups.to or ""
    try:
        done.said.append(f"backup: {renew_backup(home, limits, keep, settings_files(settings), to)}")
        if to:
            done.said.append(f"{to}: {copy_elsewhere(home, limits, to, keep)}")
    except GovpulseError as error:
        problem = f"older backups and the journal may name the person, and no new backup could be made or copied: {error}"
        raise GovpulseError(problem) from error


def _out_of_sample(settings: Settings, done: Forgetting) -> None:
    path = settings.folder.sample
    if path.is_file() and (not done.tables.is_told or names(path, done.tables.people)):
        from tasks.sources.sample.database import empty_sample

        empty_sample(path)
        done.said.append("the sample was emptied; the next run rewrites it, including its made-up people")


def _out_of_prefect(settings: Settings, done: Forgetting) -> None:
    home, told = settings.folder, done.tables.is_told
    people = [_but_in_paths(person, (home.root.resolve(), PROJECT)) for person in done.tables.people]
    with ExitStack() as turn:
        serving = running_or_turn(home, turn)
        if serving is None:
            prepare_database(home, os.environ)
        if dropped := drop_set_aside(home):
            done.said.append(f"Prefect: {dropped} damaged databases, which cannot be searched, were deleted")
        _out_of_database(home, people, serving, done)
    if told:
        for log in (home.prefect / "logs").glob("*.log*"):
            leftovers.blacken(log, people)
    _out_of_other_servers(serving, people if told else (), done)


def _out_of_database(home: Home, people: Sequence[Person], serving: Api | None, done: Forgetting) -> None:
    database, told = prefect_database(home), done.tables.is_told
    if database.is_file():
        changed = prefect_rows.take_out(database, people, is_told=told)
        if serving:
            time.sleep(FLUSH_SECONDS)
            changed += prefect_rows.take_out(database, people, is_told=told)
        done.said += [f"Prefect: {changed:,} values changed in prefect.db"] if changed else []
        done.holdings += prefect_rows.held(database, people) if told else []


def _but_in_paths(person: Person, folders: Sequence[Path]) -> Person:
    """The person, but where our own folders are called like them: deployments and runs go by these."""
    called = [str(part) for folder in folders for part in (folder, *folder.parents) if person.is_in(part.name)]
    return replace(person, others=(*person.others, *called))


def _out_of_other_servers(serving: Api | None, people: Sequence[Person], done: Forgetting) -> None:
    joined = os.environ.get("PREFECT_API_URL") or (serving.url if serving else None)
    is_foreign = is_elsewhere(os.environ)
    if joined is None and is_foreign:
        raise GovpulseError("Prefect's database is outside the home: start `govpulse up`, then run forget again")
    is_ours = serving is not None and serving.is_own and joined == serving.url and not is_foreign
    if joined is None or is_ours or not people:
        return
    reached = prefect_pages.take_out(joined, people)
    done.said.append(f"Prefect at {joined}: {reached}; events stay until they expire or the server's operator deletes them")
    if reached.running:
        raise GovpulseError(
            f"{reached.running} unfinished runs name the person in their logs: run forget again when they have ended"
        )


def _out_of_files(settings: Settings, done: Forgetting) -> None:
    if done.tables.is_told:
        done.files = leftovers.take_out(settings.folder, done.tables.people)
        if done.files.left:
            raise GovpulseError(
                f"{_listed(done.files.left)} names the person and is not govpulse's: delete it, or remove the person by hand"
            )


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))
