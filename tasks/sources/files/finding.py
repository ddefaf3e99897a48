"""Which files of a folder belong to a dataset, and what their landing files are called."""

import hashlib
import re
from pathlib import Path

from storage.errors import GovpulseError, first_line
from tasks.sources.files.landed_file import READERS

TEMPORARY = {".tmp", ".part"}


def find_files(folder: Path, dataset: str) -> list[Path]:
    """The files of `dataset` in `folder`, by name: `dataset.csv`, `dataset-2026.csv` and the like, and all in `folder/dataset/`.

    Hidden and temporary ones are left out: whoever writes a file gives it its name when it is whole.

    Raises:
        GovpulseError: there is no such folder, or it may not be read.
    """
    own = folder / dataset
    try:
        named = [path for path in folder.iterdir() if re.match(rf"{re.escape(dataset)}[-_.]", path.name, re.IGNORECASE)]
        inside = list(own.iterdir()) if own.is_dir() else []
    except OSError as error:
        raise GovpulseError(f"cannot read the folder {folder}: {error.strerror or first_line(error)}") from error
    return sorted(filter(_is_whole, (*named, *inside)), key=lambda path: (path.name, path))


def _is_whole(path: Path) -> bool:
    suffixes = {suffix.lower() for suffix in path.suffixes}
    is_data = path.suffix.lower() in READERS and not suffixes & TEMPORARY
    return is_data and not path.name.startswith((".", "_")) and path.is_file()


def file_stem(path: Path) -> str:
    """What the landing files of `path` are called, in 16 hex digits: the same for the same file, another once it has changed.

    Raises:
        GovpulseError: the file does not exist.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise GovpulseError(f"cannot read {path}: {error.strerror or first_line(error)}") from error
    said = f"{path.resolve()}\n{found.st_size}\n{found.st_mtime_ns}"
    return hashlib.sha256(said.encode(errors="surrogateescape")).hexdigest()[:16]
