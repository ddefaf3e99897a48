"""Extraction while others write: nothing lost, nothing doubled, nothing stale. The plain watermark, beside it, loses rows."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.loading import load_landed
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import read_progress
from tests.campaigns.acts import LIMITS, Acts, Writers
from tests.postgresql import PostgresServer

PULL_EVERY_SECONDS = 0.5


def pull(acts: Acts, overlap_seconds: float = 1.0) -> None:
    """What a run does."""
    home = str(acts.home.root)
    standing = read_progress.fn(home, limits=LIMITS, source=acts.source.name)
    extraction = extract_datasets.fn(
        home,
        source=acts.source,
        so_far=standing,
        overlap_seconds=overlap_seconds,
        extracted_at=datetime.now(UTC),
        report=lambda _: None,
    )
    assert extraction.failures == {}
    assert extraction.said is None or "transaction" in extraction.said
    load_landed.fn(home, limits=LIMITS)


class PlainWatermark:
    """What most tools do: read what is newer than the newest seen."""

    def __init__(self, acts: Acts) -> None:
        self.acts, self.rows, self.watermark = acts, {}, datetime(2000, 1, 1, tzinfo=UTC)

    def pull(self) -> None:
        columns = "id::text, version, (extract(epoch FROM updated_at) * 1000000)::bigint, updated_at"
        with self.acts.connect() as con:
            newer = con.execute(f"SELECT {columns} FROM acts WHERE updated_at > %s", [self.watermark])
            for key, version, microseconds, updated_at in newer:
                self.rows[key] = (key, version, microseconds)
                self.watermark = max(self.watermark, updated_at)

    def lost(self) -> int:
        return len({key for key, _, _ in self.acts.at_source()} - self.rows.keys())


def race(acts: Acts, *, seconds: float, hold_up_to: float, longest: float) -> PlainWatermark:
    """Write and extract at once for `seconds`, then once more in the quiet."""
    plain = PlainWatermark(acts)
    with Writers(acts, count=6, hold_up_to=hold_up_to, seed=3) as writers:
        ends = time.monotonic() + seconds
        writers.hold(longest)
        while time.monotonic() < ends:
            began = time.monotonic()
            plain.pull()
            pull(acts)
            time.sleep(max(0.0, PULL_EVERY_SECONDS - (time.monotonic() - began)))
    plain.pull()
    pull(acts)
    return plain


def test_a_change_whose_instant_lies_before_the_one_it_replaces_comes_through(postgres: PostgresServer, tmp_path: Path) -> None:
    """PostgreSQL's now() is the start of the transaction: one that began first and writes last stamps an instant that goes back."""
    acts = Acts(postgres, "going_back", tmp_path)
    with acts.connect() as early, acts.connect() as late:
        early.execute("BEGIN")
        early.execute("SELECT now()")
        late.execute("INSERT INTO acts DEFAULT VALUES")
        pull(acts)
        early.execute("UPDATE acts SET version = 2, updated_at = now()")
        early.execute("COMMIT")
    pull(acts)
    acts.assert_agrees()


def test_extraction_among_open_transactions_loses_nothing_where_the_plain_watermark_does(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    acts = Acts(postgres, "races", tmp_path)
    plain = race(acts, seconds=7.0, hold_up_to=2.0, longest=5.0)
    acts.assert_agrees()
    assert plain.lost() > 0, "the set-up does not bite"


@pytest.mark.campaign
def test_extraction_among_transactions_of_up_to_a_minute_loses_nothing(postgres: PostgresServer, tmp_path: Path) -> None:
    acts = Acts(postgres, "long_races", tmp_path)
    plain = race(acts, seconds=75.0, hold_up_to=3.0, longest=60.0)
    acts.assert_agrees()
    rows = len(acts.at_source())
    print(f"{rows} rows; the plain watermark lost {plain.lost()} of them, {plain.lost() / rows:.1%}")
    assert plain.lost() / rows > 0.01
