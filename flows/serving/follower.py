"""Follows a file that others append lines to."""

from collections.abc import Iterator
from pathlib import Path


class Follower:
    """What has been added since the last look, by whole lines."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._read = 0

    def lines(self) -> Iterator[str]:
        """The lines that are new and whole; none where the file cannot be read."""
        try:
            if self._file is None or self._file.stat().st_size == self._read:
                return
            with self._file.open("rb") as opened:
                opened.seek(self._read)
                added = opened.read()
        except OSError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        yield from whole.decode(errors="replace").splitlines()
