"""A second place for what must not be lost with the disk: a folder on another one, or a bucket of an S3 server."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from storage.access import FOLDER
from storage.durable import sync_folder, write_durably
from storage.errors import GovpulseError, first_line

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")
AT_ONCE = 8
"""Files on their way at the same time: a bucket answers many at once, each slowly."""


@dataclass(frozen=True)
class Destination:
    """Where it is, as it may be said, and the store behind it; `folder` where that is one of this machine."""

    name: str
    store: "ObjectStore"
    folder: Path | None = None


def open_destination(to: str) -> Destination:
    """The folder, or `s3://bucket/prefix`, with endpoint, region and keys from the variables AWS_*.

    Raises:
        GovpulseError: it is neither, or the folder is not there: a disk that is not mounted is no empty one.
    """
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, from_url

    if "://" not in to:
        folder = Path(to).expanduser().absolute()
        if not folder.is_dir():
            raise GovpulseError(f"the second destination {folder} does not exist: mount its disk, or create the folder")
        return Destination(str(folder), LocalStore(folder), folder)
    if not to.startswith("s3://"):
        raise GovpulseError(f"cannot use {to} as a second destination: use a folder or s3://bucket/prefix")
    try:
        return Destination(to, from_url(to))
    except (BaseError, ValueError) as error:
        raise GovpulseError(f"cannot use {to}: {first_line(error)}") from error


@contextmanager
def _explained(destination: Destination) -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        raise GovpulseError(f"the second destination {destination.name} fails: {first_line(error)}") from error


def sizes_in(destination: Destination, prefix: str) -> dict[str, int]:
    """The paths below a prefix with their sizes (bytes)."""
    with _explained(destination):
        return {each["path"]: each["size"] for batch in destination.store.list(prefix) for each in batch}


def read(destination: Destination, path: str) -> bytes:
    """What is at a path.

    Raises:
        GovpulseError: nothing, or the destination does not answer.
    """
    with _explained(destination):
        return destination.store.get(path).bytes().to_bytes()


def write(destination: Destination, path: str, content: bytes | Path) -> None:
    """Put something there, whole or not at all, and on its disk."""
    with _explained(destination):
        destination.store.put(path, content)
        if destination.folder is not None:
            _settle(destination.folder / path)


def _settle(path: Path) -> None:
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    sync_folder(path.parent)


def delete(destination: Destination, paths: Iterable[str]) -> int:
    """Take away what is there; returns how many."""
    gone = list(paths)
    if gone:
        with _explained(destination):
            destination.store.delete(gone)
    return len(gone)


def push(destination: Destination, files: Mapping[str, Path]) -> int:
    """Copy files there, by the path that each is to have, and read each back; returns the bytes. One that is gone meanwhile is left
    out.

    Raises:
        GovpulseError: the destination is full or does not answer, or what comes back is something else.
    """
    return sum(_at_once(lambda item: _pushed(destination, *item), files.items()))


def _pushed(destination: Destination, path: str, file: Path) -> int:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return 0
    write(destination, path, content)
    if hashlib.sha256(read(destination, path)).digest() != hashlib.sha256(content).digest():
        raise GovpulseError(f"{path} does not read back from {destination.name} as written; check that destination")
    return len(content)


def fetch(destination: Destination, files: Mapping[str, Path]) -> int:
    """Copy what is at the paths to files of this machine; returns the bytes."""
    return sum(_at_once(lambda item: _fetched(destination, *item), files.items()))


def _fetched(destination: Destination, path: str, file: Path) -> int:
    content = read(destination, path)
    file.parent.mkdir(FOLDER, parents=True, exist_ok=True)
    write_durably(file, content)
    return len(content)


def _at_once(action: Callable[[T], int], items: Iterable[T]) -> list[int]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(action, items))
