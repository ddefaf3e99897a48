"""A copy of the warehouse from any moment, with the journal played on it, is the warehouse: in all that nobody can make anew, in
raw and in the ledger, to the last column."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from storage.journal_files import damage_in_journal
from tests.homes import migrated_home
from tests.journal_acts import ACTS, MOST, content_of, copy_warehouse, perform, replayed

STEPS = st.lists(st.tuples(st.sampled_from([*MOST, *ACTS]), st.integers(0, 60)), min_size=1, max_size=14)


@given(steps=STEPS, moment=st.integers(0, 13))
def test_a_copy_of_any_moment_and_the_journal_are_the_warehouse(steps, moment):
    with TemporaryDirectory() as folder:
        home, copy = migrated_home(Path(folder) / "home"), Path(folder) / "copy.duckdb"
        for place, (kind, number) in enumerate(steps):
            if place == min(moment, len(steps) - 1):
                copy_warehouse(home, copy)
            perform(home, kind, number)
        assert damage_in_journal(home) == []
        done, found = replayed(home, copy)
        assert done.lost == []
        assert found == content_of(home)
