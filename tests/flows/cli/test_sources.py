"""Two databases with the same ids never meet, what is left of one is said, and one that moved goes on under its new name."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from flows.settings import load_settings
from flows.sources import source_of
from tasks.loading import load_landed
from tasks.sources.aliases import read_aliases
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import SourceProgress, read_progress

SCAN = (
    "SELECT id AS scan_id, NULL AS name, 'crm' AS data_source, 'full' AS scan_type, status, status AS source_status,"
    " '2026-03-01T10:00:00Z' AS queued_at, NULL AS started_at, NULL AS finished_at, NULL AS assets_scanned,"
    " NULL AS issues_found, NULL AS triggered_by, NULL AS error_message, '2026-03-01T10:00:00Z' AS updated_at FROM scan"
)
ROWS = "SELECT scan_id, status FROM raw.scans ORDER BY ALL"


@pytest.fixture
def use(tmp_path, monkeypatch):
    """Make a database of one scan, number 1, and let the settings name it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "scans.sql").write_text(SCAN)
    monkeypatch.setenv("GOVPULSE_SOURCE__KIND", "sqlite")
    monkeypatch.setenv("GOVPULSE_SOURCE__MAPPING", str(tmp_path / "mine"))

    def use_database(name: str, status: str) -> None:
        with closing(sqlite3.connect(tmp_path / name)) as con, con:
            con.execute("CREATE TABLE scan (id INTEGER, status TEXT)")
            con.execute("INSERT INTO scan VALUES (1, ?)", [status])
        monkeypatch.setenv("GOVPULSE_SOURCE__URL", str(tmp_path / name))

    return use_database


def extract() -> SourceProgress:
    """Read the source into the warehouse; returns how it stood before."""
    settings = load_settings()
    settings.folder.create()
    source, root = source_of(settings.source), str(settings.folder.root)
    standing = read_progress.fn(root, limits=settings.limits, source=source.name)
    found = extract_datasets.fn(
        root, source=source, so_far=standing, overlap_seconds=0.0, extracted_at=datetime.now(UTC), report=lambda _: None
    )
    assert found.failures == {}
    load_landed.fn(root, limits=settings.limits)
    return standing


def ask(govpulse, sql: str) -> list[str]:
    return govpulse("query", "--private", sql, "--format", "csv").out.splitlines()[1:]


def test_a_database_at_another_place_is_another_source_and_may_go_on_as_it(govpulse, use) -> None:
    use("one.sqlite", "running")
    assert extract().others_left == ""
    use("two.sqlite", "succeeded")
    extract()
    assert ask(govpulse, ROWS) == ["1,running", "1,succeeded"]
    left = extract().others_left
    (old,) = ask(govpulse, "SELECT source FROM raw.scans WHERE status = 'running'")
    (new,) = ask(govpulse, "SELECT source FROM raw.scans WHERE status = 'succeeded'")
    assert old in left
    assert new not in left
    listed = govpulse("sources", "list").out
    assert f"{old}  1 row  last seen" in listed
    assert f"{new}  1 row  last seen" in listed
    assert govpulse("sources", "rename", old, new).code == 0
    assert ask(govpulse, ROWS) == ["1,succeeded"], "the newest look at it"
    assert extract().others_left == ""


def test_a_source_may_have_a_name_of_its_own(govpulse, use, monkeypatch) -> None:
    monkeypatch.setenv("GOVPULSE_SOURCE__NAME", "catalog")
    use("one.sqlite", "running")
    extract()
    assert ask(govpulse, "SELECT DISTINCT source FROM raw.scans") == ["catalog"]


def test_an_unknown_source_is_said_in_one_line(fails) -> None:
    assert "no source nobody has any rows" in fails(1, "sources", "rename", "nobody", "somebody")


def read_own_aliases(path) -> None:
    settings = load_settings()
    settings.folder.create()
    root = str(settings.folder.root)
    read_aliases.fn(root, limits=settings.limits, path=str(path), seen_at=datetime.now(UTC))
    load_landed.fn(root, limits=settings.limits)


PEOPLE = "SELECT user_id, person_id FROM raw.people WHERE NOT is_deleted ORDER BY ALL"


def test_the_file_of_aliases_is_all_there_is(govpulse, tmp_path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("user_id,person_id\nann.old,ann\nbob.old,bob\neve.old,eve\n")
    read_own_aliases(path)
    assert ask(govpulse, PEOPLE) == ["ann.old,ann", "bob.old,bob", "eve.old,eve"]
    path.write_text("user_id,person_id,is_bot\nann.old,ann,\n")
    for _ in range(2):
        read_own_aliases(path)
        assert ask(govpulse, PEOPLE) == ["ann.old,ann"]
