"""Drawn names through every output: what is shown is what is stored, no control byte, no crash. The campaign draws ten thousand."""

import csv
import io
import json
import logging
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
import pytest

from flows.cli import alert_tables, doctor, summary
from flows.cli.app import main
from flows.cli.deployments_table import deployments_table
from flows.cli.query import Format, as_printed
from flows.logs import PrintableRecord
from flows.pages import what_to_do
from flows.printing import rendered, say
from flows.report import Report, artifact_rows, as_markdown
from storage.asking.answers import as_printed as as_printed_relation
from storage.asking.reader import Reader
from storage.catalogue import INSIGHTS, TABLES
from storage.home import Home
from storage.limits import Limits
from storage.publishing.published import query_published
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
from tasks.notifications.channels import Channel
from tasks.notifications.senders import pagerduty, send, webhook
from tasks.overviews import finding_overview
from tasks.silences import new_silence, parse_matchers
from tests.homes import migrated_home
from tests.insight_rows import insert
from tests.messages import message
from tests.nasty_names import HIDDEN, draw, stored
from tests.storage.test_printable import READER, text_of

ROOT = Path(__file__).parents[1]
AT = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture(scope="module", params=[200, pytest.param(10_000, marks=pytest.mark.campaign)])
def count(request) -> int:
    return request.param


@pytest.fixture(scope="module")
def home(count: int, tmp_path_factory) -> Home:
    """A published file with the names as subjects and sentences of findings, and as alerts in the warehouse."""
    home, names = migrated_home(tmp_path_factory.mktemp("outputs") / "home"), draw(count)
    finding = {"kind": "stuck_scan", "severity": "critical", "started_at": AT}
    alert = {
        "rule": "r",
        "labels": "{}",
        "state": "firing",
        "severity": "warning",
        "value": 1.0,
        "threshold": 1.0,
        "updated_at": AT,
    }
    with warehouse(home) as con:
        told = [
            finding | {"insight_id": f"{at:05}", "subject": name, "statement": name, "recommendation": name}
            for at, name in enumerate(names)
        ]
        insert(con, INSIGHTS["performance_insights"], *told)
        fired = [alert | {"fingerprint": f"{at:05}", "episode": 1, "subject": name} for at, name in enumerate(names)]
        insert(con, TABLES["alerts.alerts"], *fired)
        publish(con, home)
    return home


@pytest.fixture(scope="module")
def names(count: int) -> list[str]:
    return draw(count)


@pytest.fixture(scope="module")
def all_names(count: int) -> list[str]:
    """Of what no database holds, too: names of files, messages of exceptions."""
    return draw(count, halves=True)


NAMES = "SELECT insight_id, subject AS name FROM insights.performance_insights ORDER BY insight_id"


def asked(home: Home, format: Format, sql: str = NAMES) -> str:
    shown = as_printed(query_published(home.published, sql, Limits()), format, io.StringIO())
    assert not HIDDEN.search(shown.replace("\n", ""))
    return shown


def test_query_as_a_table(home: Home, names: list[str]) -> None:
    _, *lines = asked(home, Format.table).splitlines()
    assert [stored(line[len("insight_id  ") :].rstrip(" ")) for line in lines] == names


def test_query_as_csv(home: Home, names: list[str]) -> None:
    _, *rows = csv.reader(io.StringIO(asked(home, Format.csv), newline=""))
    for (_, cell), name in zip(rows, names, strict=True):
        assert stored(cell) in (name, f"'{name}"), "an apostrophe is all that may be added"
        is_number = re.fullmatch(r"[+-]?\d+", name)
        assert is_number or not cell.lstrip(" \n\u3000").startswith(("=", "+", "-", "@", "\uff1d")), cell


def test_query_as_json(home: Home, names: list[str]) -> None:
    assert [row["name"] for row in json.loads(asked(home, Format.json))] == names


def test_query_as_parquet(home: Home, names: list[str]) -> None:
    file = io.BytesIO()
    query_published(home.published, NAMES, Limits(), "exact").rows.write_parquet(file)
    file.seek(0)
    assert pl.read_parquet(file)["name"].to_list() == names


