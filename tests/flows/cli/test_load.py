"""`govpulse load`: files into the warehouse, safe to repeat, with a word on what was refused."""

from pathlib import Path

import pytest

GOOD = "user_id,role,updated_at\nu1,admin,2026-03-01T10:00:00Z\nu2,,2026-03-01T11:00:00Z\n"
BAD = "user_id,role,updated_at\nu1,admin,2026-03-01T10:00:00Z\nu3,viewer,soon\n"
COUNTS = "SELECT (SELECT count(*) FROM raw.users) AS users, (SELECT count(*) FROM ops.rejected_rows) AS rejected"


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


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
        ("people", "a.csv", GOOD, 2, "there are scans, deployments, activity, users"),
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
