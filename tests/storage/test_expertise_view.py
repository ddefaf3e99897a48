"""The view of scores outlives compaction and backup, and is a table, with a macro beside it, in the file that users open."""

import duckdb
import pytest

from storage.catalogue import TABLES
from storage.frames import registered
from storage.maintenance import compact
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
from tests.acts import act_rows, ago, scores_now
from tests.backups import back_up_now, restore_now

ACTS = [
    {"domain": "finance.ledger", "action": "create"},
    {"domain": "finance.ledger", "user_id": "bob", "occurred_at": ago(days=1)},
    *({"domain": "finance.ledger", "user_id": f"u{number}", "occurred_at": ago(days=1000 + number)} for number in range(20)),
    {"domain": "hr", "user_id": "eve"},
]


@pytest.fixture
def scored(home):
    """A home with scores."""
    with warehouse(home) as con:
        with registered(con, "given", act_rows(ACTS)):
            con.execute("INSERT INTO raw.activity BY NAME FROM given")
        scores_now(con)
    return home


def rows(con):
    return con.sql("SELECT * FROM insights.expertise_scores ORDER BY domain, user_id").fetchall()


def test_compaction_keeps_the_view(scored):
    with warehouse(scored) as con:
        before = rows(con)
        compact(con, scored)
    with warehouse(scored) as con:
        assert len(before) == 22 + 22 + 1 + 23
        assert rows(con) == before


def test_a_backup_holds_as_many_scores(scored):
    with warehouse(scored) as con:
        before = rows(con)
    back_up_now(scored)
    restore_now(scored)
    with warehouse(scored) as con:
        assert rows(con) == before


def test_users_get_a_table_with_its_comments(scored):
    with warehouse(scored) as con:
        before = rows(con)
        publish(con, scored)
    with duckdb.connect(str(scored.published), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        assert rows(con) == before
        table = TABLES["insights.expertise_scores"]
        found = con.sql("SELECT comment FROM duckdb_tables() WHERE table_name = 'expertise_scores'").fetchall()
        assert found == [(table.description,)]


def test_whom_to_ask_about_a_domain(scored):
    """Ann created it, bob was in it yesterday, after others; of those with one act each the latest are at hand."""
    with warehouse(scored) as con:
        publish(con, scored)
    with duckdb.connect(str(scored.published), read_only=True) as con:
        asked = con.sql("SELECT user_id, knowledge_rank, availability_rank FROM insights.ask_expert('finance.ledger')").fetchall()
        assert asked[:2] == [("ann", 1, 2), ("bob", 22, 1)]
        assert {user for user, _, rank in asked if rank <= 5} == {"ann", "bob", "u0", "u1", "u2"}
        assert con.sql("SELECT user_id FROM insights.ask_expert('hr')").fetchall() == [("eve",)]
        assert con.sql("FROM insights.ask_expert('nowhere')").fetchall() == []
        assert con.sql("SELECT DISTINCT domain FROM insights.ask_expert('finance')").fetchall() == [("finance",)]
