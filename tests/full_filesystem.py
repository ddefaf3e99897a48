"""A small filesystem of its own, and what fills it up, for tests of a disk that is really full. Needs root and a loop device."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 600 * 2**20


class CannotMountError(AssertionError):
    """The test could not be made, which is a failure and no reason to leave it out."""


@contextmanager
def small_filesystem(folder: Path) -> Iterator[Path]:
    """An ext4 of 600 MB, mounted inside the block.

    Raises:
        CannotMountError: this account may not mount, or there is no mkfs.ext4.
    """
    image, mounted = folder / "disk.img", folder / "disk"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(SIZE)
    for command in (["mkfs.ext4", "-q", "-m", "0", str(image)], ["mount", "-o", "loop", str(image), str(mounted)]):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise CannotMountError(f"a full disk cannot be tried here: {error}") from error
        if done.returncode:
            raise CannotMountError(f"a full disk cannot be tried here, it needs root and a loop device: {done.stderr.strip()}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


class Filler:
    """A file that takes all the room there is."""

    def __init__(self, mounted: Path) -> None:
        self.path = mounted / "filler"

    def fill(self, but: int = 0) -> None:
        """Until not a block is free, but for so many bytes."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        try:
            size = os.fstat(descriptor).st_size
            for step in (2**24, 2**20, 2**16, 2**12):
                while shutil.disk_usage(self.path.parent).free >= step:
                    try:
                        os.posix_fallocate(descriptor, size, step)
                    except OSError:
                        break
                    size += step
            os.ftruncate(descriptor, max(0, size - but))
        finally:
            os.close(descriptor)

    def free(self) -> None:
        self.path.unlink(missing_ok=True)
