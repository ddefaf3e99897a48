"""The sample as a file: reproducible, brought up to date without touching what is settled, and refused in one line."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import GovpulseError
from storage.home import Home
from tasks.sources.sample.database import advance_sample, prepare_sample, write_sample
from tasks.sources.sample.rows import GROWING

START = datetime(2026, 9, 14, tzinfo=UTC)
MINUTES = st.integers(min_value=1, max_value=20 * 24 * 60)


def content(path):
    """Every row of every table, in the order of its key."""
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {table: sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}


def small(path, until, **options):
    return write_sample(path, until=until, days=14, scale=0.1, **options)


def test_the_same_arguments_give_the_same_rows(tmp_path):
    small(tmp_path / "a", START + timedelta(days=9))
    small(tmp_path / "b", START + timedelta(days=9))
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_another_seed_is_another_world(tmp_path):
    small(tmp_path / "a", START + timedelta(days=9))
    small(tmp_path / "b", START + timedelta(days=9), seed=8)
    first, second = content(tmp_path / "a"), content(tmp_path / "b")
    assert all(first[table] != second[table] for table in ("scan", "racine_activities", "version_deployments", "users"))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), first=MINUTES, second=MINUTES)
def test_brought_up_to_date_is_as_if_written_then(seed, first, second):
    earlier, later = sorted((START + timedelta(minutes=first), START + timedelta(minutes=second)))
    with TemporaryDirectory() as folder:
        advanced, written = Path(folder, "advanced"), Path(folder, "written")
        small(advanced, earlier, seed=seed, start=START)
        assert advance_sample(advanced, until=later).until == later
        small(written, later, seed=seed, start=START)
        assert content(advanced) == content(written)


@settings(max_examples=8, deadline=None)
@given(first=MINUTES, second=MINUTES)
def test_what_is_settled_does_not_change_and_nothing_goes_away(first, second):
    earlier, later = sorted((START + timedelta(minutes=first), START + timedelta(minutes=second)))
    with TemporaryDirectory() as folder:
        path = Path(folder, "sample")
        small(path, earlier, start=START)
        before = content(path)
        advance_sample(path, until=later)
        after = content(path)
    for table in (*GROWING, "version_deployments"):
        assert {row[0] for row in before[table]} <= {row[0] for row in after[table]}
    settled = {row for row in before["racine_activities"] if row[15] is not None}
    settled_scans = {row for row in before["scan"] if row[8] is not None}
    assert settled <= set(after["racine_activities"])
    assert settled_scans <= set(after["scan"])


def test_nothing_lies_after_its_end(tmp_path):
    until = START + timedelta(days=9, hours=11)
    small(tmp_path / "a", until)
    utc, local = until.replace(tzinfo=None).isoformat(" "), (until + timedelta(hours=2)).replace(tzinfo=None).isoformat(" ")
    with closing(sqlite3.connect(tmp_path / "a")) as database:
        for table, columns, end in (
            ("scan", ("created_at", "started_at", "completed_at", "updated_at"), utc),
            ("scanresult", ("created_at",), utc),
            ("racine_activities", ("created_at", "started_at", "completed_at"), utc),
            ("users", ("created_at", "updated_at"), utc),
            ("data_source_versions", ("created_at", "updated_at", "activated_at"), local),
            ("version_deployments", ("started_at", "completed_at"), local),
        ):
            for column in columns:
                assert database.execute(f"SELECT max({column}) FROM {table}").fetchone()[0] <= end, (table, column)


def test_running_work_is_running_at_the_end_and_ends_later(tmp_path):
    tuesday = START + timedelta(days=15, hours=10)
    write_sample(tmp_path / "a", until=tuesday, start=START, scale=2)
    open_acts = [row[0] for row in content(tmp_path / "a")["racine_activities"] if row[15] is None]
    assert open_acts
    advance_sample(tmp_path / "a", until=tuesday + timedelta(hours=20))
    assert not {row[0] for row in content(tmp_path / "a")["racine_activities"] if row[15] is None} & set(open_acts)


def test_a_sample_that_is_already_further_stays(tmp_path):
    small(tmp_path / "a", START + timedelta(days=9))
    before = content(tmp_path / "a")
    assert advance_sample(tmp_path / "a", until=START + timedelta(days=8)).until == START + timedelta(days=9)
    assert content(tmp_path / "a") == before


def test_scale_multiplies_acts_and_scans(tmp_path):
    counts = {}
    for scale in (0.5, 1.0, 2.0):
        counts[scale] = write_sample(tmp_path / "a", until=START, days=20, scale=scale).rows
    for table in ("scan", "racine_activities"):
        assert counts[1.0][table] / counts[0.5][table] == pytest.approx(2, rel=0.15)
        assert counts[2.0][table] / counts[1.0][table] == pytest.approx(2, rel=0.15)
    assert counts[2.0]["version_deployments"] == counts[0.5]["version_deployments"]


def test_replaces_what_was_there_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a"
    small(path, START + timedelta(days=9))
    path.with_name("a-journal").write_bytes(b"left behind by a killed writer")
    result = small(path, START + timedelta(days=3))
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert result.path == str(path)
    assert result.start == START + timedelta(days=3 - 14)
    assert result.rows["racine_activities"] == len(content(path)["racine_activities"])
    assert result.incidents == len(content(path)["sample_labels"]) > 0


@pytest.mark.parametrize("content", ["text", "database", "a sample and more"])
def test_what_is_no_sample_is_never_replaced(tmp_path, content):
    path = tmp_path / "a"
    if content == "text":
        path.write_text("dear diary")
    if content == "a sample and more":
        small(path, START)
    if content != "text":
        with closing(sqlite3.connect(path)) as con:
            con.execute("CREATE TABLE thesis (chapter)")
    before = path.read_bytes()
    with pytest.raises(GovpulseError, match="exists and is not a sample; nothing was changed"):
        small(path, START)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_prepare_writes_first_and_advances_then(tmp_path):
    first = prepare_sample.fn(str(tmp_path), until=START)
    second = prepare_sample.fn(str(tmp_path), until=START + timedelta(hours=7))
    assert first.path == second.path == str(Home(tmp_path).sample)
    assert (first.start, first.until) == (second.start, START)
    assert second.until == START + timedelta(hours=7)
    assert second.rows["racine_activities"] > first.rows["racine_activities"]


def test_refusals_are_one_line_and_change_nothing(tmp_path):
    with pytest.raises(GovpulseError, match="there is no sample at "):
        advance_sample(tmp_path / "missing", until=START)
    with closing(sqlite3.connect(tmp_path / "other")) as database:
        database.execute("CREATE TABLE precious (x)")
    with pytest.raises(GovpulseError, match="is not a sample"):
        advance_sample(tmp_path / "other", until=START)
    (tmp_path / "text").write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(GovpulseError, match="file is not a database"):
        advance_sample(tmp_path / "text", until=START)
    with pytest.raises(GovpulseError, match="cannot write the sample"):
        small(tmp_path / "text" / "a", START)
    for options in ({"days": 0}, {"scale": 0}, {"scale": 101}, {"start": START + timedelta(days=1)}):
        with pytest.raises(GovpulseError, match="at least one day, a scale in"):
            write_sample(tmp_path / "a", until=START, **options)


def test_a_sample_of_another_generator_is_refused(tmp_path):
    small(tmp_path / "a", START)
    with closing(sqlite3.connect(tmp_path / "a")) as database, database:
        database.execute("UPDATE sample_meta SET value = '0' WHERE key = 'generator'")
    with pytest.raises(GovpulseError, match="another version"):
        advance_sample(tmp_path / "a", until=START + timedelta(days=1))
