"""insights.domain_experts and insights.domain_owners, worked out by hand. An act is worth a knowledge of 1, and 180 days old."""

from collections.abc import Mapping, Sequence
from dataclasses import replace as replace_fields
from typing import Any

import polars as pl
import pytest

from flows.settings import ExpertiseSettings
from storage.catalogue import INSIGHTS, TABLES
from storage.frames import registered
from storage.write import replace
from tasks.insights.book import check_output
from tasks.insights.domain_experts import DOMAIN_EXPERTS
from tasks.insights.domain_owners import DOMAIN_OWNERS
from tests.acts import AS_OF, ago, rows_in, scores_of

RULES = ExpertiseSettings().rules
Rows = Sequence[Mapping[str, Any]]


def acts_of(domain: str = "sales", **acts: int) -> list[dict[str, Any]]:
    """So many acts of each user."""
    return [{"user_id": user, "domain": domain} for user, number in acts.items() for _ in range(number)]


def experts(con, acts: Rows, users: Rows = (), *, is_measured: bool = True, **changed: Any) -> dict[str, dict[str, Any]]:
    """The rows by domain."""
    with rows_in(con, acts, users):
        return {row["domain"]: row for row in computed(con, is_measured=is_measured, **changed).rows(named=True)}


def computed(con, *, is_measured: bool = True, **changed: Any) -> pl.DataFrame:
    scores_of(con, **changed)
    table = INSIGHTS["domain_experts"]
    weights = {} if is_measured else {"create": 3.0}
    given = {"as_of": AS_OF, "rules": replace_fields(RULES, knowledge_weights=RULES.knowledge_weights | weights)}
    frame = DOMAIN_EXPERTS.derived(DOMAIN_EXPERTS.read(con, given), given)
    check_output(table, frame)
    return frame


def owners(
    con, acts: Rows, declared: Sequence[tuple[str, str]], users: Rows = (), former: Sequence[tuple[str, str]] = (), **changed: Any
) -> list[tuple[Any, ...]]:
    """(domain, user, is_declared, verdict, declared_owners) of each row."""
    listed = [{"domain": domain, "user_id": user, "is_deleted": (domain, user) in former} for domain, user in (*declared, *former)]
    with rows_in(con, acts, users, listed):
        with registered(con, "computed", computed(con, **changed)):
            replace(con, TABLES["insights.domain_experts"], "computed")
        frame = DOMAIN_OWNERS.read(con, {"as_of": AS_OF})
    check_output(INSIGHTS["domain_owners"], frame.select(INSIGHTS["domain_owners"].column_names))
    return frame.select("domain", "user_id", "is_declared", "verdict", "declared_owners").rows()


