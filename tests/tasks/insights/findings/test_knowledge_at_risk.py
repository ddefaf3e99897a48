"""Domains that rest on one person, or whose first by knowledge is gone. As of 25 Nov 2026 12:30 UTC."""

import json

import pytest


@pytest.fixture
def domain(ago):
    return {
        "domain": "finance.ledger", "is_rollup": False, "people": 6, "active_people": 6, "expert_user_id": "ann",
        "expert_share": 0.71, "expert_level": "expert",
        "runner_up_user_id": "bob", "runner_up_share": 0.09, "available_user_id": "eve", "bus_factor": 1,
        "has_single_holder": True, "has_lost_expert": False, "confidence": "high", "last_active_at": ago(days=3),
    }  # fmt: skip


@pytest.fixture
def left(ago):
    return {"user_id": "ann", "is_active": False, "updated_at": ago(days=12), "is_deleted": False}


def test_a_domain_on_one_person_is_found_with_what_to_do(find_in, domain, ago) -> None:
    (found,) = find_in(domain_experts=[domain])
    assert (found["kind"], found["subject"], found["severity"]) == ("knowledge_at_risk", "finance.ledger", "warning")
    assert found["statement"] == (
        "finance.ledger depends on one person: ann holds 71.0 % of the knowledge, the next of 6 users is bob with 9.0 %."
    )
    assert found["recommendation"] == (
        "Spread the knowledge: let bob, who knows it next best, make the next changes in finance.ledger, and let ann review them."
    )
    assert found["started_at"] == ago()
    evidence = json.loads(found["evidence"])
    assert evidence["sql"] == "SELECT * FROM insights.expertise_scores WHERE domain = 'finance.ledger' ORDER BY knowledge_rank"
    assert (evidence["bus_factor"], evidence["expert_user_id"]) == (1, "ann")


def test_of_one_person_alone_it_says_so(find_in, domain) -> None:
    (found,) = find_in(
        domain_experts=[domain | {"people": 1, "runner_up_user_id": None, "runner_up_share": None, "expert_share": 1.0}]
    )
    assert found["statement"].endswith("ann holds 100.0 % of the knowledge, nobody else has acted in it.")
    assert "let a second person make the next changes" in found["recommendation"]


def test_a_lost_expert_is_found_since_the_platform_says_so(find_in, domain, left, ago) -> None:
    lost = {"has_lost_expert": True, "has_single_holder": False, "bus_factor": 2}
    (found,) = find_in(domain_experts=[domain | lost], raw_users=[left])
    assert (found["severity"], found["started_at"]) == ("warning", ago(days=12))
    assert found["statement"] == (
        "ann, who knows finance.ledger best with 71.0 % of the knowledge, can no longer log in;"
        " the next of 6 users is bob with 9.0 %."
    )
    assert found["recommendation"].startswith("Hand it over: make eve, who is most available in finance.ledger, its owner")
    assert {"ann", "bob", "eve"} <= set(json.loads(found["evidence"]).values()), "`govpulse forget` goes by the evidence"


def test_it_is_critical_where_the_only_holder_is_gone(find_in, domain, left) -> None:
    (found,) = find_in(domain_experts=[domain | {"has_lost_expert": True, "available_user_id": None}], raw_users=[left])
    assert found["severity"] == "critical"
    assert found["recommendation"].startswith("Nobody who acted in finance.ledger can still log in: appoint two people")


@pytest.mark.parametrize(
    "change",
    [
        {"has_single_holder": False, "bus_factor": 2},
        {"is_rollup": True},
        {"expert_level": "insufficient_evidence"},
        {"expert_user_id": None, "expert_level": None, "confidence": None, "has_single_holder": False, "bus_factor": None},
    ],
    ids=["two holders", "roll-up", "hardly anything known", "only bots"],
)
def test_anything_else_is_no_finding(find_in, domain, change) -> None:
    assert find_in(domain_experts=[domain | change]) == []


def test_a_domain_that_nobody_uses_needs_nobody_to_spread_it(find_in, domain, left, ago) -> None:
    idle = domain | {"last_active_at": ago(days=91)}
    assert find_in(domain_experts=[idle]) == []
    assert len(find_in(domain_experts=[idle | {"has_lost_expert": True}], raw_users=[left])) == 1


def test_names_are_quoted_in_the_sql(find_in, domain) -> None:
    (found,) = find_in(domain_experts=[domain | {"domain": "o'hara"}])
    assert "domain = 'o''hara'" in json.loads(found["evidence"])["sql"]
