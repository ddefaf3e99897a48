"""`govpulse backup`: a backup now."""

from typing import Annotated

import typer

from flows.printing import say, working
from flows.settings import load_settings
from flows.settings_files import settings_files


def back_up_now(
    to: Annotated[str | None, typer.Option(help="Second destination: a folder on another disk, or s3://bucket/prefix.")] = None,
) -> None:
    """Back up what changed, verify it, copy it to the second destination if there is one, and delete old backups."""
    from tasks.maintenance import copy_elsewhere, renew_backup

    settings = load_settings()
    home, keep = settings.folder, settings.retention.backups
    destination = to or settings.backups.to or ""
    with working("backing up"):
        done = renew_backup(home, settings.limits, keep, settings_files(settings), destination)
    say(f"backup {done} in {home.backups}")
    if destination:
        with working(f"copying to {destination}"):
            copied = copy_elsewhere(home, settings.limits, destination, keep)
        say(f"{destination}: {copied}")