def test_columns_are_called_what_they_are_called(home: Home, names: list[str]) -> None:
    called = list({name.lower(): name for name in names if name and "\x00" not in name and len(name) < 200}.values())[:200]
    sql = "SELECT " + ", ".join(f'{at} AS "{name.replace(chr(34), chr(34) * 2)}"' for at, name in enumerate(called))
    assert list(json.loads(asked(home, Format.json, sql))[0]) == called
    header = next(csv.reader(io.StringIO(asked(home, Format.csv, sql), newline="")))
    assert not any(cell.startswith(("=", "@", "\uff1d")) for cell in header)
    assert {stored(cell.removeprefix("'")) for cell in header} == {name.removeprefix("'") for name in called}
    for at, name in enumerate(called[:40]):
        sql = f'SELECT {at} AS "{name.replace(chr(34), chr(34) * 2)}"'
        assert stored(asked(home, Format.table, sql).splitlines()[0].strip(" ")) == (name.lstrip(" ") or " ")


def printed(action: Any, *arguments: Any) -> list[str]:
    with redirect_stdout(io.StringIO()) as out:
        action(*arguments)
    assert not HIDDEN.search(out.getvalue().replace("\n", ""))
    return out.getvalue().splitlines()


def test_the_summary(home: Home, names: list[str], monkeypatch) -> None:
    monkeypatch.setattr(summary, "SHOWN_FINDINGS", len(names))
    _, *lines = printed(summary._print_findings, finding_overview(str(home.root)).sort("subject"))
    assert [stored(line[22:]) for line in lines[::2]] == [stored(line[22:]) for line in lines[1::2]] == sorted(names)
    failed = Report("govpulse_pipeline", AT, False, {}, {name: name for name in names})
    shown = printed(summary.print_summary, SimpleNamespace(folder=Home(home.root / "nowhere")), failed)
    assert [stored(line[13:]) for line in shown if line.startswith("  failed  ")] == [f"{name}: {name}" for name in names]


def test_tables_of_alerts_silences_and_deployments(home: Home, names: list[str]) -> None:
    found = [
        {"fingerprint": "f", "severity": "warning", "rule": "r", "subject": name, "labels": {}, "state": "firing", "value": 1.0}
        | {"is_flapping": False, "since": AT, "acked_by": None, "silenced_until": None, "unit": "", "member_count": None}
        for name in names
    ]
    _, *lines = rendered(io.StringIO(), alert_tables.alert_table(found, {})).splitlines()
    at = len("alert  severity  rule  ")
    assert [stored(line[at:][: len(line[at:].rsplit(" 1  ", 1)[0])]).rstrip(" ") for line in lines] == [
        n.rstrip(" ") for n in names
    ]
    silence = new_silence(parse_matchers(["rule=r"]), "me", "x", AT, AT.replace(hour=10), AT)
    for name in names[:40]:
        made = SimpleNamespace(**{**vars(silence), "author": name, "reason": name, "ended_at": None})
        (_, line) = rendered(io.StringIO(), alert_tables.silence_table([made], {made.silence_id: []})).splitlines()
        assert not HIDDEN.search(line)
        assert stored(line).count(name) >= 2
    row = {"environment": "e", "deployments": 1, "success_rate": None, "reason": "r", "durations": 0}
    nothing = {f"median_duration_{part}": None for part in ("seconds", "low", "high")}
    for name in names[:40]:
        shown = rendered(io.StringIO(), deployments_table(pl.DataFrame([row | nothing | {"service": name}])))
        assert f"e / {name}" in stored(shown.splitlines()[1])


def test_commands_say_it_in_one_line(all_names: list[str]) -> None:
    for name in all_names:
        (line,) = printed(say, name) or [""]
        assert stored(line) == name
    for name in all_names[:200]:
        (line,) = printed(doctor.say, True, "home", name)
        assert stored(line) == f"ok      {'home':<12} {name}"


def test_pages_and_tables_in_prefects_ui(home: Home, all_names: list[str], names: list[str]) -> None:
    page = as_markdown(Report("f", AT, False, {name: name for name in all_names}, {}))
    cells = [text_of(token.children or []) for token in READER.parse(page) if token.type == "inline"][4:]
    assert [stored(cell) for cell in cells] == [name for name in all_names for _ in range(2)]
    said = [token for token in READER.parse(what_to_do(str(home.root))) if token.type == "inline"]
    assert sum(len(token.children or []) > 0 for token in said) == 1 + 2 * len(names)
    rows = artifact_rows(pl.DataFrame({"name": names, "at": [AT] * len(names)}))
    assert [stored(row["name"]) for row in rows] == names
    assert not HIDDEN.search("".join(row["name"] for row in rows))


