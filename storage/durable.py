"""Files and names that outlast a power cut."""

import os
from pathlib import Path

from storage.access import owner_only


def write_durably(path: Path, content: bytes) -> None:
    """Whole, or not at all, for its owner only. What one leaves that is killed has the name under which the next one writes.

    Raises:
        OSError: the disk is full or fails; nothing is left of it.
    """
    part = path.with_name(f".{path.name}.tmp")
    part.unlink(missing_ok=True)
    try:
        write_part(part, content)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_part(part: Path, content: bytes) -> None:
    """A file that is not there yet, for its owner only: on the disk, under a name that is not its last one."""
    with open(part, "xb", opener=owner_only) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Make what was written to a file durable, by whomever it was."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the renames in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
