"""`govpulse config`, `--config`, and how mistakes in the configuration leave every command."""

import json
from pathlib import Path

import pytest

RULE = '[[rule]]\nname = "mine"\nsql = "SELECT 1"\nwarning = 1\n'


def write(folder: Path, text: str, name: str = "govpulse.toml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_show_prints_every_setting_in_force(govpulse, home, tmp_path) -> None:
    write(tmp_path, "[insights]\nwindow_days = 30\n")
    lines = govpulse("config", "show").out.splitlines()
    assert f"home = {json.dumps(str(home))}" in lines
    assert "insights.window_days = 30" in lines
    assert 'source.kind = "sample"' in lines
    assert "alerts.rules = null" in lines


def test_show_as_json_is_for_scripts(govpulse, home) -> None:
    settings = json.loads(govpulse("config", "show", "--json").out)
    assert settings["home"] == str(home)
    assert settings["notifications"]["channels"][0]["name"] == "console"


def test_the_option_names_the_file_in_force(govpulse, tmp_path) -> None:
    write(tmp_path, "[insights]\nwindow_days = 30\n")
    other = write(tmp_path, "[insights]\nwindow_days = 40\n", "other.toml")
    assert "insights.window_days = 40" in govpulse("--config", other, "config", "show").out


def test_check_counts_own_rules(govpulse, tmp_path) -> None:
    assert "defaults" in govpulse("config", "check").out
    shipped = int(govpulse("config", "check").out.split(";")[1].split()[0])
    write(tmp_path, RULE, "own.toml")
    write(tmp_path, '[alerts]\nrules = "own.toml"\n')
    outcome = govpulse("config", "check")
    assert outcome.code == 0
    assert "govpulse.toml" in outcome.out
    assert f"{shipped + 1} alert rules" in outcome.out


@pytest.mark.parametrize("command", [["config", "check"], ["config", "show"], ["query", "SELECT 1"], ["run"], ["doctor"]])
def test_a_wrong_setting_ends_every_command_with_2(fails, home, tmp_path, command) -> None:
    write(tmp_path, "[source]\nkidn = 'none'\n")
    said = fails(2, *command)
    assert "source.kidn" in said
    assert "govpulse.toml" in said
    assert not home.exists(), "nothing was started"


@pytest.mark.parametrize("command", [["config", "check"], ["run"]])
def test_a_wrong_rule_ends_with_2_before_anything_starts(fails, home, tmp_path, command) -> None:
    write(tmp_path, RULE + 'for = "5"\n', "own.toml")
    write(tmp_path, '[alerts]\nrules = "own.toml"\n')
    said = fails(2, *command)
    for word in ("own.toml", "mine", "for", "5m"):
        assert word in said
    assert not home.exists()


def test_a_settings_file_that_is_not_there(fails, tmp_path) -> None:
    assert "none.toml does not exist" in fails(2, "--config", str(tmp_path / "none.toml"), "config", "check")


def test_show_prints_no_secret_of_a_channel(govpulse, tmp_path) -> None:
    channel = (
        '[[notifications.channels]]\nname = "ops"\nkind = "webhook"\nurl = "https://h.example.com/s3cret"\nsecret = "s3cret"\n'
    )
    write(tmp_path, channel + '[alerts]\nheartbeat_url = "https://h.example.com/s3cret"\n')
    for command in (["config", "show"], ["config", "show", "--json"]):
        printed = govpulse(*command)
        assert "***" in printed.out
        assert "s3cret" not in printed.out + printed.err


@pytest.mark.parametrize("command", [["config", "check"], ["config", "show"], ["run"]])
def test_a_wrong_channel_ends_with_2_and_without_its_secret(fails, home, tmp_path, command) -> None:
    write(tmp_path, '[[notifications.channels]]\nname = "ops"\nkind = "webhook"\nurl = "ftp://h.example.com/s3cret"\n')
    said = fails(2, *command)
    assert "its url does not begin with https:// or http://" in said
    assert "s3cret" not in said
    assert not home.exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('kind = "sqlite"\nurl = "nowhere.db"', "nowhere.db does not exist; set [source] url"),
        ('kind = "files"\nurl = "nowhere"', "nowhere does not exist; set [source] url"),
        ('kind = "postgresql"\nurl = "db.example.org"', "is no PostgreSQL URL"),
        ('kind = "mysql"\nurl = "db.example.org"', "is no MySQL URL"),
        ('kind = "mysql"\nurl = "mysql://db/x?sslmode=require"', "has a parameter that is not one of ssl_mode"),
        ('kind = "postgresql"\nurl = "postgresql://db/x"\nmapping = "./mine"', "mine: give one of "),
        ('kind = "none"\ntimezone = "Mars/Olympus"', "unknown time zone 'Mars/Olympus'"),
        ('kind = "files"\nurl = "."\ndatasets = { "a*.csv" = "staff" }', "unknown dataset staff"),
        ('zero_instants = ["never"]', "source.zero_instants"),
    ],
)
def test_a_source_that_is_not_there(fails, tmp_path, source, said) -> None:
    write(tmp_path, f"[source]\n{source}\n")
    assert said in fails(2, "config", "check")
