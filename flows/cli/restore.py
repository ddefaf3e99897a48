"""`govpulse restore`: a backup in the place of the warehouse."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from flows.instants import in_utc, parse_instant
from flows.printing import cell, say, show, working
from flows.settings import load_settings
from storage.backups.elsewhere import fetch_backups
from storage.backups.restore import Difference, restore
from storage.backups.taking import backups_turn
from storage.destination import open_destination
from storage.home import Home
from storage.installation import read_own_marks
from storage.journal.elsewhere import fetch_journal
from storage.journal.replay import Replayed
from storage.room import in_units
from storage.warehouse import turn
from tasks.wording import counted


def restore_warehouse(
    at: Annotated[
        str | None, typer.Option(help="Use the newest backup made up to this instant; default: the newest of all.")
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Fetch the backups from this second destination first.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be lost, but change nothing.")] = False,
) -> None:
    """Replace the warehouse with the newest intact backup and say what is lost; the old warehouse is set aside."""
    settings = load_settings()
    home = settings.folder
    until = parse_instant("--at", at)
    if from_:
        with working(f"fetching from {from_}"):
            fetched = fetch_all(home, from_)
        say(f"fetched {in_units(fetched)} from {from_}")
    with backups_turn(home, settings.limits), turn(home, settings.limits), working("reading the backups"):
        read_own_marks(home)
        done = restore(home, settings.limits, datetime.now(UTC), at=in_utc(until) if until else None, keeps=not dry_run)
    for problem in done.problems:
        say(problem)
    put = "would restore" if dry_run else "restored"
    say(f"{put} backup {done.backup.number}, made at {done.backup.made_at:%Y-%m-%d %H:%M:%S} UTC")
    for each in done.missing:
        of = f" of {each.start:%Y-%m-%d}" if each.start else ""
        say(f"{counted(each.rows, 'row')} of {each.table}{of} lost: the backup's file is damaged")
    for said in (*played(done.replayed), *(f"restored {name}" for name in done.files)):
        say(said)
    show(differences(done.differences))
    if done.set_aside:
        say(f"the old warehouse is in {done.set_aside}")
    say("nothing was changed" if dry_run else "next: `govpulse run` reads the sources again from where the backup ends")


def played(done: Replayed) -> list[str]:
    """What became of the journal."""
    if not done.entries and not done.lost:
        return ["the journal has nothing that the backup lacks"]
    until = f", until {done.last_at:%Y-%m-%d %H:%M:%S} UTC" if done.last_at else ""
    said = [f"replayed {done.entries:,} entries of the journal{until}, and loaded {counted(done.files, 'landing file')} again"]
    said += [f"left out, because it is later: {count:,} of {name}" for name, count in done.left_out.items()]
    said += [f"forgotten again: {count:,} of {name}" for name, count in done.forgotten.items()]
    return said + [f"lost: {each}" for each in done.lost]


def fetch_all(home: Home, place: str) -> int:
    """Copy backups, journal and landing files here that are not here; returns the bytes."""
    destination = open_destination(place)
    home.make_folders()
    return fetch_backups(destination, home) + fetch_journal(destination, home)


def differences(found: tuple[Difference, ...]) -> Table:
    """What the backup has, and what is lost, where anything is there or lost."""
    shown = Table("table", "rows restored", "until", "rows lost", "lost until")
    for each in found:
        if each.rows or each.lost:
            lost = "not known" if each.lost is None else f"{each.lost:,}"
            last = f"{each.last:%Y-%m-%d %H:%M:%S}" if each.last and each.lost else ""
            until = f"{each.until:%Y-%m-%d %H:%M:%S}" if each.until else ""
            shown.add_row(*map(cell, (each.table, f"{each.rows:,}", until, lost, last)))
    return shown
