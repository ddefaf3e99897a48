"""The loader: the only way from the landing zone into the warehouse.

One transaction holds the rows of a few files, their refused rows, their lines in the ledger `ops.loads` and their watermarks; then
the files go. Killed in between, the next loader finds them in the ledger and only deletes them. A file that cannot be read moves
to quarantine.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import duckdb

from storage.access import FOLDER
from storage.carried_sums import note_changes
from storage.catalogue import GOVERNANCE, LANDED, Table
from storage.contract import LANDED as LANDED_ROW
from storage.contract import check_rows
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.incoming import leave_out_forgotten
from storage.instants import ZERO_DAYS
from storage.landed_file import LandedFile, as_relation, check_pages, ledger_name, read_footer
from storage.landing import ROW_GROUP_ROWS, pending, sync_folder
from storage.ledger import file_facts, is_recorded, move_watermark, note_zero_instants, record
from storage.listings import mark_gone
from storage.rejected_rows import forget_accepted, keep_rejected
from storage.sample_rows import make_room
from storage.transaction import transaction
from storage.warehouse import quote_text
from storage.write import upsert

GROUP_ROWS = 4 * ROW_GROUP_ROWS
"""Rows to a transaction: large enough that looking up their keys costs little, small enough for some 300 MB of memory."""
GROUP_BYTES = 2**27
"""Of files, for rows with long texts."""
LOADING_MEMORY = "300MB"
"""Enough for half a million ordinary rows; what holds long texts gets what the warehouse may use."""
REFUSALS = (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, ValueError, NotImplementedError)
"""What DuckDB raises for columns that it cannot take in."""


@dataclass(frozen=True)
class LoadResult:
    """What a pass of the loader did. Each of the rows was accepted, rejected or skipped.

    Attributes:
        skipped: rows of people who were forgotten, and those of the sample beside real ones, which are `displaced`.
        quarantined: a line for each file that could not be read at all.
        zeros: by `dataset.column` how many instants stood for nothing.
        doubts: by listing why what it lacks is not believed to be gone.
    """

    files: int = 0
    rows: int = 0
    rejected: int = 0
    skipped: int = 0
    quarantined: tuple[str, ...] = ()
    displaced: int = 0
    zeros: Mapping[str, int] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        return self.rows - self.rejected - self.skipped

    def __str__(self) -> str:
        rows, files = (f"{count:,} {noun}{'s' * (count != 1)}" for count, noun in ((self.rows, "row"), (self.files, "file")))
        parts = [f"{rows} from {files}", f"{self.accepted:,} accepted", f"{self.rejected:,} rejected"]
        forgotten = self.skipped - self.displaced
        parts += [f"{forgotten:,} skipped, of people who were forgotten"] if forgotten else []
        parts += [f"{len(self.quarantined)} unreadable"] if self.quarantined else []
        parts += [f"{self.displaced:,} sample rows left out beside real ones"] if self.displaced else []
        zeros = ", ".join(f"{name} {count:,}" for name, count in self.zeros.items())
        parts += [f"zero instants taken for nothing: {zeros}"] if zeros else []
        return ", ".join(parts)

    def __add__(self, other: "LoadResult") -> "LoadResult":
        return LoadResult(
            self.files + other.files,
            self.rows + other.rows,
            self.rejected + other.rejected,
            self.skipped + other.skipped,
            self.quarantined + other.quarantined,
            self.displaced + other.displaced,
            dict(Counter(self.zeros) + Counter(other.zeros)),
            {**self.doubts, **other.doubts},
        )


def load_landing(con: duckdb.DuckDBPyConnection, home: Home, zero_days: Collection[date] = ZERO_DAYS) -> LoadResult:
    """Load every pending landing file of every dataset; returns what was done."""
    return sum((load_dataset(con, home, dataset, zero_days) for dataset in LANDED), LoadResult())


def load_dataset(con: duckdb.DuckDBPyConnection, home: Home, dataset: str, zero_days: Collection[date] = ZERO_DAYS) -> LoadResult:
    """Load every pending landing file of one dataset, oldest first. The midnights of `zero_days` are no instants."""
    table, result, readable = LANDED[dataset], LoadResult(), []
    for path in pending(home, dataset):
        if is_recorded(con, ledger_name(path)):
            path.unlink(missing_ok=True)
            continue
        try:
            readable.append(read_footer(table, path))
        except GovpulseError as error:
            result += _quarantine(con, home, table, path, str(error))
    with _in_bulk(con) as memory:
        load = partial(_load_group, con, home, table, zero_days)
        return sum((_load_with_room(con, load, group, memory) for group in _groups(readable)), result)


@contextmanager
def _in_bulk(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Settings for much writing: in any order (raw is read by key and instant, never by position), with one checkpoint at the end
    instead of one a transaction, and without the memory that a computation may use, which is returned."""
    memory = con.sql("SELECT current_setting('memory_limit')").fetchall()[0][0]
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET wal_autocheckpoint = '1GB'")
    con.execute(f"SET memory_limit = '{LOADING_MEMORY}'")
    try:
        yield memory
    finally:
        con.execute("RESET preserve_insertion_order")
        con.execute("RESET wal_autocheckpoint")
        con.execute(f"SET memory_limit = '{memory}'")


