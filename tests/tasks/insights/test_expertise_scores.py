"""insights.expertise_scores by hand: as of 1 Jul 2026, with a half-life of 180 days, each act 180 days ago unless said."""

from datetime import UTC, datetime, timedelta
from math import e, log, sqrt
from typing import Any

import pytest

from storage.catalogue import INSIGHTS
from tasks.insights.book import check_output
from tests.acts import AS_OF, ago, rows_in, scores, scores_of


def score(con, *acts: dict[str, Any], user: str = "ann", domain: str = "sales", users=(), **changed: Any) -> dict[str, Any]:
    """The row of one user in one domain."""
    frame = scores(con, acts, users, **changed)
    check_output(INSIGHTS["expertise_scores"], frame.select(INSIGHTS["expertise_scores"].column_names))
    (row,) = frame.filter(user_id=user, domain=domain).rows(named=True)
    return row


def users_of(con, *acts: dict[str, Any], domain: str = "sales", users=(), **changed: Any) -> dict[str, dict[str, Any]]:
    """The rows of a domain by user."""
    frame = scores(con, acts, users, **changed)
    return {row["user_id"]: row for row in frame.filter(domain=domain).rows(named=True)}


def by_hand(number: int, **act: Any) -> list[dict[str, Any]]:
    """So many acts in the 9 hours up to 180 days ago, at the pace of a person."""
    return [{"occurred_at": ago(days=180, minutes=540 * n / max(number - 1, 1)), **act} for n in range(number)]


class TestKnowledge:
    @pytest.mark.parametrize(
        ("act", "knowledge"),
        [
            ({}, 1.0),
            ({"action": "create"}, 4.0),
            ({"action": "coauthor"}, 0.8),
            ({"action": None}, 1.0),
            ({"status": "failed"}, 0.5),
            ({"item_count": 0}, 1.0),
            ({"item_count": 10}, 1 + log(10)),
            ({"domain_count": 4}, 4**-0.38),
            ({"action": "create", "status": "failed", "item_count": 3, "domain_count": 2}, 4 * 0.5 * (1 + log(3)) / 2**0.38),
            ({"occurred_at": ago(days=3600)}, 1.0),
        ],
        ids=["any", "create", "co-author", "no action", "failed", "no items", "ten items", "four domains", "all of it", "long ago"],
    )
    def test_of_one_act(self, con, act: dict[str, Any], knowledge: float) -> None:
        assert score(con, act)["knowledge"] == pytest.approx(knowledge, abs=1e-11)

    def test_acts_add_up(self, con) -> None:
        row = score(con, {"action": "create"}, {"status": "failed"}, {"domain_count": 4})
        assert row["knowledge"] == pytest.approx(4.5 + 4**-0.38, abs=1e-11)
        assert (row["events"], row["succeeded"]) == (3, 2)

    @pytest.mark.parametrize("act", [{"status": "running"}, {"status": "canceled"}, {"is_deleted": True}, {"occurred_at": AS_OF}])
    def test_what_has_not_ended_well_or_badly_or_is_not_there_does_not_count(self, con, act: dict[str, Any]) -> None:
        assert score(con, {}, act)["events"] == 1

    def test_the_last_microsecond_before_as_of_counts(self, con) -> None:
        assert score(con, {"occurred_at": AS_OF - timedelta(microseconds=1)})["events"] == 1

    def test_weights_are_settings(self, con) -> None:
        assert score(con, {"action": "view"}, knowledge_weights={"view": 0.1})["knowledge"] == pytest.approx(0.1, abs=1e-11)
        assert score(con, {"action": "create"}, knowledge_weights={})["knowledge"] == 1.0
        assert score(con, {"status": "failed"}, failed_weight=0)["knowledge"] == 0.0


