"""Which tables a run computes, in which order, and with what of the settings."""

import random
from typing import get_args

from flows.insight_step import taken
from flows.insights import InsightName
from flows.settings import Settings
from storage.catalogue import DATASETS, INSIGHTS
from tasks.insights.registry import REGISTERED, in_order, with_inputs


def test_tables_are_computed_with_those_that_they_are_computed_from() -> None:
    assert with_inputs(REGISTERED, ["active_scans", "collect"]) == {"active_scans"}
    assert with_inputs(REGISTERED, ["user_profiles", "active_scans"]) == {"user_profiles", "expertise_scores", "active_scans"}
    asked = with_inputs(REGISTERED, ["performance_insights"])
    assert {"performance_insights", "active_scans", "scan_performance", "deployment_trends", "deployment_metrics"} <= asked
    assert {"domain_experts", "expertise_scores"} <= asked, "what an input is computed from belongs to it"
    assert asked <= set(INSIGHTS)


def test_what_a_table_is_computed_from_comes_before_it_wherever_it_is_listed() -> None:
    shuffled = list(REGISTERED)
    random.Random(1).shuffle(shuffled)
    order = [insight.name for insight in in_order(shuffled)]
    assert sorted(order) == sorted(INSIGHTS)
    for place, name in enumerate(order):
        assert set(INSIGHTS[name].inputs) <= set(order[:place]), name


def test_where_what_is_read_comes_first_already_the_listed_order_stays() -> None:
    assert in_order(REGISTERED) == list(REGISTERED)


def test_what_an_insight_takes_is_a_setting_and_what_it_reads_a_dataset() -> None:
    for insight in REGISTERED:
        assert taken(insight, Settings()).keys() == insight.takes.keys()
        assert set(insight.reads) <= set(DATASETS), insight.name
        assert insight.reads or insight.table.inputs or " alerts." in insight.select, insight.name


def test_the_form_offers_every_insight() -> None:
    assert set(get_args(InsightName)) == set(INSIGHTS)
