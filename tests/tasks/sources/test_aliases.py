"""The operator's own file of aliases, by a clock that is put back."""

from datetime import UTC, datetime, timedelta

from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.aliases import read_aliases
from tests.homes import migrated_home

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LIMITS = Limits(30.0, 1, "500MB")


def test_a_file_that_was_changed_while_the_clock_is_behind_counts(tmp_path):
    home, file = migrated_home(tmp_path / "home"), tmp_path / "people.csv"
    for clock, people in ((NOON, "a,x\nb,y\n"), (NOON - timedelta(days=1), "a,z\n")):
        file.write_text(f"user_id,person_id\n{people}")
        read_aliases.fn(str(home.root), limits=LIMITS, path=str(file), seen_at=clock)
        with warehouse(home, LIMITS) as con:
            load_landing(con, home)
            known = con.sql("SELECT user_id, person_id, is_deleted FROM raw.people ORDER BY user_id").fetchall()
    assert known == [("a", "z", False), ("b", "y", True)]