class TestSilence:
    """What fades is the knowledge of those without whom others went on; what others did not do fades nobody's."""

    def test_half_of_what_can_fade_is_left_after_nine_months_of_others(self, con) -> None:
        """Ann's acts are 274 days older than the last of bob: .45 + .55 / 2 of the update is left, all of the creation."""
        acts = [{"action": "create"}, {}, {"user_id": "bob", "occurred_at": ago(days=180)}]
        acts = [{"occurred_at": ago(days=180 + 274)} | act for act in acts]
        assert score(con, *acts)["knowledge"] == pytest.approx(4 + 0.45 + 0.55 / 2, abs=1e-9)

    def test_who_came_later_has_less(self, con) -> None:
        """Bob came after 99 of 199 days, and was there for 100: (101 / 200)^.15 = .903 is left."""
        acts = [
            {"occurred_at": ago(days=200)},
            {"user_id": "bob", "occurred_at": ago(days=101)},
            {"user_id": "bob", "occurred_at": ago(days=1)},
        ]
        assert score(con, *acts, user="bob")["knowledge"] == pytest.approx(2 * (101 / 200) ** 0.15, abs=1e-9)

    def test_where_nobody_went_on_nothing_fades(self, con) -> None:
        assert score(con, {"occurred_at": ago(days=3000)})["knowledge"] == 1.0

    def test_bots_going_on_fade_nobody(self, con) -> None:
        acts = [{"occurred_at": ago(days=3000)}, {"user_id": "svc-sync", "occurred_at": ago(days=1)}]
        assert score(con, *acts)["knowledge"] == 1.0

    def test_an_owner_that_was_replaced_is_outranked(self, con) -> None:
        """Ann made 20 updates until 1,181 days ago, bob 15 from then until 120 days ago.

        1,061 days are 3.87 half-lives, so .488 of hers are left. He was there for 981 of 1,081 days: .986 of his.
        """
        then = [{"occurred_at": ago(days=1200 - day)} for day in range(20)]
        since = [{"user_id": "bob", "occurred_at": ago(days=1100 - 70 * n)} for n in range(15)]
        rows = users_of(con, *then, *since)
        assert rows["ann"]["knowledge"] == pytest.approx(20 * 0.4875, abs=0.02)
        assert rows["bob"]["knowledge"] == pytest.approx(15 * 0.9855, abs=0.02)
        assert rows["bob"]["knowledge_rank"] == 1


class TestAvailability:
    def test_half_of_an_act_is_left_after_a_half_life_and_half_of_that_because_nothing_came_since(self, con) -> None:
        row = score(con, {"action": "create", "item_count": 10, "domain_count": 4})
        assert row["presence"] == pytest.approx(0.5, abs=1e-12)
        assert row["availability"] == pytest.approx(0.25, abs=1e-11)

    def test_an_act_in_another_domain_shows_presence(self, con) -> None:
        row = score(con, {}, {"domain": "finance", "occurred_at": AS_OF - timedelta(microseconds=1)})
        assert row["presence"] == pytest.approx(1.0, abs=1e-12)
        assert row["availability"] == pytest.approx(0.5, abs=1e-11)

    def test_a_failed_act_counts_half(self, con) -> None:
        assert score(con, {"status": "failed"})["availability"] == pytest.approx(0.125, abs=1e-11)

    def test_half_life_and_weights_are_settings(self, con) -> None:
        assert score(con, {}, half_life_days=90)["availability"] == pytest.approx(2**-4, abs=1e-11)
        assert score(con, {"action": "view"}, availability_weights={"view": 2})["availability"] == pytest.approx(0.5, abs=1e-11)

    @pytest.mark.parametrize("gone", [{"is_active": False}, {"is_deleted": True}], ids=["inactive", "deleted at the platform"])
    def test_who_has_left_keeps_the_knowledge_and_has_no_availability(self, con, gone: dict[str, Any]) -> None:
        rows = users_of(con, {"action": "create"}, {"user_id": "bob"}, users=[{"user_id": "ann", **gone}])
        ann, bob = rows["ann"], rows["bob"]
        assert (ann["is_active"], ann["knowledge"], ann["knowledge_rank"]) == (False, 4.0, 1)
        assert ann["availability"] is ann["availability_share"] is ann["availability_rank"] is None
        assert (bob["availability_rank"], bob["availability_share"]) == (1, pytest.approx(1.0))


