"""A source's settings -> an open session on it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date

from storage.errors import GovpulseError
from storage.instants import ZERO_DAYS
from storage.people.pseudonyms import AS_THEY_ARE, Pseudonyms
from tasks.sources.address import Address
from tasks.sources.database.postgresql import open_postgresql
from tasks.sources.database.session import Session
from tasks.sources.database.sqlite import open_sqlite
from tasks.sources.mapping import Mapping, load_mapping

DATABASES = ("postgresql", "mysql", "sqlite")
OpenServer = Callable[..., AbstractContextManager[Session]]


@dataclass(frozen=True)
class Source:
    """A platform's database and how to read it.

    Attributes:
        name: what its rows and watermarks carry; see name_source.
        server_zone: time zone of the timestamps that the mapping calls `server`, and of those in files.
        statement_timeout_seconds: a database server ends a statement of ours that takes longer.
        fallback_overlap_seconds: how long a transaction may last where nobody can see when the open ones began.
        zero_days: whose midnights are no instants.
        lock_timeout_seconds: how long we wait for who writes a SQLite file, or has locked a table.
        file_patterns: by pattern of a path in a folder of files the dataset that these are.
        time_limit_seconds: for how long a run reads it at most.
        pseudonyms: what becomes of ids of people that are mail addresses.
    """

    name: str
    address: Address
    mapping: str
    server_zone: str = "UTC"
    statement_timeout_seconds: float = 3600.0
    fallback_overlap_seconds: float = 3600.0
    zero_days: tuple[date, ...] = ZERO_DAYS
    lock_timeout_seconds: float = 30.0
    file_patterns: dict[str, str] = field(default_factory=dict)
    pseudonyms: Pseudonyms = AS_THEY_ARE
    time_limit_seconds: float = 10_800.0

    def load_mapping(self) -> Mapping:
        return load_mapping(self.mapping, self.address.kind, self.server_zone, self.zero_days)


@contextmanager
def open_session(source: Source) -> Iterator[Session]:
    """One look at all datasets of `source`.

    Raises:
        GovpulseError: there is no such mapping, or the database cannot be reached.
    """
    if source.address.kind not in DATABASES:
        raise GovpulseError(f"cannot read sources of kind {source.address.kind}; use one of {', '.join(DATABASES)}")
    mapping = source.load_mapping()
    if source.address.kind != "sqlite":
        with _opener(source.address.kind)(
            source.address,
            mapping,
            statement_timeout_seconds=source.statement_timeout_seconds,
            fallback_overlap_seconds=source.fallback_overlap_seconds,
            lock_timeout_seconds=source.lock_timeout_seconds,
        ) as session:
            yield session
    else:
        with open_sqlite(source.address, mapping, source.lock_timeout_seconds) as reader:
            yield reader


def _opener(kind: str) -> OpenServer:
    if kind == "postgresql":
        return open_postgresql
    from tasks.sources.database.mysql import open_mysql  # a driver that only few sources need

    return open_mysql
