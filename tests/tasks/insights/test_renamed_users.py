"""A user whom the platform renamed, and whose ids a mapping brings together, is one user."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from flows.settings import ExpertiseSettings
from storage.frames import fetch
from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.expertise_scores import EXPERTISE_SCORES
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import read_progress
from tests.insights import compute_table

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PLATFORM = """
CREATE TABLE acts (id, who, what, area, happened);
CREATE TABLE aliases (old, new);
INSERT INTO acts VALUES (1, 'ann.smith', 'create', 'sales', '2026-03-01 10:00:00'),
                        (2, 'ann.jones', 'update', 'sales', '2026-03-02 10:00:00'),
                        (3, 'bob', 'update', 'sales', '2026-03-03 10:00:00');
INSERT INTO aliases VALUES ('ann.smith', 'ann.jones');
"""
ACTIVITY = """
SELECT id AS activity_id, coalesce(aliases.new, who) AS user_id, NULL AS workspace_id, NULL AS activity_type, what AS action,
    area AS domain, NULL AS resource_type, NULL AS resource_id, NULL AS operation, NULL AS item_count, NULL AS domain_count,
    'succeeded' AS status, NULL AS duration_seconds, happened AS occurred_at, happened AS updated_at
FROM acts LEFT JOIN aliases ON aliases.old = who
"""


def test_acts_under_both_ids_are_one_users(home: Home, tmp_path: Path) -> None:
    path, mapping = tmp_path / "platform.sqlite", tmp_path / "mine"
    with closing(sqlite3.connect(path)) as con, con:
        con.executescript(PLATFORM)
    mapping.mkdir()
    (mapping / "activity.sql").write_text(ACTIVITY)
    source = Source("mine", Address("sqlite", str(path)), str(mapping))
    standing = read_progress.fn(str(home.root), limits=LIMITS, source="mine")
    extract_datasets.fn(
        str(home.root), source=source, so_far=standing, overlap_seconds=300.0, extracted_at=NOON, report=lambda progress: None
    )
    with warehouse(home, LIMITS) as con:
        assert load_landing(con, home).rejected == 0
    compute_table(EXPERTISE_SCORES, str(home.root), limits=LIMITS, as_of=NOON, rules=ExpertiseSettings().rules)
    with warehouse(home, LIMITS) as con:
        rows = fetch(con, "SELECT user_id, events, knowledge FROM insights.expertise_scores WHERE NOT is_rollup ORDER BY 1").rows()
    assert [row[:2] for row in rows] == [("ann.jones", 2), ("bob", 1)]
    assert 4.9 < rows[0][2] <= 5.0 > rows[1][2]  # a creation and another act of the day; older ones have faded