class TestSharesAndRanks:
    def test_one_user_has_all_of_it(self, con) -> None:
        row = score(con, {"action": "create"})
        assert (row["knowledge_share"], row["knowledge_rank"], row["level"]) == (pytest.approx(1.0), 1, "expert")

    def test_a_share_is_drawn_towards_what_the_role_usually_has(self, con) -> None:
        """Stewards have 4 on average (3 and 5), viewers 1: of the prior 1 in sales ann gets 4/5, bob 1/5."""
        acts = [{}] * 3 + [{"user_id": "bob"}] + [{"user_id": "eve", "domain": "finance"}] * 5
        roles = [{"user_id": "ann", "role": "steward"}, {"user_id": "bob", "role": "viewer"}, {"user_id": "eve", "role": "steward"}]
        rows = users_of(con, *acts, users=roles)
        assert rows["ann"]["knowledge_share"] == pytest.approx((3 + 0.8) / 5, abs=1e-9)
        assert rows["bob"]["knowledge_share"] == pytest.approx((1 + 0.2) / 5, abs=1e-9)
        assert rows["ann"]["availability_share"] == pytest.approx((0.75 + 0.8) / 2, abs=1e-9)
        stronger = users_of(con, *acts, users=roles, knowledge_prior=4)
        assert stronger["ann"]["knowledge_share"] == pytest.approx((3 + 3.2) / 8, abs=1e-9)

    def test_without_prior_a_share_is_a_share(self, con) -> None:
        rows = users_of(con, *[{}] * 3, {"user_id": "bob"}, knowledge_prior=0, availability_prior=0)
        assert (rows["ann"]["knowledge_share"], rows["bob"]["availability_share"]) == (0.75, 0.25)

    def test_equals_share_a_place(self, con) -> None:
        """Ten of a kind: a tenth each, (1 + .1) / (10 + 1), all first, and the next is eleventh."""
        rows = users_of(con, *[{"user_id": f"u{number}"} for number in range(10)])
        assert {row["knowledge_rank"] for row in rows.values()} == {1}
        assert {row["availability_rank"] for row in rows.values()} == {1}
        assert [row["knowledge_share"] for row in rows.values()] == pytest.approx([0.1] * 10)
        more = users_of(con, *[{"user_id": f"u{number}", "action": "create"} for number in range(10)], {})
        assert more["ann"]["knowledge_rank"] == 11

    def test_shares_of_a_domain_add_up_to_one(self, con) -> None:
        acts = [{"user_id": f"u{number % 7}", "item_count": number} for number in range(40)]
        roles = [{"user_id": "u1", "role": "steward"}, {"user_id": "u2", "role": "viewer", "is_active": False}]
        rows = users_of(con, *acts, users=roles).values()
        assert sum(row["knowledge_share"] for row in rows) == pytest.approx(1.0)
        assert sum(row["availability_share"] or 0 for row in rows) == pytest.approx(1.0)

    def test_acts_that_weigh_nothing_leave_the_prior(self, con) -> None:
        row = score(con, {}, knowledge_weights={"update": 0}, availability_weights={"update": 0})
        assert (row["knowledge"], row["knowledge_share"], row["level"]) == (0.0, 0.0, "insufficient_evidence")


class TestLevel:
    @pytest.mark.parametrize(
        ("acts", "others", "level"),
        [(3, 4, "expert"), (3, 12, "proficient"), (3, 40, "competent"), (3, 80, "novice"), (2, 0, "insufficient_evidence")],
    )
    def test_goes_by_share_and_least_knowledge(self, con, acts: int, others: int, level: str) -> None:
        """Each act a knowledge of 1, of others by one other: (3 + .5) / (7 + 1) and so on, with half of the prior at most."""
        assert score(con, *by_hand(acts), *by_hand(others, user_id="bob"))["level"] == level

    def test_cuts_are_settings(self, con) -> None:
        assert score(con, {}, minimum_knowledge=1, level_shares=(0.1, 0.2, 1.0))["level"] == "expert"
        assert score(con, {}, {"user_id": "bob"}, minimum_knowledge=1, level_shares=(0.1, 0.2, 0.9))["level"] == "proficient"


class TestSuccessRate:
    @pytest.mark.parametrize(("succeeded", "failed"), [(1, 0), (0, 1), (9, 1), (50, 50)])
    def test_is_wilsons(self, con, succeeded: int, failed: int) -> None:
        row = score(con, *[{}] * succeeded, *[{"status": "failed"}] * failed)
        n, z = succeeded + failed, 1.959963984540054
        rate = succeeded / n
        centre, spread = rate + z * z / (2 * n), z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
        assert row["success_rate"] == rate
        assert row["success_rate_low"] == pytest.approx((centre - spread) / (1 + z * z / n) if succeeded else 0.0)
        assert row["success_rate_high"] == pytest.approx((centre + spread) / (1 + z * z / n) if failed else 1.0)


