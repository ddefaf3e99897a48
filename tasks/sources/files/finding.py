"""Which files of a folder are read, as which dataset, and why the others are not; and what their landing files are called."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storage.catalogue import DATASETS
from storage.errors import GovpulseError, first_line
from tasks.sources.files.landed_file import why_not_by_name

TEMPORARY = {".tmp", ".part", ".crdownload", ".partial"}
SHOWN = 5


@dataclass
class Found:
    """What lies in a folder.

    Attributes:
        files: by dataset, in the order of their names.
        unread: by file, relative to the folder, why it is not read.
    """

    files: dict[str, list[Path]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The unread ones, in one line; empty where there are none."""
        shown = [f"{name} ({why})" for name, why in list(self.unread.items())[:SHOWN]]
        more = [f"and {len(self.unread) - SHOWN} more"] if len(self.unread) > SHOWN else []
        return f"not read: {', '.join([*shown, *more])}" if shown else ""


def find_files(folder: Path, patterns: Mapping[str, str] | None = None) -> Found:
    """All files below `folder`. The dataset of one is what the first of `patterns` that fits its path in the folder says, else the
    first of its folders that is called like a dataset, else that with which its name begins.

    Raises:
        GovpulseError: there is no such folder, or it may not be read.
    """
    found = Found()
    for path in sorted(_walk(folder), key=lambda path: (path.name, path)):
        inside = path.relative_to(folder)
        dataset = _dataset(inside, patterns or {})
        why = _why_not(path, inside, dataset)
        if dataset is None or why:
            found.unread[str(inside)] = why
        else:
            found.files.setdefault(dataset, []).append(path)
    found.files = {dataset: found.files[dataset] for dataset in DATASETS if dataset in found.files}
    return found


def _walk(folder: Path) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise GovpulseError(f"cannot read the folder {folder}: {error.strerror or first_line(error)}") from error
    for path in inside:
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _dataset(inside: Path, patterns: Mapping[str, str]) -> str | None:
    for pattern, dataset in patterns.items():
        if inside.match(pattern):
            return dataset
    for part in inside.parts[:-1]:
        if part.lower() in DATASETS:
            return part.lower()
    return next((dataset for dataset in DATASETS if re.match(rf"{dataset}(?![a-z])", inside.name, re.IGNORECASE)), None)


def _why_not(path: Path, inside: Path, dataset: str | None) -> str:
    """Empty where the file is to be read. Whoever writes a file gives it its name when it is whole."""
    if any(part.startswith((".", "_")) for part in inside.parts):
        return "hidden"
    if {suffix.lower() for suffix in path.suffixes} & TEMPORARY:
        return "unfinished, by its name"
    if not path.is_file():
        return "no file" if path.exists() else "a link to nothing"
    if why := why_not_by_name(path):
        return why
    if dataset is None:
        return f"neither its folder nor the beginning of its name is one of {', '.join(DATASETS)}"
    return ""


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
