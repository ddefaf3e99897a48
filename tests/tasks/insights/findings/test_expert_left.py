"""People on whom domains rested and who are gone, found in the scores of their acts. As of 1 Jul 2026; an act is ten days old and
worth a knowledge of 1. A share is (acts + 1 / people) / (acts of all + 1)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from flows.settings import ExpertiseSettings
from storage.catalogue import TABLES
from storage.frames import fetch, registered
from storage.write import replace
from tasks.insights.domain_experts import DOMAIN_EXPERTS
from tasks.insights.findings.expert_left import EXPERT_LEFT
from tests.acts import AS_OF, ago, rows_in, scores_of

Rows = Sequence[Mapping[str, Any]]
DAY = {"days": 10}
GONE = {"user_id": "ann", "is_active": False, "updated_at": ago(days=8)}


def acts_of(domain: str, age: Mapping[str, float] = DAY, **acts: int) -> list[dict[str, Any]]:
    """So many acts of each user."""
    return [{"user_id": user, "domain": domain, "occurred_at": ago(**age)} for user, number in acts.items() for _ in range(number)]


@pytest.fixture
def find_left(con):
    """Acts and users -> what is found."""

    def found(acts: Rows, users: Rows = (GONE,), **changed: Any) -> list[dict[str, Any]]:
        with rows_in(con, acts, users):
            scores_of(con, **changed)
            given = {"as_of": AS_OF, "rules": ExpertiseSettings().rules}
            with registered(con, "computed", DOMAIN_EXPERTS.derived(DOMAIN_EXPERTS.read(con, given), given)):
                replace(con, TABLES["insights.domain_experts"], "computed")
            return EXPERT_LEFT.findings(fetch(con, EXPERT_LEFT.select, {"as_of": AS_OF, "window_days": 90}))

    return found


def test_who_held_a_domain_alone_is_found_with_whom_to_hand_it_to(find_left) -> None:
    """6 of 10 acts are more than half; (6 + 1/3) / 11 = 57.6 %."""
    (found,) = find_left(acts_of("sales", ann=6, bob=3, eve=1))
    assert (found["kind"], found["subject"], found["severity"]) == ("expert_left", "ann", "critical")
    assert found["statement"] == (
        "ann, last seen 21 Jun 2026, can no longer log in: sales depended on them alone, with 57.6 % of the knowledge"
    )
    assert found["recommendation"] == "Hand over sales to bob, most available there, with the help of others who know it."
    assert (found["started_at"], found["confidence"], found["is_sample"]) == (ago(days=10), 0.76, False)


def test_one_of_the_few_is_found_and_named_as_such(find_left) -> None:
    """Of 9 acts bob's 4 are less than half, with ann's 3 they are more; (3 + 1/3) / 10 = 33.3 %."""
    (found,) = find_left(acts_of("sales", ann=3, bob=4, eve=2))
    assert found["severity"] == "warning"
    assert found["statement"].endswith(": they were number 2 of the 2 people who hold half of the knowledge of sales, with 33.3 %")


def test_one_beside_the_few_is_not_found(find_left) -> None:
    assert find_left(acts_of("sales", ann=3, bob=9, eve=4)) == []
    assert find_left(acts_of("sales", ann=2)) == [], "hardly anything known"


@pytest.mark.parametrize(
    "users",
    [[], [GONE | {"is_active": True}], [GONE | {"updated_at": ago(days=-1)}]],
    ids=["not listed", "still there", "still there at as_of"],
)
def test_who_has_not_gone_is_not_found(find_left, users) -> None:
    assert find_left(acts_of("sales", ann=6, bob=3), users) == []


def test_who_was_deleted_has_gone(find_left) -> None:
    (found,) = find_left(acts_of("sales", ann=6, bob=3), [{"user_id": "ann", "is_deleted": True, "updated_at": ago(days=400)}])
    assert found["started_at"] == ago(days=10)


def test_bots_do_not_leave(find_left) -> None:
    assert find_left(acts_of("sales", ann=6, bob=3), bot_pattern="ann") == []


def test_what_is_long_past_is_not_found(find_left) -> None:
    """Neither who was last seen before the window, nor domains that nobody has used in it."""
    old, still = {"days": 91}, acts_of("elsewhere", ann=1, bob=50)
    assert find_left([*acts_of("sales", old, ann=6), *acts_of("sales", bob=3)]) == []
    assert find_left([*acts_of("sales", old, ann=6, bob=3), *still]) == []
    assert len(find_left([*acts_of("sales", old, ann=6), *acts_of("sales", bob=3), *still])) == 1


def test_one_finding_a_person_names_the_domains_where_they_held_most(find_left) -> None:
    """Roll-ups are not named beside what is in them. Nobody is left in `c`. Acts of other hours, for so many in one are a burst."""
    acts = [
        *acts_of("a.x", ann=9, bob=1), *acts_of("b", ann=8, bob=2, eve=1), *acts_of("c", {"days": 10, "hours": 1}, ann=20),
        *acts_of("d", {"days": 10, "hours": 2}, ann=7, bob=4),
    ]  # fmt: skip
    (found,) = find_left(acts)
    assert [len(json.loads(found["evidence"])[name]) for name in ("domains", "shares", "heirs")] == [4, 4, 4]
    assert json.loads(found["evidence"])["domains"] == ["c", "a.x", "b", "d"]
    assert found["statement"].endswith("; 1 more domain")
    assert found["recommendation"] == (
        "Hand over a.x to bob and b to bob, most available there, with the help of others who know it."
        " Nobody who acted in c can still log in: appoint two people, and hand over what is left."
    )


def test_whoever_is_named_is_among_the_values_of_the_evidence(find_left) -> None:
    """`govpulse forget` goes by them."""
    (found,) = find_left(acts_of("sales", ann=6, bob=3))
    evidence = json.loads(found["evidence"])
    assert (evidence["user_id"], evidence["heirs"]) == ("ann", ["bob"])


def test_names_are_quoted_in_the_sql(find_left) -> None:
    (found,) = find_left([{"user_id": "o'hara", "domain": "sales", "occurred_at": ago(**DAY)}] * 6, [GONE | {"user_id": "o'hara"}])
    assert "user_id = 'o''hara'" in json.loads(found["evidence"])["sql"]
