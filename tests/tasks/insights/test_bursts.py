"""What is done in bulk counts like one bulk act: by hand, as of 1 Jul 2026. Each act would be worth a knowledge of 1."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.acts import AS_OF, rows_in, scores, scores_of

Acts = Sequence[dict[str, Any]]
MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)


def run(number: int, seconds: float, start: datetime = MORNING, **act: Any) -> Iterator[dict[str, Any]]:
    """So many acts, so many seconds apart."""
    return ({"occurred_at": start + timedelta(seconds=seconds * n), **act} for n in range(number))


def knowledge(con, acts: Acts, domain: str = "sales", user: str = "ann") -> float:
    return scores(con, acts).filter(domain=domain, user_id=user)["knowledge"].item()


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        (run(8000, 0.4), 1 + log(8000)),
        (run(8000, 0.4, action="create"), 4 * (1 + log(8000))),
        (run(400, 18), 1 + log(400)),
        (run(480, 60), 1 + log(480)),
        (run(480, 60, MORNING.replace(hour=20)), (1 + log(240)) * 2),
        (run(60, 480), 60),
        (run(20, 30), 20),
        (run(30, 60), 15 + 1 + log(15)),
        (run(40, 60), 1 + log(40)),
    ],
    ids=["import", "creations", "two hours", "a night", "across midnight", "busy day", "by hand", "half in bulk", "all in bulk"],
)
def test_of_a_run(con, acts: Iterator[dict[str, Any]], expected: float) -> None:
    """One bulk act for each UTC day. Of 30 in an hour, half way from 20 to 40, half are in bulk."""
    assert knowledge(con, list(acts)) == pytest.approx(expected, abs=1e-7)


def test_over_several_domains_it_is_one_bulk_act_over_them(con) -> None:
    """12 in each of 10 domains, within the hour: none has many, the person has."""
    acts = [act | {"domain": f"d{n % 10}"} for n, act in enumerate(run(120, 20))]
    assert knowledge(con, acts, "d3") == pytest.approx((1 + log(12)) / 10**0.38, abs=1e-9)


def test_one_act_over_many_domains_is_one_act(con) -> None:
    """A commit that touches 200 folders is 200 rows and no burst."""
    acts = [act | {"domain": f"d{n}", "domain_count": 200} for n, act in enumerate(run(200, 0))]
    assert knowledge(con, acts, "d3") == pytest.approx(200**-0.38, abs=1e-9)


def test_an_hour_that_is_hardly_a_burst(con) -> None:
    """Thirds add up to a 2^40th more than 20 at most: nothing of it is in bulk, and nothing is divided by it."""
    thirds = [act | {"domain_count": 3} for act in run(60, 30)]
    sliver = [act | {"domain_count": 2**39} for act in run(1, 0)]
    assert knowledge(con, [*thirds, *sliver]) == pytest.approx(60 * 3**-0.38 + 2 ** (-0.38 * 39), abs=1e-6)


def test_kinds_keep_their_weights(con) -> None:
    """On average (4 + 1 + .8) / 3 an act."""
    kinds = ("create", "update", "coauthor")
    acts = [act | {"action": kinds[n % 3]} for n, act in enumerate(run(300, 5))]
    assert knowledge(con, acts) == pytest.approx(5.8 / 3 * (1 + log(300)), abs=1e-7)


def test_what_is_done_by_hand_beside_it_counts(con) -> None:
    beside = list(run(10, 60, MORNING + timedelta(hours=5)))
    assert knowledge(con, [*run(1000, 1), *beside]) == pytest.approx(10 + 1 + log(1000), abs=1e-7)


def test_of_others_it_takes_nothing(con) -> None:
    acts = [*run(1000, 1), *run(15, 60, user_id="bob")]
    assert knowledge(con, acts, user="bob") == pytest.approx(15, abs=1e-3)


def test_availability_and_events(con) -> None:
    row = scores(con, list(run(1000, 0)), as_of=MORNING + timedelta(days=180)).filter(domain="sales").row(0, named=True)
    assert row["availability"] == pytest.approx((1 + log(1000)) / 4, abs=1e-6)
    assert (row["events"], row["succeeded"]) == (1000, 1000)


def test_under_two_aliases_it_is_one_persons(con) -> None:
    """15 under each name within the hour: half of the 30 are in bulk."""
    acts = [act | {"user_id": ("ann", "ann@home")[n % 2]} for n, act in enumerate(run(30, 60))]
    with rows_in(con, acts):
        con.execute("INSERT INTO raw.people BY NAME SELECT 'ann@home' AS user_id, 'ann' AS person_id, false AS is_deleted")
        frame = scores_of(con)
    assert frame.filter(domain="sales")["knowledge"].to_list() == [pytest.approx(16 + log(15), abs=1e-7)]


@given(st.integers(1, 300))
@settings(max_examples=20)
def test_one_act_more_changes_little(con, number: int) -> None:
    """Between by hand and in bulk the sum falls, but never at one stroke: by less than 2 with each act."""
    fewer, more = (knowledge(con, list(run(n, 1))) for n in (number, number + 1))
    assert -2 < more - fewer <= 1 + 1e-9


@given(st.lists(st.integers(0, 4 * 86_400), min_size=1, max_size=120), st.randoms(use_true_random=False), st.integers(1, 5))
@settings(max_examples=15)
def test_never_more_than_by_hand_and_never_less_than_one_bulk_act_a_day(con, seconds, random, times: int) -> None:
    acts = [{"occurred_at": AS_OF - timedelta(seconds=1 + at // times)} for at in seconds for _ in range(times)]
    days = {act["occurred_at"].date() for act in acts}
    found = knowledge(con, random.sample(acts, len(acts)))
    assert len(days) * (1 - 1e-9) <= found <= len(acts) + 1e-9
    assert found == knowledge(con, acts)