class TestDomains:
    def test_what_a_name_says_it_lies_under_counts_it_too_and_all_counts_everything(self, con) -> None:
        frame = scores(con, [{"domain": "finance.ledger.eu"}, {"domain": "finance.tax", "action": "create"}, {"domain": "hr"}])
        assert frame.select("domain", "knowledge", "is_rollup").rows() == [
            ("all", 6.0, True),
            ("finance", 5.0, True),
            ("finance.ledger", 1.0, True),
            ("finance.ledger.eu", 1.0, False),
            ("finance.tax", 4.0, False),
            ("hr", 1.0, False),
        ]

    def test_a_parent_with_acts_of_its_own_counts_both(self, con) -> None:
        frame = scores(con, [{"domain": "finance"}, {"domain": "finance.tax", "user_id": "bob"}])
        rows = frame.filter(domain="finance").select("user_id", "knowledge", "is_rollup").rows()
        assert rows == [("ann", 1.0, True), ("bob", 1.0, True)]

    @pytest.mark.parametrize(
        ("separator", "domains"),
        [("/", ["a", "a/b.c", "all"]), ("", ["a/b.c", "all"]), ("::", ["a/b.c", "all"]), (".", ["a/b", "a/b.c", "all"])],
    )
    def test_the_separator_is_a_setting(self, con, separator: str, domains: list[str]) -> None:
        assert scores(con, [{"domain": "a/b.c"}], domain_separator=separator)["domain"].to_list() == domains

    @pytest.mark.parametrize("name", [".", "..", ".a", "a.", "ä.ö", "a..b"])
    def test_odd_names_are_taken_as_they_are(self, con, name: str) -> None:
        assert {"all", name} <= set(scores(con, [{"domain": name}])["domain"])

    def test_a_domain_named_all_is_set_apart(self, con) -> None:
        frame = scores(con, [{"domain": "all"}, {"domain": "hr"}])
        assert frame.select("domain", "events").rows() == [('"all"', 1), ("all", 2), ("hr", 1)]

    def test_acts_without_user_or_domain_are_nobodys_and_nowhere(self, con) -> None:
        assert scores(con, [{"domain": None}, {"user_id": None}]).is_empty()


class TestBots:
    def test_a_million_events_by_one_bot_count_for_nobody(self, con) -> None:
        """One every 15 seconds since January."""
        with rows_in(con, [{"action": "create"}]):
            con.execute(
                "INSERT INTO raw.activity BY NAME SELECT 'b' || n AS activity_id, 'robot' AS user_id, 'sales' AS domain,"
                " 'succeeded' AS status, TIMESTAMPTZ '2026-01-01' + to_seconds(n * 15) AS occurred_at, occurred_at AS updated_at,"
                " false AS is_deleted FROM range(1_000_000) AS numbers(n)"
            )
            frame, switched_off = scores_of(con), scores_of(con, bot_acts_per_day=0)
        ann, robot = frame.filter(domain="sales").rows(named=True)
        assert (ann["knowledge_rank"], ann["knowledge_share"], ann["is_bot"]) == (1, pytest.approx(1.0), False)
        assert (robot["is_bot"], robot["level"], robot["events"]) == (True, "excluded", 1_000_000)
        assert robot["knowledge_rank"] is robot["knowledge_share"] is robot["availability"] is robot["availability_rank"] is None
        assert switched_off.filter(domain="sales", user_id="robot")["knowledge_rank"].to_list() == [1]

    def test_a_busy_day_makes_no_bot(self, con) -> None:
        acts = [{"occurred_at": ago(hours=2)}] * 500 + [{"user_id": "bob"}]
        assert not score(con, *acts)["is_bot"]

    @pytest.mark.parametrize(
        ("user", "is_bot"),
        [("svc-sync", True), ("bot_7", True), ("dependabot[bot]", True), ("deploy-bot", True), ("abbot", False), ("svcs", False)],
    )
    def test_an_id_may_say_it(self, con, user: str, is_bot: bool) -> None:
        assert score(con, {"user_id": user}, user=user)["is_bot"] is is_bot
        assert score(con, {"user_id": user}, user=user, bot_pattern="")["is_bot"] is False


def test_nothing_done_is_nothing_known(con) -> None:
    assert scores(con, []).is_empty()


def test_before_the_first_computation_there_is_nothing(con) -> None:
    assert con.sql("SELECT count(*) FROM insights.expertise_scores").fetchall() == [(0,)]


def test_a_user_whom_the_platform_does_not_list_counts(con) -> None:
    row = score(con, {}, users=[{"user_id": "bob", "role": "admin"}])
    assert (row["role"], row["is_active"], row["knowledge_rank"]) == (None, True, 1)


def test_rows_of_the_sample_say_so(con) -> None:
    assert score(con, {"source": "sample"})["is_sample"] is True
    assert score(con, {"source": "racine"})["is_sample"] is False


def test_huge_and_tiny_numbers_stay_finite(con) -> None:
    row = score(
        con,
        {"item_count": 10**12, "action": "create"},
        {"occurred_at": datetime(1, 1, 2, tzinfo=UTC)},
        knowledge_weights={"create": 1000},
    )
    assert row["knowledge"] == pytest.approx(1000 * (1 + log(10**12)) + 1)
    assert 0 < row["availability"] < 1 / e