class TestExperts:
    def test_first_second_and_margin(self, con) -> None:
        """(6 - 3) / (10 + 1) = .27: medium. The first alone holds half and more."""
        row = experts(con, acts_of(ann=6, bob=3, eve=1))["sales"]
        assert (row["expert_user_id"], row["runner_up_user_id"]) == ("ann", "bob")
        assert row["margin"] == pytest.approx(3 / 11)
        assert (row["confidence"], row["is_calibrated"]) == ("medium", True)
        assert (row["people"], row["active_people"], row["events"], row["knowledge"]) == (3, 3, 10, 10.0)
        assert (row["bus_factor"], row["has_single_holder"], row["has_lost_expert"]) == (1, True, False)
        assert row["expert_share"] == pytest.approx((6 + 1 / 3) / 11)

    @pytest.mark.parametrize(
        ("acts", "margin", "confidence"),
        [
            ({"ann": 1}, 1 / 2, "high"),
            ({"ann": 8, "bob": 1}, 7 / 10, "high"),
            ({"ann": 2, "bob": 1}, 1 / 4, "medium"),
            ({"ann": 4, "bob": 3, "eve": 1}, 1 / 9, "low"),
            ({"ann": 1, "bob": 1}, 0.0, "low"),
        ],
    )  # fmt: skip
    def test_confidence_goes_by_margin(self, con, acts: dict[str, int], margin: float, confidence: str) -> None:
        row = experts(con, acts_of(**acts))["sales"]
        assert (row["margin"], row["confidence"]) == (pytest.approx(margin), confidence)

    @pytest.mark.parametrize(
        ("acts", "bus_factor"),
        [
            ({"ann": 1}, 1),
            ({"ann": 5, "bob": 5}, 1),
            ({"ann": 4, "bob": 3, "eve": 3}, 2),
            ({"ann": 4, "bob": 1, "eve": 1, "joe": 1, "kim": 1}, 1),
            ({"ann": 1, "bob": 1, "eve": 1, "joe": 1, "kim": 1}, 3),
        ],
        ids=["alone", "exactly half", "two", "first holds half", "all equal"],
    )
    def test_bus_factor_is_how_many_hold_half(self, con, acts: dict[str, int], bus_factor: int) -> None:
        row = experts(con, acts_of(**acts))["sales"]
        assert (row["bus_factor"], row["has_single_holder"]) == (bus_factor, bus_factor == 1)

    def test_among_equals_the_first_is_who_is_more_at_hand(self, con) -> None:
        row = experts(con, [*acts_of(ann=1, bob=1), {"user_id": "bob", "domain": "hr", "occurred_at": ago(days=1)}])["sales"]
        assert (row["expert_user_id"], row["available_user_id"], row["next_available_user_id"]) == ("bob", "bob", "ann")

    def test_equals_in_everything_go_by_their_id(self, con) -> None:
        assert experts(con, acts_of(eve=2, bob=2, ann=2))["sales"]["expert_user_id"] == "ann"

    def test_who_left_stays_first_by_knowledge_and_somebody_else_is_at_hand(self, con) -> None:
        row = experts(con, acts_of(ann=5, bob=1), [{"user_id": "ann", "is_active": False}])["sales"]
        assert (row["expert_user_id"], row["has_lost_expert"], row["active_people"]) == ("ann", True, 1)
        assert (row["available_user_id"], row["next_available_user_id"]) == ("bob", None)

    def test_where_everybody_left_nobody_is_at_hand(self, con) -> None:
        row = experts(con, acts_of(ann=5), [{"user_id": "ann", "is_active": False}])["sales"]
        assert row["available_user_id"] is row["available_share"] is row["availability_margin"] is None

    def test_a_domain_of_bots_has_no_expert_and_says_why(self, con) -> None:
        row = experts(con, [{"user_id": "svc-sync"}])["sales"]
        assert (row["people"], row["events"], row["no_data_reason"]) == (0, 0, "only_bots")
        assert row["expert_user_id"] is row["margin"] is row["confidence"] is row["bus_factor"] is None

    def test_a_bot_beside_people_changes_nothing_of_theirs(self, con) -> None:
        beside = experts(con, [*acts_of(ann=2, bob=1), *[{"user_id": "svc-sync"}] * 9])["sales"]
        assert beside == experts(con, acts_of(ann=2, bob=1))["sales"]

    @pytest.mark.parametrize(
        ("acts", "domain", "is_measured"),
        [(acts_of(ann=1), "sales", True), (acts_of("a.b", ann=2, bob=1), "a", True), (acts_of(ann=2, bob=1), "sales", False)],
        ids=["one person", "roll-up", "other weights"],
    )
    def test_confidence_says_where_it_was_not_measured(self, con, acts: Rows, domain: str, is_measured: bool) -> None:
        assert experts(con, acts, is_measured=is_measured)[domain]["is_calibrated"] is False

    def test_acts_that_weigh_nothing_make_no_bus_factor(self, con) -> None:
        row = experts(con, acts_of(ann=1, bob=1), knowledge_weights={"update": 0})["sales"]
        assert (row["bus_factor"], row["has_single_holder"], row["confidence"]) == (None, False, "low")

    def test_nothing_done_gives_no_domain(self, con) -> None:
        assert experts(con, []) == {}

    def test_every_domain_and_all_of_them_together_have_a_row(self, con) -> None:
        assert set(experts(con, [*acts_of("finance.tax", ann=1), *acts_of("hr", bob=1)])) == {"finance.tax", "finance", "hr", "all"}


