"""What holds of the scores whatever was done: order, one more act, bulk acts, what comes after as_of, and sums that are carried."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flows.settings import ExpertiseSettings
from storage.frames import fetch
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.expertise_scores import EXPERTISE_SCORES
from tests.acts import AS_OF, act_rows, ago, scores
from tests.homes import migrated_home
from tests.insights import compute_table

EXAMPLES = 12
LIMITS = Limits(lock_timeout_seconds=10.0, threads=2)
RULES = ExpertiseSettings().rules
folders = count()

acts = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["ann", "bob", "eve", None]),
        "domain": st.sampled_from(["hr", "finance", "finance.tax", None]),
        "action": st.sampled_from(["create", "update", "coauthor", None]),
        "status": st.sampled_from(["succeeded", "succeeded", "failed", "running", "canceled"]),
        "item_count": st.none() | st.integers(0, 10**6),
        "domain_count": st.none() | st.integers(1, 50),
        "occurred_at": st.integers(0, 1500 * 86_400).map(lambda seconds: AS_OF - timedelta(seconds=seconds, microseconds=1)),
    }
)
histories = st.lists(acts, max_size=25)


@given(histories, st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES)
def test_scores_do_not_depend_on_the_order_of_rows(con, history, random) -> None:
    shuffled = random.sample(history, len(history))
    assert_frame_equal(scores(con, shuffled), scores(con, history), check_exact=True)


@given(histories, acts)
@settings(max_examples=EXAMPLES)
def test_one_more_act_never_lowers_its_authors_knowledge(con, history, act) -> None:
    before, after = (
        {(r["domain"], r["user_id"]): r["knowledge"] for r in scores(con, h).rows(named=True)} for h in (history, [*history, act])
    )
    for key, knowledge in before.items():
        assert key[1] != act["user_id"] or after[key] >= knowledge - 1e-9


@given(histories, acts, st.integers(1, 30))
@settings(max_examples=EXAMPLES)
def test_an_act_over_more_domains_counts_less_in_each(con, history, act, more: int) -> None:
    wider = act | {"domain_count": (act["domain_count"] or 1) + more}
    narrow, wide = (scores(con, [*history, one])["knowledge"].to_list() for one in (act, wider))
    counts = act["user_id"] and act["domain"] and act["status"] in ("succeeded", "failed")
    assert all(less <= much for less, much in zip(wide, narrow, strict=True))
    assert (wide != narrow) == bool(counts)


@given(histories, histories)
@settings(max_examples=EXAMPLES)
def test_nothing_at_or_after_as_of_counts(con, history, later) -> None:
    future = [act | {"occurred_at": AS_OF + (AS_OF - act["occurred_at"]) - timedelta(microseconds=1)} for act in later]
    assert_frame_equal(scores(con, history + future), scores(con, history), check_exact=True)


@given(histories)
@settings(max_examples=EXAMPLES)
def test_the_clock_alone_lowers_availability_and_moves_no_knowledge(con, history) -> None:
    now, later = scores(con, history), scores(con, history, as_of=AS_OF + timedelta(days=30))
    assert_frame_equal(
        later.select("domain", "user_id", "knowledge", "level"), now.select("domain", "user_id", "knowledge", "level")
    )
    assert (later["availability"] < now["availability"]).all()


@given(histories)
@settings(max_examples=EXAMPLES)
def test_figures_of_a_row_agree_with_each_other(con, history) -> None:
    for row in scores(con, history).iter_rows(named=True):
        assert 0 < row["presence"] <= 1
        assert row["availability"] <= row["presence"] * row["events"] * (1 + 1e-9)
        assert 0 <= row["success_rate_low"] <= row["success_rate"] <= row["success_rate_high"] <= 1
        assert 0 < row["knowledge_share"] <= 1
        assert (row["level"] == "insufficient_evidence") == (row["knowledge"] < 3)


class TestCarried:
    """Sums carried from one computation to the next are those made from scratch, to the last bit."""

    @pytest.fixture
    def new_home(self, tmp_path: Path) -> Callable[[], Home]:
        return lambda: migrated_home(tmp_path / f"{next(folders)}")

    @given(
        st.lists(st.lists(acts, min_size=1, max_size=8), min_size=1, max_size=4),
        st.lists(st.integers(0, 72), min_size=4, max_size=4),
    )
    @settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_comes_in_whatever_order(self, new_home, batches: list[list[dict[str, Any]]], hours: list[int]) -> None:
        """Acts of any age arrive between computations, which are up to three days apart."""
        passes, instant = new_home(), AS_OF - timedelta(hours=sum(hours[: len(batches)]))
        for number, (batch, hour) in enumerate(zip(batches, hours, strict=False)):
            load(passes, [act | {"activity_id": f"{number}-{n}"} for n, act in enumerate(batch)])
            instant += timedelta(hours=hour)
            compute(passes, instant)
        at_once = new_home()
        load(
            at_once, [act | {"activity_id": f"{number}-{n}"} for number, batch in enumerate(batches) for n, act in enumerate(batch)]
        )
        assert_frame_equal(compute(passes, AS_OF), compute(at_once, AS_OF), check_exact=True)

    @given(st.lists(st.integers(0, 4 * 24), min_size=4, max_size=12), st.lists(st.integers(0, 30), min_size=12, max_size=12))
    @settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_bursts_that_come_in_parts(self, new_home, hours: list[int], later: list[int]) -> None:
        """Fifteen acts of one hour at a time, in any order, some of them late; one hour may come in several parts."""
        passes, at_once = new_home(), new_home()
        parts = [
            [{"activity_id": f"{part}-{n}", "occurred_at": ago(hours=hour, minutes=1 + n)} for n in range(15)]
            for part, hour in enumerate(hours)
        ]
        for part, hour in zip(parts, sorted(later, reverse=True), strict=False):
            load(passes, part)
            compute(passes, ago(hours=hour))
        load(at_once, [act for part in parts for act in part])
        assert_frame_equal(compute(passes, AS_OF), compute(at_once, AS_OF), check_exact=True)

    @pytest.fixture
    def carrying(self, home: Home) -> Home:
        """A home with acts of any age, computed an hour before AS_OF."""
        load(home, [{"activity_id": f"a{day}", "user_id": f"u{day % 3}", "occurred_at": ago(days=day + 1)} for day in range(30)])
        compute(home, ago(hours=1))
        return home

    def test_the_next_hour_reads_what_came_since(self, carrying: Home) -> None:
        load(carrying, [{"activity_id": "new", "occurred_at": ago(minutes=10)}])
        assert_carried_and_right(carrying, is_carried=True)

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "failed"},
            {"user_id": "u9"},
            {"domain": "hr"},
            {"is_deleted": True},
            {"occurred_at": ago(minutes=5)},
        ],
        ids=["outcome", "user", "domain", "deleted", "moved"],
    )
    def test_a_change_of_a_summed_act_is_seen(self, carrying: Home, change: dict[str, Any]) -> None:
        act = {"activity_id": "a20", "user_id": "u2", "occurred_at": ago(days=21), "updated_at": ago(minutes=5)}
        load(carrying, [act | change])
        assert_carried_and_right(carrying, is_carried=False)

    def test_an_old_act_that_comes_late_is_seen(self, carrying: Home) -> None:
        load(carrying, [{"activity_id": "late", "occurred_at": ago(days=400)}])
        assert_carried_and_right(carrying, is_carried=False)

    def test_rows_that_are_deleted_past_the_loader_are_missed(self, carrying: Home) -> None:
        with warehouse(carrying, LIMITS) as con:
            con.execute("DELETE FROM raw.activity WHERE activity_id = 'a25'")
        assert_carried_and_right(carrying, is_carried=False)

    def test_an_act_that_goes_on_and_is_read_again_and_again_changes_nothing(self, home: Home) -> None:
        running = {"activity_id": "r", "status": "running", "occurred_at": ago(days=50)}
        load(home, [{"activity_id": "a", "occurred_at": ago(days=60)}, running])
        compute(home, ago(hours=1))
        load(home, [running | {"extracted_at": ago(minutes=5)}])
        assert_carried_and_right(home, is_carried=True)

    def test_other_weights_make_the_sums_anew(self, carrying: Home) -> None:
        rules = ExpertiseSettings(knowledge_weights={"update": 2.0}).rules
        compute_table(EXPERTISE_SCORES, str(carrying.root), limits=LIMITS, as_of=AS_OF, rules=rules)
        assert shown(carrying)["knowledge"].max() == 2 * 10.0

    def test_an_earlier_as_of_is_computed_from_scratch(self, carrying: Home) -> None:
        frame = compute(carrying, ago(days=10))
        assert frame.filter(domain="all")["events"].sum() == 20
        assert_carried_and_right(carrying, is_carried=False)

    def test_once_a_day_everything_is_read_again(self, carrying: Home) -> None:
        """Computed an hour before midnight, from the beginning of the day before."""
        assert carried_until(carrying) == ago(days=2)
        compute(carrying, AS_OF)
        assert carried_until(carrying) == ago(days=2)
        compute(carrying, AS_OF + timedelta(hours=1))
        assert carried_until(carrying) == ago(days=1)
        compute(carrying, AS_OF + timedelta(hours=24))
        assert carried_until(carrying) == ago(days=1)

    def test_the_same_as_of_twice_gives_the_same_rows(self, carrying: Home) -> None:
        assert_frame_equal(compute(carrying, AS_OF), compute(carrying, AS_OF), check_exact=True)


def load(home: Home, history: list[dict[str, Any]]) -> None:
    land(home, "activity", act_rows(history))
    with warehouse(home, LIMITS) as con:
        assert load_landing(con, home).rejected == 0


def shown(home: Home) -> pl.DataFrame:
    with warehouse(home, LIMITS) as con:
        return fetch(con, "SELECT * FROM insights.expertise_scores ORDER BY domain, user_id")


def compute(home: Home, as_of) -> pl.DataFrame:
    compute_table(EXPERTISE_SCORES, str(home.root), limits=LIMITS, as_of=as_of, rules=RULES)
    return shown(home)


def carried_until(home: Home):
    with warehouse(home, LIMITS) as con:
        return con.sql("SELECT carried_until FROM state.expertise").fetchall()[0][0]


def assert_carried_and_right(home: Home, *, is_carried: bool) -> None:
    """The computation as of AS_OF carries the sums, or not, and shows what one from scratch shows."""
    before = carried_until(home)
    frame = compute(home, AS_OF)
    assert (carried_until(home) == before) == is_carried
    with warehouse(home, LIMITS) as con:
        con.execute("DELETE FROM state.expertise")
    assert_frame_equal(compute(home, AS_OF), frame, check_exact=True)
