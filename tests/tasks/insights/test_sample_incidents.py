"""A sample lived through in three looks: what was built in is found, and nothing else. benchmarks/sample_incidents.py has the
figures."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.home import Home
from tests.sample_replay import Found, Label, Replayed, looks_between, replay

UNTIL = datetime(2026, 6, 1, tzinfo=UTC)
LOOKS = [UNTIL - timedelta(days=days) for days in (38, 10, 0)]
"""While one operation fails and scans are slow; when everything else has begun; the end."""


def test_what_was_built_into_the_sample_is_found_and_nothing_else(tmp_path) -> None:
    replayed = replay(Home(tmp_path), seed=3, until=UNTIL, days=120, looks=LOOKS)
    judged = replayed.judged()
    assert {label.kind for label in judged} == {label.kind for label in replayed.labels}
    assert [label for label in judged if replayed.found_of(label) is None] == []
    assert replayed.false() == []
    early = {finding.kind for finding in replayed.findings if finding.found_at == LOOKS[0]}
    assert early <= {"stuck_scan", "stuck_deployment", "scan_slowdown", "error_rate_rise", "knowledge_at_risk"}


class TestMatching:
    """An operation fails from day 10 to day 12; looks from day 5 to day 20."""

    label = Label("error_rate_rise", "GET /a", UNTIL + timedelta(days=10), UNTIL + timedelta(days=12))

    def replayed(self, *findings: Found, label: Label | None = None) -> Replayed:
        return Replayed((label or self.label,), findings, UNTIL + timedelta(days=5), UNTIL + timedelta(days=20))

    def found(self, day: float, kind: str = "error_rate_rise", subject: str = "GET /a") -> Found:
        at = UNTIL + timedelta(days=day)
        return Found(kind, subject, at, at)

    @pytest.mark.parametrize(
        ("day", "kind", "subject", "is_true"),
        [
            (10, "error_rate_rise", "GET /a", True),
            (13, "error_rate_rise", "GET /a", True),
            (9.9, "error_rate_rise", "GET /a", False),
            (13.1, "error_rate_rise", "GET /a", False),
            (11, "error_rate_rise", "GET /b", False),
            (11, "response_time_degradation", "GET /a", False),
        ],
        ids=["at its start", "a day after its end", "too early", "too late", "another subject", "another kind"],
    )
    def test_a_finding_is_true_of_its_kind_and_subject_in_its_time(self, day, kind, subject, is_true: bool) -> None:
        replayed = self.replayed(finding := self.found(day, kind, subject))
        assert replayed.false() == ([] if is_true else [finding])
        assert (replayed.found_of(self.label) is not None) == is_true

    def test_the_first_of_several_counts_and_the_others_are_not_false(self) -> None:
        replayed = self.replayed(self.found(12), self.found(11))
        assert replayed.found_of(self.label) == self.found(11)
        assert replayed.false() == []

    def test_any_type_of_scan_of_the_data_source_will_do(self) -> None:
        slow = Label("scan_slowdown", "crm", self.label.started_at, None)
        replayed = self.replayed(self.found(15, "scan_slowdown", "crm"), label=slow)
        assert replayed.false() == []

    def test_a_state_that_no_label_tells_of_is_neither_right_nor_wrong(self) -> None:
        assert self.replayed(self.found(11, "knowledge_at_risk", "sales")).false() == []

    @pytest.mark.parametrize(
        ("began", "ended", "is_judged"),
        [(10, 12, True), (1, 4.9, False), (1, 6, True), (1, None, True), (19.5, None, False)],
        ids=["in the looks", "over before them", "not over before them", "for ever", "just begun"],
    )
    def test_labels_are_judged_that_could_be_found(self, began, ended, is_judged: bool) -> None:
        finished_at = None if ended is None else UNTIL + timedelta(days=ended)
        label = Label("error_rate_rise", "GET /a", UNTIL + timedelta(days=began), finished_at)
        assert self.replayed(label=label).judged() == ([label] if is_judged else [])


def test_looks_go_back_from_the_end() -> None:
    looks = looks_between(UNTIL - timedelta(hours=50), UNTIL, timedelta(hours=24))
    assert looks == [UNTIL - timedelta(hours=hours) for hours in (48, 24, 0)]