class TestOwners:
    def test_declared_owners_beside_who_knows(self, con) -> None:
        acts = [*acts_of(ann=6, bob=2, eve=1), *acts_of("hr", ann=5, bob=1), *acts_of("tax", kim=5)]
        declared = [("sales", "ann"), ("sales", "eve"), ("sales", "joe"), ("hr", "bob")]
        assert owners(con, acts, declared) == [
            ("hr", "ann", False, "undeclared", 1),
            ("hr", "bob", True, "outranked", 1),
            ("sales", "ann", True, "confirmed", 3),
            ("sales", "eve", True, "confirmed", 3),
            ("sales", "joe", True, "without_acts", 3),
            ("tax", "kim", False, "unowned", 0),
        ]

    def test_who_owned_it_before_and_still_knows_it_best_is_told_apart(self, con) -> None:
        """The platform names bob now, and named ann before; nobody owns the tax any more."""
        acts = [*acts_of(ann=6, bob=2), *acts_of("tax", kim=5)]
        assert owners(con, acts, [("sales", "bob")], former=[("sales", "ann"), ("tax", "kim")]) == [
            ("sales", "ann", False, "reassigned", 1),
            ("sales", "bob", True, "outranked", 1),
            ("tax", "kim", False, "reassigned", 0),
        ]

    @pytest.mark.parametrize("gone", [{"is_active": False}, {"is_deleted": True}])
    @pytest.mark.parametrize("acts", [acts_of(ann=3, bob=1), acts_of(bob=1)], ids=["first by knowledge", "without acts"])
    def test_an_owner_who_left(self, con, acts: Rows, gone: dict[str, Any]) -> None:
        rows = owners(con, acts, [("sales", "ann")], [{"user_id": "ann", **gone}])
        assert ("sales", "ann", True, "left", 1) in rows

    def test_a_first_by_a_narrow_margin_is_no_difference(self, con) -> None:
        assert owners(con, acts_of(ann=5, bob=4), [("sales", "bob")]) == [("sales", "bob", True, "outranked", 1)]

    def test_owners_of_a_domain_over_others(self, con) -> None:
        rows = owners(con, acts_of("finance.tax", ann=3), [("finance", "ann")])
        assert rows == [("finance", "ann", True, "confirmed", 1), ("finance.tax", "ann", False, "unowned", 0)]

    def test_an_owner_of_a_domain_that_nobody_acted_in(self, con) -> None:
        assert owners(con, [], [("sales", "ann")]) == [("sales", "ann", True, "without_acts", 1)]

    def test_without_declared_owners_there_is_nothing_to_compare(self, con) -> None:
        assert owners(con, acts_of(ann=5), []) == []


class TestTeams:
    """Ann and bob are of the team data, eve is of none."""

    USERS = ({"user_id": "ann", "team": "data"}, {"user_id": "bob", "team": "data"}, {"user_id": "eve"})

    @pytest.mark.parametrize(
        ("acts", "verdict"),
        [
            ({"bob": 3, "eve": 1}, "confirmed"),
            ({"eve": 3, "bob": 1}, "outranked"),
            ({"eve": 3}, "without_acts"),
        ],
    )
    def test_a_team_is_judged_by_the_best_of_it(self, con, acts: dict[str, int], verdict: str) -> None:
        found = owners(con, acts_of(**acts), [("sales", "data")], self.USERS)
        assert ("sales", "data", True, verdict, 1) in found

    def test_a_member_who_knows_most_is_not_said_to_be_undeclared(self, con) -> None:
        assert owners(con, acts_of(ann=9, eve=1), [("sales", "data")], self.USERS) == [("sales", "data", True, "confirmed", 1)]

    def test_a_team_that_nobody_is_left_of(self, con) -> None:
        users = [user | {"is_active": False} for user in self.USERS]
        assert ("sales", "data", True, "left", 1) in owners(con, acts_of(ann=9, eve=1), [("sales", "data")], users)

    def test_an_id_that_is_also_the_name_of_a_team_is_a_person(self, con) -> None:
        users = [*self.USERS, {"user_id": "data"}]
        assert ("sales", "data", True, "without_acts", 1) in owners(con, acts_of(ann=9), [("sales", "data")], users)
