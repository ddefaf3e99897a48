"""The loader: the only way from the landing zone into the warehouse.

One transaction holds the rows of a few files, their refused rows, their lines in the ledger `ops.loads` and their watermarks; then
the files move to the journal, and go with it once a proven backup has their rows. Killed in between, the next loader finds them in
the ledger and only moves them. A file that cannot be read moves to quarantine.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb

from storage.access import FOLDER
from storage.catalogue import DATASETS, GOVERNANCE, LANDED, Table
from storage.clock import believed
from storage.durable import sync_folder
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.instants import CLOCKS_DIFFER, ZERO_DAYS
from storage.intake.carried_sums import note_changes
from storage.intake.contract import LANDED as LANDED_ROW
from storage.intake.contract import check_rows
from storage.intake.future import age_landed, leave_out_astray
from storage.intake.incoming import leave_out_forgotten
from storage.intake.landed_file import LandedFile, as_relation, check_pages, ledger_name, read_footer
from storage.intake.landing import ROW_GROUP_ROWS, pending
from storage.intake.landing_names import plain_name
from storage.intake.ledger import TimeRange, file_facts, is_recorded, move_watermark, note_zero_instants, record
from storage.intake.listings import mark_gone
from storage.intake.load_result import Counts, LoadResult, added
from storage.intake.rejected_rows import forget_accepted, keep_rejected
from storage.intake.sample_rows import make_room
from storage.journal.files import keep_known, keep_landed
from storage.journal.noting import note_act, note_load
from storage.people.stored_addresses import note_addresses
from storage.quoting import quote_text
from storage.relations import drop
from storage.transaction import transaction
from storage.warehouse import memory_limit
from storage.write import upsert

GROUP_ROWS = 4 * ROW_GROUP_ROWS
"""Rows to a transaction: large enough that looking up their keys costs little, small enough for some 300 MB of memory."""
GROUP_BYTES = 2**27
"""Of files, for rows with long texts."""
LOADING_BYTES = 300_000_000
"""Enough for half a million ordinary rows; what holds long texts gets what the warehouse may use."""
MOST_AHEAD = timedelta(days=1)
"""By the contract no change lies further ahead."""
REFUSALS = (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, ValueError, NotImplementedError)
"""What DuckDB raises for columns that it cannot take in."""


def load_landing(
    con: duckdb.DuckDBPyConnection, home: Home, zero_days: Collection[date] = ZERO_DAYS, now: datetime | None = None
) -> LoadResult:
    """Load every pending landing file of every dataset, at `now`, or at what the clock says; returns what was done. Our own records
    of runs are no rows that came in."""
    done = {dataset: load_dataset(con, home, dataset, zero_days, now) for dataset in LANDED}
    return sum((result if dataset in DATASETS else _without_rows(result) for dataset, result in done.items()), LoadResult())


def _without_rows(result: LoadResult) -> LoadResult:
    return replace(result, files=0, rows=result.rejected + result.skipped)


def load_dataset(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    dataset: str,
    zero_days: Collection[date] = ZERO_DAYS,
    now: datetime | None = None,
) -> LoadResult:
    """Load every pending landing file of one dataset, oldest first. The midnights of `zero_days` are no instants."""
    if not (paths := pending(home, dataset)):
        return LoadResult()
    known = [path for path in paths if is_recorded(con, ledger_name(path))]
    keep_known(home, known)
    clock = now or datetime.now(UTC)
    now = believed(con, clock)
    table, result, readable = LANDED[dataset], LoadResult(behind=now if now > clock else None), []
    for path in paths:
        if path in known:
            continue
        try:
            readable.append(read_footer(table, path))
        except GovpulseError as error:
            result += _quarantine(con, home, table, path, str(error), now)
    with _in_bulk(con) as memory:
        load = partial(_load_group, con, home, table, zero_days, now, clock)
        return sum((_load_with_room(con, load, group, memory) for group in _groups(readable)), result)


@contextmanager
def _in_bulk(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Settings for much writing: in any order (raw is read by key and instant, never by position), and with no more memory than
    that takes. How much a computation may use is returned."""
    memory, size = memory_limit(con)
    is_more = size > LOADING_BYTES
    con.execute("SET preserve_insertion_order = false")
    if is_more:
        con.execute(f"SET memory_limit = '{LOADING_BYTES}B'")
    try:
        yield memory
    finally:
        con.execute("RESET preserve_insertion_order")
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
        lent = memory_limit(con)[0]
        con.execute(f"SET memory_limit = '{memory}'")
        try:
            return load(group)
        finally:
            con.execute(f"SET memory_limit = '{lent}'")


def _load_group(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    table: Table,
    zero_days: Collection[date],
    now: datetime,
    clock: datetime,
    group: list[LandedFile],
) -> LoadResult:
    try:
        check_group(con, table, group, now, zero_days)
    except GovpulseError as error:
        if len(group) > 1:
            return sum((_load_group(con, home, table, zero_days, now, clock, [file]) for file in group), LoadResult())
        return _quarantine(con, home, table, group[0].path, str(error), now)
    result = load_checked(con, table, group, now, clock, zero_days)
    keep_landed(home, [file.path for file in group])
    return result


