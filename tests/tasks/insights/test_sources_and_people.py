"""Several sources, ids that are one person's, teams that own, and rows of which the newest state was refused."""

from datetime import timedelta

import pytest

from storage.catalogue import TABLES
from storage.frames import fetch
from tasks.insights.active_scans import ACTIVE_SCANS, judge
from tasks.insights.deployment_metrics import DEPLOYMENT_METRICS, derive_metrics
from tasks.insights.macros import define_macros
from tasks.insights.scan_performance import SCAN_PERFORMANCE, derive_performance
from tests.acts import AS_OF, act_rows, ago, put_rows, scores_of
from tests.insight_rows import insert
from tests.insights import SHIPPED

QUEUE = {"queue_bound_seconds": 604_800.0}
HOUR = timedelta(hours=1)


@pytest.fixture
def con(con):
    define_macros(con)
    con.execute("BEGIN")
    yield con
    con.execute("ROLLBACK")


def scan(number, source="a", **changes):
    """One of ten minutes, asked for `number` hours ago."""
    asked = AS_OF - number * HOUR
    row = {
        "scan_id": f"s{number}", "source": source, "data_source": "crm", "scan_type": "full", "status": "succeeded",
        "queued_at": asked, "started_at": asked + timedelta(seconds=30), "finished_at": asked + timedelta(minutes=10, seconds=30),
        "updated_at": asked + timedelta(minutes=11), "extracted_at": AS_OF,
    }  # fmt: skip
    return row | changes


def running(number, **changes):
    return scan(number, status="running", finished_at=None, **changes)


def refused(dataset, key, reason, source="a", seen_at=AS_OF + HOUR):
    return {
        "rejected_id": f"{dataset}{key}", "dataset": dataset, "key": key, "reason": reason, "row": "{}", "source": source,
        "rejected_at": seen_at, "seen_at": seen_at,
    }  # fmt: skip


def put(con, table, *rows):
    insert(con, TABLES[table], *rows)


def active(con, as_of=AS_OF + 2 * HOUR):
    return judge(ACTIVE_SCANS.read(con, {"as_of": as_of, "window_days": 90, **QUEUE}))


class TestSeveralSources:
    def test_scans_of_one_id_are_told_apart_and_the_first_keeps_the_short_name(self, con):
        put(con, "raw.scans", running(3, source="b"), running(2, scan_id="s3", source="a"), running(1))
        rows = active(con).sort("subject").select("scan_id", "source", "subject").rows()
        assert rows == [("s1", "a", "s1"), ("s3", "b", "s3"), ("s3", "a", "s3 (a)")]

    def test_the_first_keeps_it_when_it_is_over(self, con):
        put(con, "raw.scans", scan(3, source="b"), running(2, scan_id="s3", source="a"))
        assert active(con)["subject"].to_list() == ["s3 (a)"]

    def test_each_source_is_judged_as_of_the_time_that_it_was_read_last(self, con):
        put(con, "raw.scans", *(scan(number) for number in range(10, 40)))
        put(con, "raw.scans", running(2, extracted_at=AS_OF - HOUR, source="silent"), running(2, extracted_at=AS_OF + HOUR))
        evidence = dict(active(con).select("source", "evidence").rows())
        assert "judged as of 3 h ago" in evidence["silent"]
        assert "judged as of 1 h ago" in evidence["a"]

    def test_attempts_of_two_sources_are_no_retries_of_each_other(self, con):
        attempt = {
            "deployment_id": "1", "service": "api", "environment": "production", "version": "1", "status": "succeeded",
            "started_at": ago(hours=2), "finished_at": ago(hours=1), "updated_at": ago(hours=1), "extracted_at": AS_OF,
        }  # fmt: skip
        put(con, "raw.deployments", attempt | {"source": "a"}, attempt | {"source": "b"})
        (row,) = metrics(con).filter(service="api", environment="production").iter_rows(named=True)
        assert (row["deployments"], row["attempts"]) == (2, 2)


def metrics(con, **changes):
    given = {
        "as_of": AS_OF + 2 * HOUR, "window_days": 90, "gap_seconds": 3600.0, "bound_seconds": 86_400.0,
        "lead_bound_seconds": 31_536_000.0, "rework_seconds": 86_400.0,
        "environments": SHIPPED.insights.environment_names, "link_seconds": 86_400.0,
    } | changes  # fmt: skip
    return derive_metrics(DEPLOYMENT_METRICS.read(con, given), given["as_of"], 90)


