"""`govpulse salvage`: a damaged warehouse, made anew from what can be read of it."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.restore import played
from flows.printing import cell, say, show, working
from flows.settings import load_settings
from storage.installation import read_own_marks
from storage.salvage.reading import Loss
from storage.salvage.salvaging import Salvage, salvage
from storage.warehouse import turn

NOTHING = "nothing is damaged; nothing was changed"


def salvage_warehouse(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be repaired and what lost, but change nothing.")
    ] = False,
) -> None:
    """Rebuild a damaged warehouse from what can still be read; the damaged files are set aside."""
    settings = load_settings()
    home = settings.folder
    with turn(home, settings.limits), working("reading the warehouse"):
        read_own_marks(home)
        done = salvage(home, settings.limits, datetime.now(UTC), keeps=not dry_run)
    if done.is_sound:
        say(NOTHING)
        return
    for line in told(done):
        say(line)
    if done.losses:
        show(lost(done.losses))
    if done.replayed.entries or done.replayed.lost:
        for line in played(done.replayed):
            say(line)
    say(f"the damaged files are in {done.set_aside}" if done.set_aside else "nothing was changed")


def told(done: Salvage) -> list[str]:
    """What was repaired, and what is lost of the log."""
    counts = {"headers": done.headers, "blocks": done.blocks, "log records": done.records}
    mended = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    said = [f"repaired: {mended}"] if mended else []
    said += [f"{done.left:,} blocks cannot be repaired"] if done.left else []
    if done.bytes_cut:
        known = f", at least {done.commits_cut:,} commits" if done.commits_cut else ""
        said.append(f"lost from the log: {done.bytes_cut:,} bytes{known}")
    said += done.said
    return said if done.losses else [*said, "no lost rows are known"]


def lost(losses: tuple[Loss, ...]) -> Table:
    shown = Table("table", "rows lost", "from", "until")
    for loss in losses:
        instants = (f"{instant:%Y-%m-%d %H:%M:%S}" if instant else "" for instant in (loss.since, loss.until))
        shown.add_row(*map(cell, (loss.table, f"{loss.rows:,}", *instants)))
    return shown