def load_checked(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    group: Sequence[LandedFile],
    now: datetime,
    clock: datetime,
    zero_days: Collection[date],
) -> LoadResult:
    """Load files of which `check_group` made the relations `accepted` and `rejected`, as of `now`, which the `clock` may not say.

    They stay where they are.
    """
    with transaction(con):
        paths = [file.path for file in group]
        note_load(con, table.name, group[0].source, paths, now, clock, [day.isoformat() for day in sorted(zero_days)])
        result = _write(con, table, group, now, clock)
    drop(con, "TABLE", "checked")
    return result


def check_group(
    con: duckdb.DuckDBPyConnection, table: Table, group: Sequence[LandedFile], now: datetime, zero_days: Collection[date]
) -> None:
    """Split the rows into `accepted` and `rejected`.

    Raises:
        GovpulseError: a file is damaged, or has columns that DuckDB cannot take in; one such file must not stop the others.
    """
    constants = {"source": quote_text(group[0].source)} if group[0].source and "source" in table.key else {}
    try:
        path = f"{LANDED_ROW}.filename"
        check_rows(con, table, as_relation(group), now, file=path, constants=constants, zero_days=zero_days)
    except REFUSALS as error:
        raise GovpulseError(f"{plain_name(group[0].path.name)} cannot be checked: {first_line(error)}") from error
    except duckdb.Error:
        for file in group:
            check_pages(file.path)
        raise


def _write(con: duckdb.DuckDBPyConnection, table: Table, group: Sequence[LandedFile], now: datetime, clock: datetime) -> LoadResult:
    rows, source = sum(file.rows for file in group), group[0].source
    if table.name in GOVERNANCE and not make_room(con, source):
        for file in group:
            _enter(con, table, file, now, Counts(file.rows, skipped=file.rows), status="displaced")
        return LoadResult(files=len(group), rows=rows, skipped=rows, displaced=rows)
    astray = leave_out_astray(con, table, now, clock) if not any(file.origin for file in group) else 0
    looks = age_landed(con, table, now)
    leave_out_forgotten(con, table)
    note_addresses(con, table)
    note_changes(con, table)
    upsert(con, table, "accepted")
    forget_accepted(con, table)
    rejected = keep_rejected(con, now, looks)
    zeros = note_zero_instants(con, table, now)
    facts, counts = file_facts(con, table), []
    for file in group:
        kept, refused, span = facts.get(str(file.path), (0, 0, (None, None)))
        counts.append(Counts(file.rows, refused, file.rows - kept))
        _enter(con, table, file, now, counts[-1], span=span)
        if file.watermark:
            _move_watermark(con, table, source or "", file, looks, now)
    why = mark_gone(con, table, source or "") if table.is_listing else None
    doubts = {table.name: why} if why else {}
    skipped = sum(count.skipped for count in counts)
    origins = added(((table.name, file.origin), count) for file, count in zip(group, counts, strict=True) if file.origin)
    return LoadResult(len(group), rows, rejected, skipped, zeros=zeros, doubts=doubts, origins=origins, astray=astray)


def _move_watermark(
    con: duckdb.DuckDBPyConnection, table: Table, source: str, file: LandedFile, looks: Mapping[str, datetime], now: datetime
) -> None:
    """A listing's goes with its rows; one that lies further ahead than any change may stays where it was, which is safe."""
    watermark = file.watermark
    if table.is_listing and watermark and watermark > now + CLOCKS_DIFFER:
        watermark = looks.get(source)
    if watermark and watermark <= now + MOST_AHEAD:
        move_watermark(con, table.name, source, watermark, file.read_until, now)


def _enter(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    file: LandedFile,
    now: datetime,
    counts: Counts,
    *,
    status: str = "loaded",
    span: TimeRange = (None, None),
) -> None:
    record(
        con,
        table.name,
        file.ledger_name,
        now,
        status=status,
        source=file.source,
        origin=file.origin,
        rows=counts.offered,
        rejected=counts.rejected,
        skipped=counts.skipped,
        span=span,
    )


def _quarantine(con: duckdb.DuckDBPyConnection, home: Home, table: Table, path: Path, reason: str, now: datetime) -> LoadResult:
    """Set the file aside, then say so in the ledger: after a crash in between it lies in quarantine, never nowhere."""
    folder = home.quarantine / table.name
    folder.mkdir(FOLDER, parents=True, exist_ok=True)
    os.replace(path, folder / plain_name(path.name))  # whoever repairs it need not know its checksum
    sync_folder(folder)
    with transaction(con):
        note_act(con, "quarantine", dataset=table.name, file=ledger_name(path), reason=reason, at=now)
        record(con, table.name, ledger_name(path), now, status="quarantined", reason=reason)
    return LoadResult(files=1, quarantined=(f"{reason}; set aside in {folder}",))