class TestOutdated:
    def test_a_scan_whose_end_was_refused_is_judged_by_nothing(self, con):
        put(con, "raw.scans", *(scan(number) for number in range(10, 40)), running(9))
        assert active(con)["verdict"].to_list() == ["probably_dead"]
        put(con, "ops.rejected_rows", refused("scans", "s9", "finished before it started"))
        (row,) = active(con).iter_rows(named=True)
        assert (row["verdict"], row["dead_probability"], row["no_finish_reason"]) == ("outdated", None, "outdated")
        assert row["evidence"] == "it has been running for 11 h; its newest version was rejected: finished before it started"

    @pytest.mark.parametrize(
        "of_another",
        [{"source": "b"}, {"dataset": "deployments"}, {"key": "s8"}, {"seen_at": ago(days=30), "rejected_at": ago(days=30)}],
    )
    def test_what_was_refused_of_another_or_before_says_nothing(self, con, of_another):
        put(con, "raw.scans", *(scan(number) for number in range(10, 40)), running(9))
        put(con, "ops.rejected_rows", refused("scans", "s9", "finished before it started") | of_another)
        assert active(con)["verdict"].to_list() == ["probably_dead"]

    def test_before_it_was_refused_it_was_as_it_seemed(self, con):
        put(con, "raw.scans", *(scan(number) for number in range(10, 40)), running(9))
        put(con, "ops.rejected_rows", refused("scans", "s9", "finished before it started"))
        assert active(con, as_of=AS_OF + HOUR)["verdict"].to_list() == ["probably_dead"]

    def test_it_is_in_no_rate_and_counted(self, con):
        put(con, "raw.scans", *(scan(number) for number in range(10, 40)))
        put(con, "ops.rejected_rows", refused("scans", "s12", "status is not one of ..."))
        given = {"as_of": AS_OF + 2 * HOUR, "window_days": 90, **QUEUE}
        (row,) = derive_performance(SCAN_PERFORMANCE.read(con, given)).iter_rows(named=True)
        assert (row["runs"], row["outdated"]) == (29, 1)

    def test_a_deployment_too(self, con):
        attempts = [
            {
                "deployment_id": str(number), "source": "a", "service": "api", "environment": "production", "version": str(number),
                "status": "succeeded", "started_at": ago(hours=number + 1), "finished_at": ago(hours=number), "extracted_at": AS_OF,
                "updated_at": ago(hours=number),
            }
            for number in range(3)
        ]  # fmt: skip
        put(con, "raw.deployments", *attempts)
        put(con, "ops.rejected_rows", refused("deployments", "1", "finished before it started"))
        (row,) = metrics(con).filter(service="api", environment="production").iter_rows(named=True)
        assert (row["deployments"], row["outdated"]) == (2, 1)

    def test_nobody_has_left_whose_newest_state_is_not_known(self, con):
        put(
            con,
            "raw.users",
            {"user_id": "ann", "source": "a", "is_active": False, "updated_at": ago(days=1), "extracted_at": AS_OF},
        )
        known = "SELECT is_active FROM known_users($as_of)"
        assert fetch(con, known, {"as_of": AS_OF + 2 * HOUR}).rows() == [(False,)]
        put(con, "ops.rejected_rows", refused("users", "ann", "preferences is not valid JSON"))
        assert fetch(con, known, {"as_of": AS_OF + 2 * HOUR}).rows() == [(True,)]


