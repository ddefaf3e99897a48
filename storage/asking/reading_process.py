"""The process behind `storage.asking.reader`: it reads one DuckDB file for whoever started it, and ends when that one does.

What people's SQL makes of it harms nobody: it opens the file read-only, locks itself down, has so much memory and no more, and can
be killed at any time, which DuckDB does not allow of a query that does not listen.
"""

import json
import os
import pickle
import resource
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import duckdb
import pyarrow as pa

from storage.asking.answers import FORMS, Form
from storage.asking.permission import TookTooLongError, check_reads, lock_down, reading
from storage.errors import GovpulseError, describe
from storage.limits import Limits
from storage.warehouse import attach, connect, explain, is_about_the_file, memory_limit

COLUMNS = "govpulse.columns"
"""Under this word an answer says how its columns are called and what they hold."""
BATCH_ROWS = 20_000
MOST_BYTES = 2**29
"""Of an answer."""
HEADROOM_BYTES = 2 * MOST_BYTES
"""What the process may have beside the memory that DuckDB accounts for: the answer, Python, and strings while they are made."""
SPILL = "4GB"
ROWS, REFUSED, TOO_LONG, SPENT = b"r", b"f", b"t", b"s"
"""The first byte of an answer; the rest is an Arrow stream, or a sentence. After the last two the process is good for nothing more:
what it was made to do may still have memory, or have broken the connection."""
REFUSALS = (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError)


@dataclass(frozen=True)
class Question:
    """One SELECT on a file.

    Args:
        spill: where DuckDB may put what does not fit into memory; without it, nowhere.
        remedy: what to do where the file is damaged.
        form: what the rows are for, with which names and kinds of columns are said, too; None: as DuckDB has them.
    """

    path: Path
    alias: str
    limits: Limits
    sql: str
    parameters: Mapping[str, Any]
    seconds: float
    spill: Path | None = None
    remedy: str = ""
    form: Form | None = None


def main(descriptor: int) -> None:
    """Answer questions until whoever asks them is gone; None closes the file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold private rows
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asked, and that one ends us
    asker, questions = Connection(descriptor), SimpleQueue[Question | None]()
    Thread(target=_listen, args=(asker, questions), daemon=True).start()
    con: duckdb.DuckDBPyConnection | None = None
    while True:
        question = questions.get()
        if question is None:
            if con is not None:
                con.close()
            con = None
            asker.send_bytes(b"")
            continue
        con, problem = _opened(con, question)
        asker.send_bytes(b"")  # from here on its time runs
        asker.send_bytes(problem if con is None else _answer(con, question))


def _listen(asker: Connection, questions: "SimpleQueue[Question | None]") -> None:
    with suppress(EOFError, OSError):
        while True:
            questions.put(pickle.loads(asker.recv_bytes()))  # noqa: S301 - from the process that started us
    os._exit(0)


def _opened(con: duckdb.DuckDBPyConnection | None, question: Question) -> tuple[duckdb.DuckDBPyConnection | None, bytes]:
    """The connection to the question's file; or none, and why."""
    try:
        return con or _open(question), b""
    except (GovpulseError, duckdb.Error) as error:
        return None, _said(error, question)


def _open(question: Question) -> duckdb.DuckDBPyConnection:
    con = connect(question.limits, question.spill)
    con.execute(f"SET max_temp_directory_size = '{SPILL if question.spill else '0B'}'")
    attach(con, question.path, question.alias, read_only=True, remedy=question.remedy)
    con.execute(f"USE {question.alias}")
    lock_down(con)
    _, memory = memory_limit(con)
    with suppress(ValueError):  # where there is less already
        resource.setrlimit(resource.RLIMIT_DATA, (memory + HEADROOM_BYTES,) * 2)
    return con


def _answer(con: duckdb.DuckDBPyConnection, question: Question) -> bytes:
    try:
        return b"".join((ROWS, _rows(con, question)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked says it
        return _said(error, question)


def _said(error: Exception, question: Question) -> bytes:
    if isinstance(error, TookTooLongError):
        return TOO_LONG + str(error).encode()
    if isinstance(error, MemoryError) or "Out of Memory" in str(error):
        text = f"needs more memory than the {question.limits.memory} that [warehouse] memory allows; ask for less at a time"
    elif error.__cause__ is not None and is_about_the_file(error.__cause__):
        text = f"cannot use {question.path}: {explain(error.__cause__, question.remedy)}"
    else:
        text = describe(error)
    is_sound = isinstance(error, GovpulseError) and isinstance(error.__cause__, (*REFUSALS, type(None)))
    return (REFUSED if is_sound else SPENT) + text.encode(errors="replace")


def _started(con: duckdb.DuckDBPyConnection, question: Question) -> tuple[pa.RecordBatchReader, dict[str, str]]:
    """The rows as they come, and what is said of them."""
    if question.form is None:
        return con.execute(question.sql, dict(question.parameters) or None).to_arrow_reader(BATCH_ROWS), {}
    asked = FORMS[question.form](con, question.sql)
    return asked.relation.to_arrow_reader(BATCH_ROWS), {COLUMNS: json.dumps([asked.names, asked.kinds])}


def _rows(con: duckdb.DuckDBPyConnection, question: Question) -> pa.Buffer:
    check_reads(question.sql)
    sink, size = pa.BufferOutputStream(), 0
    with reading(con, question.seconds):
        reader, said = _started(con, question)
        with pa.ipc.new_stream(sink, reader.schema.with_metadata(said)) as written:
            for batch in reader:
                size += batch.nbytes
                if size > MOST_BYTES:
                    raise GovpulseError(f"yields more than {MOST_BYTES >> 20} MB; ask for fewer rows, or with a LIMIT")
                written.write_batch(batch)
    return sink.getvalue()
