"""`govpulse alerts rules`, and what doctor says of exceptions that are past."""

import json

import pytest

EXCEPTIONS = """
[[rule]]
name = "disk_almost_full"
[[rule.except]]
match = ["subject=archive"]
warning = "500GB"
critical = "100GB"
[[rule.except]]
match = ["subject=~test-.*"]
off = true
until = "2001-01-31T00:00:00Z"
"""


def test_rules_are_shown_with_their_exceptions(govpulse, tmp_path) -> None:
    (tmp_path / "own.toml").write_text(EXCEPTIONS)
    lines = [line.split("  ") for line in govpulse("alerts", "rules", "--file", "own.toml").out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[0] == ["rule", "warning", "critical", "from"]
    at = next(number for number, line in enumerate(cells) if line[0] == "disk_almost_full")
    assert cells[at][1:3] == ["85.0%", "95.0%"]
    assert cells[at][3].startswith("shipped, with exceptions of")
    assert cells[at + 1] == ["subject=archive", "500 GB or less", "100 GB or less", "exception"]
    assert cells[at + 2] == ["subject=~test-.*", "off", "off", "past: it held until 2001-01-31 00:00+0000"]


def test_rules_are_json_with_the_keys_of_a_file(govpulse, tmp_path) -> None:
    (tmp_path / "own.toml").write_text(EXCEPTIONS)
    rules = {each["name"]: each for each in json.loads(govpulse("alerts", "rules", "--file", "own.toml", "--json").out)}
    assert [each["is_past"] for each in rules["disk_almost_full"]["except"]] == [False, True]
    assert rules["disk_almost_full"]["except"][1]["match"] == ["subject=~test-.*"]
    assert rules["cpu_spike"]["source"] == "shipped"


@pytest.mark.slow
def test_doctor_names_an_exception_that_is_past(govpulse, monkeypatch, tmp_path) -> None:
    (tmp_path / "own.toml").write_text(EXCEPTIONS)
    monkeypatch.setenv("GOVPULSE_ALERTS__RULES", str(tmp_path / "own.toml"))
    said = " ".join(govpulse("doctor").out.split())
    assert "exceptions that are past: disk_almost_full: subject=~test-.*" in said