class TestBounds:
    @pytest.mark.parametrize(
        ("waited", "known", "left"),
        [(timedelta(0), 1, 0), (timedelta(days=7), 1, 0), (timedelta(days=7, seconds=1), 0, 1), (timedelta(seconds=-1), 0, 1)],
    )
    def test_of_times_in_a_queue(self, con, waited, known, left):
        put(con, "raw.scans", scan(0, started_at=AS_OF + timedelta(minutes=1), queued_at=AS_OF + timedelta(minutes=1) - waited))
        given = {"as_of": AS_OF + 2 * HOUR, "window_days": 90, **QUEUE}
        (row,) = derive_performance(SCAN_PERFORMANCE.read(con, given)).iter_rows(named=True)
        assert (row["queue_times"], row["queue_out_of_bounds"]) == (known, left)

    def test_a_scan_that_ended_just_before_it_began_has_no_running_time(self, con):
        put(con, "raw.scans", scan(1, finished_at=AS_OF - HOUR + timedelta(seconds=29, microseconds=500_000)))
        given = {"as_of": AS_OF + 2 * HOUR, "window_days": 90, **QUEUE}
        (row,) = derive_performance(SCAN_PERFORMANCE.read(con, given)).iter_rows(named=True)
        assert (row["runs"], row["run_times"], row["run_out_of_bounds"]) == (1, 0, 1)

    @pytest.mark.parametrize(("committed", "known", "left"), [(ago(days=365), 1, 0), (ago(days=366), 0, 1), (ago(hours=-1), 0, 1)])
    def test_of_lead_times(self, con, committed, known, left):
        attempt = {
            "deployment_id": "1", "source": "a", "service": "api", "environment": "production", "version": "1",
            "status": "succeeded", "committed_at": committed, "started_at": ago(minutes=5), "finished_at": ago(minutes=1),
            "updated_at": ago(minutes=1), "extracted_at": AS_OF,
        }  # fmt: skip
        put(con, "raw.deployments", attempt)
        (row,) = (
            metrics(con, lead_bound_seconds=365 * 86_400.0).filter(service="api", environment="production").iter_rows(named=True)
        )
        assert (row["lead_times"], row["lead_out_of_bounds"]) == (known, left)


def person(user_id, person_id, **more):
    return {"user_id": user_id, "person_id": person_id, "source": "aliases", "is_deleted": False, **more}


def persons(con):
    return dict(con.sql("SELECT user_id, person_id FROM persons()").fetchall())


class TestPeople:
    @pytest.mark.parametrize(
        ("given", "found"),
        [
            ({}, {}),
            ({"a": "b"}, {"a": "b"}),
            ({"a": "a"}, {}),
            ({"a": "b", "b": "c"}, {"a": "c", "b": "c"}),
            ({"a": "b", "b": "a"}, {"a": "a", "b": "a"}),
            ({"a": "c", "b": "c"}, {"a": "c", "b": "c"}),
            ({"x": "b", "b": "a", "a": "b"}, {"x": "a", "b": "a", "a": "a"}),
        ],
        ids=["nobody", "one", "oneself", "chain", "circle", "two", "into a circle"],
    )
    def test_ids_go_by_one(self, con, given, found):
        put(con, "raw.people", *(person(user, other) for user, other in given.items()))
        assert persons(con) == found

    def test_the_acts_of_two_ids_count_as_one_persons(self, con):
        acts = [{"user_id": user, "occurred_at": ago(days=day)} for user in ("ann.old", "ann") for day in (1, 40)]
        put(con, "raw.people", person("ann.old", "ann"))
        one = [act | {"user_id": "ann"} for act in acts]
        columns = ["domain", "user_id", "knowledge", "knowledge_share", "events", "last_active_at"]
        assert scored(con, acts).select(columns).equals(scored(con, one).select(columns))

    def test_a_rename_is_no_departure(self, con):
        put(con, "raw.people", person("ann.old", "ann"))
        gone = {"user_id": "ann.old", "source": "a", "is_active": False, "role": "admin", "updated_at": ago(days=1)}
        put(con, "raw.users", gone, {"user_id": "ann", "source": "a", "role": "steward", "updated_at": ago(days=9)})
        row = fetch(con, "SELECT user_id, role, is_active, is_deleted FROM known_users($as_of)", {"as_of": AS_OF})
        assert row.rows() == [("ann", "steward", True, False)]

    @pytest.mark.parametrize(
        ("table", "said"), [("raw.users", {"source": "a", "updated_at": AS_OF}), ("raw.people", {"source": "aliases"})]
    )
    def test_a_machine_is_nobody(self, con, table, said):
        put(con, table, {"user_id": "etl", "is_bot": True, **said})
        assert scored(con, [{"user_id": "etl"}])["is_bot"].to_list() == [True, True]

    def test_sums_are_made_anew_once_two_ids_are_one(self, con):
        acts = [{"user_id": user, "occurred_at": ago(days=40)} for user in ("ann.old", "ann")]
        put_rows(con, "raw.activity", act_rows(acts))
        assert set(scores_of(con)["user_id"]) == {"ann.old", "ann"}
        put(con, "raw.people", person("ann.old", "ann"))
        assert set(scores_of(con)["user_id"]) == {"ann"}


def scored(con, acts):
    con.execute("DELETE FROM raw.activity")
    put_rows(con, "raw.activity", act_rows(acts))
    return scores_of(con)
