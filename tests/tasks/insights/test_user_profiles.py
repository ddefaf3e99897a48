"""Profiles worked out by hand: who has one, the last day, breadth and depth, the first domains, and which preferences hold."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flows.settings import ExpertiseSettings, ProfileSettings
from storage.catalogue import INSIGHTS
from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.insights.book import check_output
from tasks.insights.expertise_scores import EXPERTISE_SCORES
from tasks.insights.user_profiles import USER_PROFILES, defaults_by_role, make_parts, put_together
from tests.acts import AS_OF, Rows, ago, rows_in, scores_of
from tests.insight_rows import enter
from tests.insights import compute_table

TABLE = INSIGHTS["user_profiles"]
BOTS = ExpertiseSettings().bot_pattern
DEFAULTS = {"default": {"theme": "light", "page_size": 50}, "viewer": {"page_size": 25}}
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
JSON = ("top_knowledge", "top_availability", "recent_acts", "preferences")
EXAMPLES = 12
Compute = Callable[..., pl.DataFrame]


def no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


@pytest.fixture(scope="session")
def table(con: duckdb.DuckDBPyConnection) -> Compute:
    """Acts and users -> the table's rows by user, checked."""

    def compute(acts: Rows = (), users: Rows = (), as_of=AS_OF, defaults=DEFAULTS) -> pl.DataFrame:
        with rows_in(con, acts, users):
            scores_of(con, as_of)
            enter(con, "expertise_scores", as_of=as_of, computed_at=as_of)
            make_parts(con, as_of, BOTS, defaults)
            put_together(con, as_of)
            frame = fetch(con, f"SELECT * FROM {TABLE.full_name} ORDER BY user_id")
        check_output(TABLE, frame)
        return frame

    return compute


@pytest.fixture(scope="session")
def profiles(table: Compute) -> Callable[..., dict[str, dict[str, Any]]]:
    """The same with what is JSON read, by user."""

    def read(row: Mapping[str, Any]) -> dict[str, Any]:
        return dict(row) | {name: json.loads(row[name], parse_constant=no_number) for name in JSON}

    return lambda *given, **named: {row["user_id"]: read(row) for row in table(*given, **named).rows(named=True)}


def acts(*domains: str, **every: Any) -> list[dict[str, Any]]:
    return [{"domain": domain, **every} for domain in domains]


