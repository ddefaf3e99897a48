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
        with open(part, "xb", opener=owner_only) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the renames in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
