"""Whatever was left behind, searched for secrets: eight characters of one in a row are enough to be found."""

import base64
import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb
import psutil

SHORTEST = 8
RUN = re.compile(rb"[a-z0-9+/=%%_~.-]{%d,}" % SHORTEST)


def made_up(name: str) -> str:
    """Twenty letters and digits that stand for nothing, the same at each run."""
    return base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:20]


@dataclass
class Remains:
    """By place what was left there: each run of characters that may hold a secret, once."""

    runs: dict[str, set[bytes]] = field(default_factory=dict)

    def add(self, place: str, content: bytes | str) -> None:
        found = RUN.findall((content.encode(errors="replace") if isinstance(content, str) else content).lower())
        self.runs.setdefault(place, set()).update(found)

    def add_files(self, place: str, folder: Path) -> None:
        """Every file, and every name of one."""
        for path in folder.rglob("*"):
            self.add(place, path.read_bytes() if path.is_file() else path.name)

    def add_tables(self, place: str, path: Path) -> None:
        """Every row of every table, as text: the file itself may be compressed."""
        with duckdb.connect(str(path), read_only=True) as con:
            tables = con.sql("SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
            for (table,) in tables:
                self.add(place, "\n".join(text for (text,) in con.sql(f"SELECT CAST(t AS VARCHAR) FROM {table} AS t").fetchall()))

    @contextmanager
    def watching_processes(self) -> Iterator[None]:
        """Command lines and environments of whatever runs below this process while the block lasts."""
        is_over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(is_over,))
        watcher.start()
        try:
            yield
        finally:
            is_over.set()
            watcher.join()

    def _watch(self, is_over: threading.Event) -> None:
        while not is_over.wait(0.1):
            for process in psutil.Process().children(recursive=True):
                try:
                    self.add("command lines", "\n".join(process.cmdline()))
                    self.add("environments", "\n".join(process.environ().values()))
                except psutil.Error:  # it has ended
                    continue

    def search(self, secrets: Mapping[str, str]) -> set[tuple[str, str]]:
        """Which secrets are where, by their names."""
        names = {piece: name for name, secret in secrets.items() for text in spellings(secret) for piece in windows(text)}
        found = ((place, names.get(piece)) for place, runs in self.runs.items() for run in runs for piece in windows(run))
        return {(place, name) for place, name in found if name}


def windows(run: bytes) -> Iterator[bytes]:
    return (run[at : at + SHORTEST] for at in range(len(run) - SHORTEST + 1))


def spellings(secret: str) -> set[bytes]:
    """The secret as a library may write it; in base64 with whatever before it and after it."""
    spelt = {secret, quote(secret, safe=""), quote_plus(secret)}
    for before in range(3):
        inner = base64.b64encode(b"x" * before + secret.encode()).decode().rstrip("=")[4 * (before > 0) : -1]
        spelt |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {text.lower().encode() for text in spelt}