class TestWhoHasARow:
    def test_nobody_without_users_and_acts(self, profiles) -> None:
        assert profiles() == {}

    def test_who_is_listed_and_never_acted(self, profiles) -> None:
        user = {"user_id": "ann", "role": "viewer", "team": "hr", "is_active": True, "source": "sample"}
        assert profiles(users=[user]) == {
            "ann": {
                "as_of": AS_OF,
                **{name: user[name] for name in ("user_id", "role", "team", "is_active")},
                "is_bot": False,
                "events": 0,
                **dict.fromkeys(("first_active_at", "last_active_at", "presence", "breadth", "depth")),
                "top_knowledge": [],
                "top_availability": [],
                "domains": 0,
                "recent_acts": [],
                "recent_events": 0,
                "preferences": {
                    "page_size": {"value": 25, "source": "default"},
                    "theme": {"value": "light", "source": "default"},
                },
                "is_sample": True,
            }
        }

    def test_who_acted_and_is_not_listed(self, profiles) -> None:
        history = [{"occurred_at": ago(days=180)}, {"occurred_at": ago(days=360), "status": "failed"}]
        ann = profiles(history)["ann"]
        assert (ann["role"], ann["team"], ann["is_active"], ann["is_bot"], ann["is_sample"]) == (None, None, True, False, False)
        assert (ann["events"], ann["first_active_at"], ann["last_active_at"]) == (2, ago(days=360), ago(days=180))
        assert ann["presence"] == pytest.approx(0.5)
        assert ann["preferences"]["page_size"] == {"value": 50, "source": "default"}

    def test_only_acts_that_ended_in_a_domain_count(self, profiles) -> None:
        others = [{"status": "running"}, {"status": "canceled"}, {"domain": None}, {"is_deleted": True}, {"user_id": None}]
        assert profiles([{}, *others])["ann"]["events"] == 1
        assert profiles(others) == {}

    def test_who_may_not_log_in_or_is_deleted_is_not_active_and_has_no_availability(self, profiles) -> None:
        users = [
            {"user_id": "ann", "role": "viewer", "is_active": False, "team": "hr", "preferences": '{"theme": "dark"}'},
            {"user_id": "bob", "is_active": True, "is_deleted": True, "team": "hr", "preferences": '{"theme": "dark"}'},
            {"user_id": "eve", "is_active": True, "is_deleted": True},
            {"user_id": "joe"},
        ]
        found = profiles([{}, {"user_id": "bob"}], users)
        assert sorted(found) == ["ann", "bob", "joe"]
        assert [found[name]["is_active"] for name in ("ann", "bob", "joe")] == [False, False, True]
        for name in ("ann", "bob"):
            assert found[name]["top_availability"] == []
            assert [each["domain"] for each in found[name]["top_knowledge"]] == ["sales"]
        assert (found["ann"]["team"], found["bob"]["team"]) == ("hr", None)
        assert found["ann"]["preferences"]["theme"] == {"value": "dark", "source": "stored"}
        assert found["bob"]["preferences"]["theme"] == {"value": "light", "source": "default"}, "what is deleted is not shown"

    def test_bots_have_a_row_without_ranks_and_shares(self, profiles) -> None:
        found = profiles(acts("hr", "sales", "sales", user_id="svc-sync"), [{"user_id": "bot-7"}])
        bot = found["svc-sync"]
        assert (bot["is_bot"], bot["depth"], bot["top_availability"]) == (True, None, [])
        nothing = {"knowledge_share": None, "knowledge_rank": None, "level": "excluded"}
        assert bot["top_knowledge"] == [
            {"domain": "sales", "knowledge": 2.0, **nothing},
            {"domain": "hr", "knowledge": 1.0, **nothing},
        ]
        assert (bot["events"], bot["domains"]) == (3, 2)
        assert found["bot-7"]["is_bot"], "by the id alone"

    def test_at_an_earlier_as_of_nobody_is_there_who_came_later(self, profiles) -> None:
        users = [{"user_id": name, "created_at": at} for name, at in (("ann", ago(days=1)), ("bob", AS_OF), ("eve", None))]
        assert sorted(profiles(users=users)) == ["ann", "eve"]
        later = [{"user_id": "joe", "occurred_at": AS_OF}]
        assert sorted(profiles(later, users)) == ["ann", "eve"]


class TestRecentActs:
    def test_the_window_is_half_open(self, profiles) -> None:
        edges = {"too old": ago(hours=24, microseconds=1), "first": ago(hours=24), "last": ago(microseconds=1), "too late": AS_OF}
        ann = profiles([{"occurred_at": at, "action": name} for name, at in edges.items()])["ann"]
        assert [act["action"] for act in ann["recent_acts"]] == ["last", "first"]
        assert [act["occurred_at"] for act in ann["recent_acts"]] == ["2026-06-30T23:59:59.999999Z", "2026-06-30T00:00:00.000000Z"]
        assert ann["recent_events"] == 2

    def test_twenty_of_them_are_kept_the_newest_first(self, profiles) -> None:
        ann = profiles([{"occurred_at": ago(minutes=minute), "action": str(minute)} for minute in range(1, 22)])["ann"]
        assert [act["action"] for act in ann["recent_acts"]] == [str(minute) for minute in range(1, 21)]
        assert ann["recent_events"] == 21

    def test_of_those_at_one_instant_the_greater_id_comes_first(self, profiles) -> None:
        twins = [{"activity_id": name, "action": name, "occurred_at": ago(hours=1)} for name in ("b", "c", "a")]
        assert [act["action"] for act in profiles(twins)["ann"]["recent_acts"]] == ["c", "b", "a"]

    def test_they_are_shown_whatever_came_of_them_in_ids_and_words(self, profiles) -> None:
        at = {"occurred_at": ago(hours=1)}
        history = [
            at | {"activity_id": "4", "resource_type": "table", "resource_id": "t-1"},
            at | {"activity_id": "3", "domain": None, "action": None, "status": "running"},
            at | {"activity_id": "2", "resource_type": "user", "resource_id": "ann@example.org"},
            at | {"activity_id": "1", "is_deleted": True},
        ]
        shown = [tuple(act.values())[1:] for act in profiles(history)["ann"]["recent_acts"]]
        assert shown == [
            ("update", "sales", "table", "t-1", "succeeded"),
            (None, None, None, None, "running"),
            ("update", "sales", "user", None, "succeeded"),
        ]