def _groups(files: Sequence[LandedFile]) -> Iterator[list[LandedFile]]:
    """Neighbours that go together, up to GROUP_ROWS; the order stays."""
    group: list[LandedFile] = []
    for file in files:
        if group and not (file.goes_with(group[-1]) and _is_small([*group, file])):
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _is_small(group: Sequence[LandedFile]) -> bool:
    return sum(file.rows for file in group) <= GROUP_ROWS and sum(file.path.stat().st_size for file in group) <= GROUP_BYTES


def _load_with_room(
    con: duckdb.DuckDBPyConnection, load: Callable[[list[LandedFile]], LoadResult], group: list[LandedFile], memory: str
) -> LoadResult:
    try:
        return load(group)
    except duckdb.OutOfMemoryException:
        con.execute(f"SET memory_limit = '{memory}'")
        try:
            return load(group)
        finally:
            con.execute(f"SET memory_limit = '{LOADING_MEMORY}'")


def _load_group(
    con: duckdb.DuckDBPyConnection, home: Home, table: Table, zero_days: Collection[date], group: list[LandedFile]
) -> LoadResult:
    now = datetime.now(UTC)
    try:
        _check(con, table, group, now, zero_days)
    except GovpulseError as error:
        if len(group) > 1:
            return sum((_load_group(con, home, table, zero_days, [file]) for file in group), LoadResult())
        return _quarantine(con, home, table, group[0].path, str(error))
    with transaction(con):
        result = _write(con, table, group, now)
    con.execute("DROP TABLE checked")
    for file in group:
        file.path.unlink(missing_ok=True)
    return result


def _check(
    con: duckdb.DuckDBPyConnection, table: Table, group: list[LandedFile], now: datetime, zero_days: Collection[date]
) -> None:
    """Split the rows into `accepted` and `rejected`.

    Raises:
        GovpulseError: a file is damaged, or has columns that DuckDB cannot take in; one such file must not stop the others.
    """
    constants = {"source": quote_text(group[0].source) if group[0].source else "NULL"} if "source" in table.column_names else {}
    try:
        path = f"{LANDED_ROW}.filename"
        check_rows(con, table, as_relation(group), now, file=path, constants=constants, zero_days=zero_days)
    except REFUSALS as error:
        raise GovpulseError(f"{group[0].path.name} cannot be checked: {first_line(error)}") from error
    except duckdb.Error:
        for file in group:
            check_pages(file.path)
        raise


def _write(con: duckdb.DuckDBPyConnection, table: Table, group: list[LandedFile], now: datetime) -> LoadResult:
    rows, source = sum(file.rows for file in group), group[0].source
    if table.name in GOVERNANCE and not make_room(con, source):
        for file in group:
            record(con, table.name, file.ledger_name, now, status="displaced", source=source, rows=file.rows, skipped=file.rows)
        return LoadResult(files=len(group), rows=rows, skipped=rows, displaced=rows)
    leave_out_forgotten(con, table)
    note_changes(con, table)
    upsert(con, table, "accepted")
    forget_accepted(con, table)
    rejected = keep_rejected(con, now)
    zeros = note_zero_instants(con, table, now)
    facts, skipped = file_facts(con, table), 0
    for file in group:
        kept, refused, span = facts.get(str(file.path), (0, 0, (None, None)))
        missing = file.rows - kept
        name = file.ledger_name
        record(con, table.name, name, now, source=source, rows=file.rows, rejected=refused, skipped=missing, span=span)
        skipped += missing
        if file.watermark:
            move_watermark(con, table.name, source or "", file.watermark, file.read_until, now)
    why = mark_gone(con, table, source or "") if table.is_listing else None
    doubts = {table.name: why} if why else {}
    return LoadResult(files=len(group), rows=rows, rejected=rejected, skipped=skipped, zeros=zeros, doubts=doubts)


def _quarantine(con: duckdb.DuckDBPyConnection, home: Home, table: Table, path: Path, reason: str) -> LoadResult:
    """Set the file aside, then say so in the ledger: after a crash in between it lies in quarantine, never nowhere."""
    folder = home.quarantine / table.name
    folder.mkdir(FOLDER, parents=True, exist_ok=True)
    os.replace(path, folder / path.name)
    sync_folder(folder)
    record(con, table.name, ledger_name(path), datetime.now(UTC), status="quarantined", reason=reason)
    return LoadResult(files=1, quarantined=(f"{reason}; set aside in {folder}",))