def test_messages(all_names: list[str], capsys) -> None:
    for name in all_names:
        told = message(statement=name, subject=name, labels={name: name}, title=name)
        send(Channel("console"), told, "n1", AT)
        shown = capsys.readouterr().err
        assert stored(shown.removesuffix("\n").removeprefix("FIRING critical: ").rpartition(" [")[0]) == name
        assert not HIDDEN.search(shown.removesuffix("\n"))
        posted = json.dumps(webhook.payload(told, "n1"))
        assert json.loads(posted)["labels"] == {name: name}
        assert stored(pagerduty.payload(told, "key")["payload"]["summary"][:1000])[:900] == name[:900] or len(name) > 900


def test_a_log_line_is_one_line(all_names: list[str]) -> None:
    for name in all_names:
        record = PrintableRecord("flows", logging.WARNING, "f", 1, "step %s: %s", (name, name), None)
        shown = logging.Formatter("%(levelname)s %(message)s").format(record)
        assert stored(shown) == f"WARNING step {name}: {name}"
        assert not HIDDEN.search(shown)


def test_a_traceback_begins_no_record() -> None:
    try:
        raise ValueError("one\nERROR two\x1b[2J")
    except ValueError:
        record = PrintableRecord("flows", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    first, *rest = logging.Formatter("%(levelname)s %(message)s").format(record).splitlines()
    assert first == "ERROR failed"
    assert rest[-1] == r"  ERROR two\x1b[2J"
    assert all(line.startswith("  ") for line in rest)


def govpulse(home: Home, *arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "flows", *arguments]
    variables = {**os.environ, "GOVPULSE_HOME": str(home.root), **environment}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, timeout=120, check=False)


@pytest.mark.slow
def test_where_standard_output_is_ascii(home: Home, names: list[str]) -> None:
    done = govpulse(home, "query", NAMES, "--format", "json", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [row["name"] for row in json.loads(done.stdout.decode("ascii"))] == names
    done = govpulse(home, "query", NAMES, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode("ascii").splitlines()[1:]
    assert [stored(line[len("insight_id  ") :].rstrip(" ")) for line in lines] == names


@pytest.mark.slow
def test_a_closed_pipe_and_a_full_disk(home: Home) -> None:
    shell = f"set -o pipefail; {sys.executable} -m flows query \"SELECT repeat('x', 100) FROM range(50000)\" --format csv | head -1"
    variables = {**os.environ, "GOVPULSE_HOME": str(home.root)}
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, env=variables, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "flows", "query", "SELECT 1"]
        failed = subprocess.run(command, cwd=ROOT, env=variables, stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
    assert (failed.returncode, failed.stderr) == (1, b"govpulse: cannot print: No space left on device\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", b"SELECT '\xff\x1b[2J'"],
        ["load", b"no\xff\nset\x1b[2J"],
        ["load", "users", b"no\xff\nfile\x1b[2J.csv"],
        [b"\xff\x1b[2J\ncommand"],
        ["query", "SELECT 1", "--format", b"\xff\x1b[2J[/]"],
        ["query", 'SELECT * FROM "x\x1b[2J\u202e\ny"'],
        ["alerts", "show", b"\xff\x1b[2J"],
        ["run", "--only", b"\xff\x1b[2J\nx"],
        ["forget", b"\xff\x1b[2J"],
    ],
)
def test_an_argument_is_named_in_one_line_whatever_bytes_it_has(
    home: Home, arguments: list[str | bytes], monkeypatch, capsys
) -> None:
    monkeypatch.setenv("GOVPULSE_HOME", str(home.root))
    monkeypatch.setattr(sys, "argv", ["govpulse", *map(os.fsdecode, arguments)])
    with pytest.raises(SystemExit) as exited:
        main()
    said = capsys.readouterr().err
    assert exited.value.code in (1, 2)
    assert said.startswith("govpulse: "), said
    assert said.count("\n") == 1, said
    assert "defect" not in said
    assert not HIDDEN.search(said.removesuffix("\n"))