class TestDomains:
    @pytest.mark.parametrize(
        ("domains", "breadth"),
        [
            (["hr"] * 3, 1.0),
            (["hr", "sales"], 2.0),
            (["hr", "hr", "hr", "sales"], 4 / 27**0.25),
            (["hr", "sales", "it", "law"], 4.0),
        ],
        ids=["one", "two alike", "three to one", "four alike"],
    )
    def test_breadth_is_the_number_of_domains_that_acts_are_spread_over(self, profiles, domains, breadth) -> None:
        ann = profiles(acts(*domains))["ann"]
        assert ann["breadth"] == pytest.approx(breadth, abs=1e-12)
        assert ann["domains"] == len(set(domains))

    def test_depth_is_the_greatest_share(self, profiles) -> None:
        """In hr, with a knowledge of 2 of 3 and half of the prior of 1: 2.5 / 4; in sales alone: 1."""
        history = [*acts("hr", "hr"), *acts("hr", "it", user_id="bob")]
        found = profiles(history)
        assert found["ann"]["depth"] == pytest.approx(2.5 / 4)
        assert found["bob"]["depth"] == 1.0

    def test_the_first_five_by_share_and_of_equals_by_knowledge_and_name(self, profiles) -> None:
        alone = [*acts(*"fedcba"), *acts("c", "b", "c")]
        shared = acts("g", "g", "g", "g") + acts("g", user_id="bob")
        ann = profiles(alone + shared)["ann"]
        assert [(each["domain"], each["knowledge"]) for each in ann["top_knowledge"]] == [
            ("c", 3.0),
            ("b", 2.0),
            ("a", 1.0),
            ("d", 1.0),
            ("e", 1.0),
        ]
        assert [each["domain"] for each in ann["top_availability"]] == ["c", "b", "a", "d", "e"]
        assert ann["domains"] == 7

    def test_what_others_lie_under_is_not_among_them(self, profiles) -> None:
        ann = profiles(acts("finance.tax", "finance.ledger", "finance"))["ann"]
        for name in ("top_knowledge", "top_availability"):
            assert [each["domain"] for each in ann[name]] == ["finance.ledger", "finance.tax"]
        assert (ann["domains"], ann["breadth"], ann["events"]) == (2, 2.0, 3)

    def test_the_numbers_are_those_of_the_scores(self, con, profiles) -> None:
        history = [*acts("hr", "hr", "it"), *acts("hr", "it", "it", user_id="bob", action="create")]
        with rows_in(con, history):
            scores = {(row["user_id"], row["domain"]): row for row in scores_of(con).rows(named=True)}
        for user, profile in profiles(history).items():
            for each in profile["top_knowledge"] + profile["top_availability"]:
                assert each == {name: scores[user, each["domain"]][name] for name in each}
        assert list(each) == ["domain", "availability", "availability_share", "availability_rank", "level"]


WITHHELD = {"value": None, "source": "stored", "is_withheld": True}


