"""`govpulse load`: files into the warehouse, safe to repeat, with a word on what was refused."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.settings import load_settings
from flows.sources import source_of
from storage.intake import contract
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import SourceProgress
from tests.homes import migrated_home

GOOD = "user_id,role,updated_at\nu1,admin,2026-03-01T10:00:00Z\nu2,,2026-03-01T11:00:00Z\n"
BAD = "user_id,role,updated_at\nu1,admin,2026-03-01T10:00:00Z\nu3,viewer,soon\n"
COUNTS = "SELECT (SELECT count(*) FROM raw.users) AS users, (SELECT count(*) FROM ops.rejected_rows) AS rejected"


@pytest.fixture(autouse=True)
def migrated(home: Path) -> None:
    migrated_home(home)


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def extract(folder: Path) -> None:
    """Land what the source in the settings has."""
    extraction = extract_datasets.fn(
        str(folder / "data"), source=source_of(load_settings().source), so_far=SourceProgress({}), overlap_seconds=0.0,
        extracted_at=datetime.now(UTC), report=lambda _: None,
    )  # fmt: skip
    assert extraction.failures == {}


def counts(govpulse) -> str:
    return govpulse("query", "--private", COUNTS, "--format", "csv").out.splitlines()[1]


def test_loading_twice_gives_the_same_rows(govpulse, tmp_path) -> None:
    path = write(tmp_path, "users.csv", GOOD)
    for _ in range(2):
        outcome = govpulse("load", "users", path)
        assert (outcome.code, outcome.err) == (0, "")
        assert "2 rows" in outcome.out
        assert "0 rejected" in outcome.out
        assert counts(govpulse) == "2,0"


@pytest.mark.parametrize(("kind", "hour"), [("files", 8), ("none", 10)])
def test_a_file_means_the_same_as_in_the_folder_of_the_source(govpulse, tmp_path, monkeypatch, kind, hour) -> None:
    monkeypatch.setenv("GOVPULSE_SOURCE__KIND", kind)
    monkeypatch.setenv("GOVPULSE_SOURCE__URL", str(tmp_path))
    monkeypatch.setenv("GOVPULSE_SOURCE__TIMEZONE", "Europe/Berlin")
    govpulse("load", "users", write(tmp_path, "users.csv", "user_id,updated_at\nu1,2026-06-01 10:00\n"))
    said = "SELECT hour(CAST(updated_at AS TIMESTAMP)) AS hour FROM raw.users"
    assert govpulse("query", "--private", said, "--format", "csv").out.splitlines() == ["hour", str(hour)]


def test_owners_are_merged(govpulse, tmp_path) -> None:
    for rows in ("finance,u1\nhr,u1\n", "finance,u2\nhr,u1\nhr,u1\n"):
        outcome = govpulse("load", "owners", write(tmp_path, "owners.csv", "domain,user_id\n" + rows))
        assert (outcome.code, outcome.err) == (0, "")
        assert "0 rejected" in outcome.out
    owners = "SELECT domain, user_id, source FROM raw.owners WHERE NOT is_deleted ORDER BY ALL"
    found = govpulse("query", "--private", owners, "--format", "csv").out.splitlines()[1:]
    assert found == ["finance,u1,load", "finance,u2,load", "hr,u1,load"]


@pytest.mark.slow
def test_refused_owners_are_read_again_with_all_others(govpulse, tmp_path) -> None:
    with closing(sqlite3.connect(tmp_path / "platform.sqlite")) as con, con:
        con.execute("CREATE TABLE stewards (area, person)")
        con.execute("INSERT INTO stewards VALUES ('finance', 'u1'), ('hr', NULL), (NULL, 'u3')")
    (tmp_path / "mapping").mkdir()
    mapping = tmp_path / "mapping" / "owners.sql"
    mapping.write_text("SELECT area AS domain, person AS user_id FROM stewards")
    (tmp_path / "govpulse.toml").write_text('[source]\nkind = "sqlite"\nurl = "platform.sqlite"\nmapping = "./mapping"\n')
    extract(tmp_path)
    counts = "SELECT (SELECT count(*) FROM raw.owners) AS owners, (SELECT count(*) FROM ops.rejected_rows) AS rejected"
    govpulse("load", "owners", write(tmp_path, "none.csv", "domain,user_id\n"))
    assert govpulse("query", "--private", counts, "--format", "csv").out.splitlines()[1] == "1,2"
    mapping.write_text("SELECT area AS domain, coalesce(person, 'u9') AS user_id FROM stewards")
    assert govpulse("load", "--rejected", "owners").out.splitlines()[0] == "raw.owners: 2 rejected before, 1 now"
    assert govpulse("query", "--private", counts, "--format", "csv").out.splitlines()[1] == "2,1"


def test_several_files_at_once(govpulse, tmp_path) -> None:
    more = write(tmp_path, "b.ndjson", '{"user_id": "u9", "updated_at": "2026-03-01T10:00:00Z"}\n')
    assert govpulse("load", "users", write(tmp_path, "a.csv", GOOD), more).code == 0
    assert counts(govpulse) == "3,0"


def test_rejected_rows_are_said_with_the_way_to_the_reasons(govpulse, tmp_path) -> None:
    for _ in range(2):
        outcome = govpulse("load", "users", write(tmp_path, "users.csv", BAD))
        assert "1 rejected" in outcome.out
        assert "ops.rejected_rows" in outcome.out
        assert counts(govpulse) == "1,1"
    reasons = govpulse("query", "--private", "SELECT key, reason FROM ops.rejected_rows", "--format", "csv").out
    assert "u3" in reasons
    assert "updated_at is not a timestamp: soon" in reasons


@pytest.mark.parametrize(
    ("dataset", "name", "text", "code", "said"),
    [
        ("staff", "a.csv", GOOD, 2, "there are scans, deployments, activity, users, owners"),
        ("users", "a.xlsx", GOOD, 1, ".parquet, .csv"),
        ("users", "a.csv", "user_id\nu1\n", 1, "needs the column updated_at"),
        ("users", "a.parquet", "no parquet", 1, "cannot read"),
    ],
    ids=["dataset", "suffix", "column", "damaged"],
)
def test_what_cannot_be_loaded_is_said(govpulse, fails, tmp_path, dataset, name, text, code, said) -> None:
    assert said in fails(code, "load", dataset, write(tmp_path, name, text))
    assert counts(govpulse) == "0,0"


def test_a_missing_file_is_said(fails, tmp_path) -> None:
    assert "none.csv does not exist" in fails(1, "load", "users", str(tmp_path / "none.csv"))


def test_one_bad_file_does_not_keep_the_others_out(govpulse, tmp_path) -> None:
    good = write(tmp_path, "good.csv", GOOD)
    outcome = govpulse("load", "users", str(tmp_path / "nowhere.csv"), good)
    assert outcome.code == 1
    assert outcome.err.splitlines() == [f"govpulse: {tmp_path / 'nowhere.csv'} does not exist"]
    assert counts(govpulse) == "2,0"


def test_who_loaded_what_is_in_the_audit_log(govpulse, tmp_path) -> None:
    path = write(tmp_path, "users.csv", GOOD)
    govpulse("load", "users", path)
    logged = govpulse("query", "--private", "SELECT action, detail, actor <> '' AS by FROM ops.audit_log", "--format", "csv")
    assert logged.out.splitlines()[1] == f"load,users: {path},true"


def test_a_file_cannot_pass_its_rows_off_as_another_source(govpulse, tmp_path) -> None:
    govpulse("load", "users", write(tmp_path, "users.csv", "user_id,source,updated_at\nu1,sample,2026-03-01T10:00:00Z\n"))
    assert govpulse("query", "--private", "SELECT source FROM raw.users", "--format", "csv").out.splitlines()[1] == "load"


def test_a_row_mended_and_loaded_again_is_no_longer_refused(govpulse, tmp_path) -> None:
    govpulse("load", "users", write(tmp_path, "users.csv", BAD))
    govpulse("load", "users", write(tmp_path, "mended.csv", "user_id,role,updated_at\nu3,viewer,2026-03-01T10:00:00Z\n"))
    assert counts(govpulse) == "2,0"


@pytest.mark.slow
def test_rejected_rows_are_tried_again_as_they_were_kept(govpulse, tmp_path, monkeypatch) -> None:
    """The fix is in the contract: what it refused before it takes now; what it still refuses stays, once."""
    rows = '{"user_id": "u1", "team": "t", "preferences": {"a": [1]}, "updated_at": "2026-03-01T10:00:00Z"}\n'
    rows += '{"user_id": "u2", "team": "t", "updated_at": "soon"}\n'
    monkeypatch.setattr(contract, "LONGEST_TEXT_BYTES", 0)
    govpulse("load", "users", write(tmp_path, "users.ndjson", rows))
    assert counts(govpulse) == "0,2"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        outcome = govpulse("load", "--rejected")
        assert outcome.code == 0, outcome.err
        assert counts(govpulse) == "1,1"
    assert outcome.out.splitlines()[0] == "raw.users: 1 rejected before, 1 now"
    kept = govpulse("query", "--private", "SELECT CAST(preferences AS VARCHAR) AS p, source FROM raw.users", "--format", "csv")
    assert kept.out.splitlines()[1] == '"{""a"":[1]}",load'


def test_rejected_rows_of_the_source_are_read_again_through_the_mended_mapping(govpulse, tmp_path) -> None:
    with closing(sqlite3.connect(tmp_path / "platform.sqlite")) as con, con:
        con.execute("CREATE TABLE people (id, active, updated_at)")
        con.execute("INSERT INTO people VALUES ('u1', 'on', '2026-03-01'), ('u2', 'off', '2026-03-01'), (NULL, 'on', '2026-03-01')")
    (tmp_path / "mapping").mkdir()
    select = (
        "SELECT id AS user_id, NULL AS role, NULL AS team, {} AS is_active, '{{}}' AS preferences, NULL AS created_at, updated_at"
    )
    mapping = tmp_path / "mapping" / "users.sql"
    mapping.write_text(select.format("active") + " FROM people")
    (tmp_path / "govpulse.toml").write_text('[source]\nkind = "sqlite"\nurl = "platform.sqlite"\nmapping = "./mapping"\n')
    extract(tmp_path)
    govpulse("load", "users", write(tmp_path, "none.csv", "user_id,updated_at\n"))
    assert counts(govpulse) == "0,3"
    mapping.write_text(select.format("CASE active WHEN 'on' THEN 'true' ELSE 'false' END") + " FROM people")
    assert govpulse("load", "--rejected", "users").out.splitlines()[0] == "raw.users: 3 rejected before, 1 now"
    assert counts(govpulse) == "2,1"


def test_nothing_refused_is_said(govpulse) -> None:
    assert govpulse("load", "--rejected").out == "no rejected rows are left\n"


@pytest.mark.parametrize("arguments", [(), ("users",), ("--rejected", "users", "a.csv")], ids=["nothing", "no files", "both"])
def test_either_files_or_what_was_refused(fails, arguments) -> None:
    assert "give a dataset and its files, or --rejected" in fails(2, "load", *arguments)