TYPES = (
    *(
        "[1, 2]",
        "{'a': 1, 'b': 'x\x1b'}",
        "MAP {'k': 1}",
        "MAP {[1]: 'x'}",
        "'\\xff='::BLOB",
        "'{\"a\": 1}'::JSON",
        "INTERVAL 3 DAY",
    ),
    *(
        "'x'::ENUM ('x')",
        "1.5::DECIMAL(38, 10)",
        "170141183460469231731687303715884105727",
        "340282366920938463463374607431768211455",
    ),
    *(
        "'nan'::DOUBLE",
        "'-inf'::DOUBLE",
        "['nan'::DOUBLE]",
        "DATE '12000-01-01'",
        "'infinity'::DATE",
        "'-infinity'::TIMESTAMPTZ",
        "NULL",
    ),
    *(
        "TIMESTAMP '12000-01-01 00:00:00'",
        "TIMESTAMPTZ '2026-01-01 00:00:00+00'",
        "TIME '24:00:00'",
        "'12:00:00+02'::TIMETZ",
        "uuid()",
    ),
    *(
        "'101'::BIT",
        "union_value(n := 2)",
        "TIMESTAMP_NS '2026-01-01 00:00:00.123456789'",
        "[{'a': [INTERVAL 1 DAY]}]",
        "123::BIGNUM",
    ),
    *(
        "{'a': 1}::VARIANT",
        "ARRAY [1, 2, 3]::INT[3]",
        "'POINT(1 2)'::GEOMETRY",
        "TIME_NS '12:00:00'",
        "row(1, 2)",
        "chr(0)",
        "true",
    ),
)


@pytest.mark.parametrize("format", [Format.table, Format.csv, Format.json])
def test_every_type_is_printed(home: Home, format: Format) -> None:
    with Reader(Limits()) as reader, reader.reading(home.published, "govpulse", ""):
        for value in TYPES:
            shown = as_printed(reader.answer(f"SELECT {value} AS v UNION ALL SELECT NULL", 60.0, "printed"), format, io.StringIO())
            assert not HIDDEN.search(shown.replace("\n", ""))
            if format is Format.json:
                json.loads(shown, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_every_type_is_kept_in_parquet(home: Home) -> None:
    with Reader(Limits()) as reader, reader.reading(home.published, "govpulse", ""):
        for value in TYPES:
            file = io.BytesIO()
            reader.answer(f"SELECT {value} AS v", 60.0, "exact").rows.write_parquet(file)
            file.seek(0)
            assert pl.read_parquet(file).height == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("340282366920938463463374607431768211455", 340282366920938463463374607431768211455),
        ("1.5::DECIMAL(38, 10)", 1.5),
        ("['nan'::DOUBLE, 'inf'::DOUBLE]", ["nan", "inf"]),
        ("'-inf'::DOUBLE", "-inf"),
        ("DATE '12000-01-01'", "12000-01-01"),
        ("TIMESTAMPTZ '2026-01-01 00:00:00.5+00'", "2026-01-01T00:00:00.5+00:00"),
        ("TIMESTAMP '2026-01-01 00:00:00'", "2026-01-01T00:00:00"),
        ("{'a': [1, NULL], 'b': '\x1b'}", {"a": [1, None], "b": "\x1b"}),
        ("MAP {'k': 1}", {"k": 1}),
        ("'12:00:00+02'::TIMETZ", "12:00:00+02"),
        ("'\\xff='::BLOB", r"\xFF="),
    ],
)
def test_what_json_says_of_a_value(home: Home, value: str, said: object) -> None:
    assert json.loads(asked(home, Format.json, f"SELECT {value} AS v")) == [{"v": said}]


def test_columns_that_are_called_the_same(home: Home) -> None:
    sql = "SELECT 1 AS a, 2 AS a, 3 AS a_2"
    assert json.loads(asked(home, Format.json, sql)) == [{"a": 1, "a_3": 2, "a_2": 3}]
    assert asked(home, Format.csv, sql) == "a,a,a_2\n1,2,3\n"
    assert query_published(home.published, sql, Limits(), "exact").rows.columns == ["a", "a_3", "a_2"]


def test_a_plan_keeps_its_lines(home: Home) -> None:
    assert len(asked(home, Format.table, "EXPLAIN SELECT 1").splitlines()) > 3


def test_types_are_told_from_duckdb_itself() -> None:
    """Every type of this DuckDB's is printed, those that we have never heard of as text."""
    for (name,) in duckdb.sql(
        "SELECT DISTINCT logical_type FROM duckdb_types() WHERE logical_type NOT IN ('ENUM', 'DECIMAL')"
    ).fetchall():
        con = duckdb.connect()
        try:
            con.execute(f'CREATE TABLE t (v "{name}")')
        except duckdb.Error:  # a type that no column has, such as LIST
            continue
        assert as_printed_relation(con, "SELECT * FROM t").relation.fetchall() == []