class TestPreferences:
    @pytest.fixture
    def preferences(self, profiles) -> Callable[..., dict[str, Any]]:
        """Those of one user who stored this text, without defaults unless there are some."""

        def read(stored: str | None, role: str | None = None, defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
            user = {"user_id": "ann", "role": role, "preferences": stored}
            return profiles(users=[user], defaults=defaults or {})["ann"]["preferences"]

        return read

    def test_what_is_stored_goes_before_the_role_and_the_role_before_all_roles(self, preferences) -> None:
        defaults = {"default": {"a": 1, "b": 1, "c": 1}, "viewer": {"b": 2, "c": 2, "d": 2}, "admin": {"c": 9}}
        found = preferences('{"c": 3, "e": 3}', "viewer", defaults)
        assert {key: (said["value"], said["source"]) for key, said in found.items()} == {
            "a": (1, "default"),
            "b": (2, "default"),
            "c": (3, "stored"),
            "d": (2, "default"),
            "e": (3, "stored"),
        }
        assert list(found) == sorted(found)

    @pytest.mark.parametrize("role", ["owner", None, "default"])
    def test_a_role_without_defaults_has_those_of_all(self, preferences, role) -> None:
        assert preferences(None, role, DEFAULTS)["page_size"]["value"] == 50

    def test_a_role_may_have_defaults_where_all_have_none(self, preferences) -> None:
        defaults = {"viewer": {"theme": "dark"}}
        assert preferences(None, "viewer", defaults) == {"theme": {"value": "dark", "source": "default"}}
        assert preferences(None, "admin", defaults) == {}

    @pytest.mark.parametrize("value", [True, False, None, 0, -1.5, 10**20, "", "dark", "de_DE", "Europe/Berlin", "ä" * 40])
    def test_a_choice_is_shown(self, preferences, value) -> None:
        assert preferences(json.dumps({"key": value})) == {"key": {"value": value, "source": "stored"}}

    @pytest.mark.parametrize(
        "value",
        [
            *({"mail": True}, {}, [], ["dark"], "ann@example.org", "x" * 41, "Ann Smith", "a\u00a0b", "a\nb", "a\u0000b"),
            *(math.nan, math.inf, -math.inf),
        ],
    )
    def test_what_may_be_a_text_of_ones_own_is_withheld(self, preferences, value) -> None:
        assert preferences(json.dumps({"key": value})) == {"key": WITHHELD}

    @pytest.mark.parametrize("key", ["display_name", "Email", "phone", "mobileNumber", "api_key", "apiKey", "PASSWORD", "birthday"])
    def test_what_the_key_calls_private_is_withheld_but_for_yes_and_no(self, preferences, key) -> None:
        assert preferences(json.dumps({key: "x"})) == {key: WITHHELD}
        assert preferences(json.dumps({key: 491701234567})) == {key: WITHHELD}
        assert preferences(json.dumps({key: True})) == {key: {"value": True, "source": "stored"}}

    def test_a_withheld_value_still_goes_before_a_default(self, preferences) -> None:
        assert preferences('{"theme": {"name": "x"}}', None, DEFAULTS)["theme"] == WITHHELD

    @pytest.mark.parametrize("key", ["ann@example.org", "", "x" * 41, "letters to Ann", "a\u0000", "a\n"])
    def test_a_key_that_is_no_word_is_left_out(self, preferences, key) -> None:
        assert preferences(json.dumps({key: 1, "b": 2})) == {"b": {"value": 2, "source": "stored"}}

    def test_a_key_with_marks_of_json_stays_a_key(self, preferences) -> None:
        for key in ('a"b', "a\\b", "a/b~c", "$.a", "a.b", "'", "ä", "*"):
            assert preferences(json.dumps({key: 1})) == {key: {"value": 1, "source": "stored"}}

    def test_of_a_key_stored_twice_the_last_counts(self, preferences) -> None:
        assert preferences('{"a": 2, "b": 0, "a": 1}')["a"]["value"] == 1

    @pytest.mark.parametrize("stored", [None, "null", "[1]", '"dark"', "7", "{}"])
    def test_what_is_no_object_is_as_if_nothing_were_stored(self, preferences, stored) -> None:
        assert preferences(stored) == {}

    def test_defaults_are_said_for_each_role(self) -> None:
        assert defaults_by_role({"viewer": {"a": True}, "default": {"a": None, "b": "x"}}) == {
            "default_roles": ["default", "default", "viewer", "viewer"],
            "default_keys": ["a", "b", "a", "b"],
            "default_values": ["null", '"x"', "true", '"x"'],
        }
        assert defaults_by_role({}) == {"default_roles": [], "default_keys": [], "default_values": []}


class TestOnAWarehouse:
    def compute(self, home: Home, as_of) -> int:
        preferences = ProfileSettings().preferences
        return compute_table(
            USER_PROFILES, str(home.root), limits=LIMITS, as_of=as_of, bot_pattern=BOTS, preferences=preferences
        ).rows

    def test_scores_of_another_as_of_are_refused_and_nothing_is_written(self, home: Home) -> None:
        with pytest.raises(
            GovpulseError, match=r"user_profiles: expertise_scores not computed as of 2026-07-01.*--only user_profiles"
        ):
            self.compute(home, AS_OF)
        with warehouse(home, LIMITS) as con:
            con.execute("INSERT INTO raw.users (user_id, updated_at, is_deleted) VALUES ('ann', now(), false)")
        compute_table(EXPERTISE_SCORES, str(home.root), limits=LIMITS, as_of=AS_OF, rules=ExpertiseSettings().rules)
        assert self.compute(home, AS_OF) == 1
        with pytest.raises(GovpulseError, match="expertise_scores not computed as of"):
            self.compute(home, AS_OF + timedelta(hours=1))
        with warehouse(home, LIMITS) as con:
            assert con.execute("SELECT as_of FROM insights.user_profiles").fetchall() == [(AS_OF,)]
            book = con.execute("SELECT as_of, rows FROM ops.computations WHERE insight = 'user_profiles'").fetchall()
        assert book == [(AS_OF, 1)]

    def test_a_computation_replaces_the_one_before(self, home: Home) -> None:
        with warehouse(home, LIMITS) as con:
            con.execute("INSERT INTO raw.users (user_id, updated_at, is_deleted) VALUES ('ann', now(), false)")
        for hours in range(2):
            as_of = AS_OF + timedelta(hours=hours)
            compute_table(EXPERTISE_SCORES, str(home.root), limits=LIMITS, as_of=as_of, rules=ExpertiseSettings().rules)
            assert self.compute(home, as_of) == 1
        with warehouse(home, LIMITS) as con:
            assert con.execute("SELECT as_of FROM insights.user_profiles").fetchall() == [(as_of,)]


some_acts = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["ann", "bob", "svc-sync", None]),
        "domain": st.sampled_from(["hr", "it", "finance", "finance.tax", None]),
        "action": st.sampled_from(["create", "update", None]),
        "status": st.sampled_from(["succeeded", "succeeded", "failed", "running", "canceled"]),
        "resource_id": st.sampled_from(["t-1", "ann@example.org", None]),
        "occurred_at": st.integers(-60, 50 * 3600).map(lambda seconds: AS_OF - timedelta(seconds=seconds)),
    }
)
histories = st.lists(some_acts, max_size=30)
texts = st.text(st.sampled_from("ab@ \n\"\\é\u2028'~/0"), max_size=45)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)
some_users = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["ann", "bob", "eve", "joe"]),
        "role": st.sampled_from(["viewer", "admin", None]),
        "is_active": st.sampled_from([True, False, None]),
        "is_deleted": st.booleans(),
        "preferences": st.none() | st.dictionaries(texts, values, max_size=4).map(json.dumps),
    }
)
crowds = st.lists(some_users, max_size=4, unique_by=lambda user: user["user_id"])


@given(histories, crowds, st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES, deadline=None)
def test_profiles_do_not_depend_on_the_order_of_rows(table, history, crowd, random) -> None:
    numbered = [act | {"activity_id": f"a{number}"} for number, act in enumerate(history)]
    once = table(numbered, crowd)
    again = table(random.sample(numbered, len(numbered)), random.sample(crowd, len(crowd)))
    assert_frame_equal(again, once, check_exact=True)


@given(histories, crowds)
@settings(max_examples=EXAMPLES, deadline=None)
def test_no_address_and_no_sentence_comes_through(profiles, history, crowd) -> None:
    for profile in profiles(history, crowd).values():
        assert all("@" not in json.dumps(profile[name]) for name in ("recent_acts", "preferences"))
        for key, said in profile["preferences"].items():
            assert isinstance(said["value"], str | int | float | None)
            for text in (key, *([said["value"]] if isinstance(said["value"], str) else [])):
                assert len(text) <= 40
                assert text.split() == ([text] if text else [])


@given(histories, crowds)
@settings(max_examples=EXAMPLES, deadline=None)
def test_figures_of_a_profile_agree_with_each_other(profiles, history, crowd) -> None:
    found = profiles(history, crowd)
    listed = {user["user_id"] for user in crowd if not user["is_deleted"]}
    assert listed <= set(found)
    for user, profile in found.items():
        assert user in listed or profile["events"] > 0
        assert (profile["events"] == 0) == (profile["last_active_at"] is None) == (profile["presence"] is None)
        assert (profile["domains"] == 0) == (profile["breadth"] is None)
        assert profile["breadth"] is None or 1 - 1e-9 <= profile["breadth"] <= profile["domains"] + 1e-9
        assert len(profile["top_knowledge"]) == min(profile["domains"], 5)
        assert len(profile["recent_acts"]) == min(profile["recent_events"], 20)
        shares = [each["knowledge_share"] for each in profile["top_knowledge"]]
        assert profile["depth"] == (shares[0] if shares else None)
