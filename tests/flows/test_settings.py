"""Settings: defaults, the file, variables over it, and one line that names what is wrong and where."""

import json
import os
import traceback
from pathlib import Path

import pytest

from flows.settings import Settings, config_file, load_settings, shown
from storage.errors import ConfigurationError
from storage.limits import Limits


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch) -> Path:
    """An empty working directory, and no variables of ours."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("GOVPULSE_")]:
        monkeypatch.delenv(name)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_without_anything_the_embedded_default_runs(folder: Path) -> None:
    settings = load_settings()
    assert settings.source.kind == "sample"
    assert settings.folder.root == folder / "data"
    assert settings.channels == {"console": "warning"}
    assert settings.limits == Limits(300.0, 2, "2GB")


def test_the_file_is_read_from_the_working_directory_the_variable_or_the_argument(folder: Path, monkeypatch) -> None:
    write(folder / "govpulse.toml", "[insights]\nwindow_days = 30\n")
    named = write(folder / "named.toml", "[insights]\nwindow_days = 40\n")
    given = write(folder / "given.toml", "[insights]\nwindow_days = 50\n")
    assert load_settings().insights.window_days == 30
    monkeypatch.setenv("GOVPULSE_CONFIG", str(named))
    assert load_settings().insights.window_days == 40
    assert load_settings(given).insights.window_days == 50
    assert config_file(given) == given


def test_everything_may_stand_in_the_file(folder: Path) -> None:
    text = """
        home = "elsewhere"
        [source]
        kind = "sqlite"
        url = "platform.sqlite"
        timezone = "Europe/Berlin"
        [alerts]
        rules = "own.toml"
        [[notifications.channels]]
        name = "ops"
        min_severity = "critical"
        [[notifications.channels]]
        name = "all"
        [retention]
        ops_days = 0
    """
    settings = load_settings(write(folder / "a.toml", text))
    assert (settings.source.kind, settings.source.mapping) == ("sqlite", "racine")
    assert settings.folder.root == folder / "elsewhere"
    assert settings.alerts.rules == folder / "own.toml"
    assert settings.channels == {"ops": "critical", "all": "warning"}
    assert [channel.kind for channel in settings.notifications.channels] == ["console", "console"]
    assert settings.retention.days == {"system_metrics_days": 30, "hourly_days": 400, "insights_days": 400, "ops_days": 0}


def test_variables_go_over_the_file_key_by_key(folder: Path, monkeypatch) -> None:
    file = write(folder / "a.toml", 'home = "a"\n[source]\nkind = "sqlite"\nurl = "x"\n[warehouse]\nthreads = 4\n')
    monkeypatch.setenv("GOVPULSE_HOME", "/elsewhere")
    monkeypatch.setenv("GOVPULSE_SOURCE__URL", "y")
    monkeypatch.setenv("GOVPULSE_WAREHOUSE__MEMORY", "1GB")
    monkeypatch.setenv("GOVPULSE_NOTIFICATIONS__CHANNELS", '[{"name": "ops"}]')
    settings = load_settings(file)
    assert settings.home == Path("/elsewhere")
    assert (settings.source.kind, settings.source.address.url) == ("sqlite", "y")
    assert (settings.warehouse.threads, settings.warehouse.memory) == (4, "1GB")
    assert settings.channels == {"ops": "warning"}


def test_paths_in_a_file_are_relative_to_the_file(folder: Path, monkeypatch) -> None:
    """A flow run has another working directory than the person who wrote the file."""
    (folder / "conf").mkdir()
    text = 'home = "d"\n[source]\nurl = "{url}"\nmapping = "{mapping}"\n[alerts]\nrules = "/etc/rules.toml"\n'
    file = folder / "conf" / "a.toml"
    for url in ("p.sqlite", "sqlite:///p.sqlite", "../conf/p.sqlite"):
        settings = load_settings(write(file, text.format(url=url, mapping="./mine")))
        assert Path(settings.source.address.url).resolve() == folder / "conf" / "p.sqlite"
        assert Path(settings.source.mapping) == folder / "conf" / "mine"
        assert settings.folder.root == folder / "conf" / "d"
        assert settings.alerts.rules == Path("/etc/rules.toml")
    settings = load_settings(write(file, text.format(url="sqlite:////srv/p.sqlite", mapping="racine")))
    assert (settings.source.address.url, settings.source.mapping) == ("/srv/p.sqlite", "racine")
    monkeypatch.setenv("GOVPULSE_SOURCE__URL", "p.sqlite")
    assert load_settings(file).source.address.url == "p.sqlite", "a variable's path is relative to where the command runs"


MISTAKES_IN_THE_FILE = {
    "unknown section": ("[sorce]\nkind = 'none'", "unknown setting sorce"),
    "unknown key": ("[source]\nkidn = 'none'", "unknown setting source.kidn"),
    "unknown key at the top": ("homes = 'x'", "unknown setting homes"),
    "unknown key of a channel": (
        "[[notifications.channels]]\nname = 'a'\nurll = 'x'",
        "unknown setting notifications.channels.0.urll",
    ),
    "wrong word": ("[source]\nkind = 'oracle'", "wrong setting source.kind"),
    "wrong type": ("[insights]\nwindow_days = 'many'", "wrong setting insights.window_days"),
    "out of range": ("[warehouse]\nthreads = 0", "wrong setting warehouse.threads"),
    "a value for a section": ("source = 3", "wrong setting source"),
    "channel without a name": ("[[notifications.channels]]\nkind = 'console'", "wrong setting notifications.channels.0.name"),
    "a list for a preference": (
        "[profiles.preferences.viewer]\ntheme = ['dark']",
        "viewer.theme is not a text, a number, true or false; use one of these",
    ),
    "a date for a preference": ("[profiles.preferences.default]\nsince = 2026-01-01", "wrong setting profiles.preferences"),
    "no number for a preference": ("[profiles.preferences.default]\nsize = nan", "wrong setting profiles.preferences"),
    "a preference without a role": ("[profiles.preferences]\ntheme = 'dark'", "wrong setting profiles.preferences.theme"),
    "a spelling of two environments": (
        "[insights.environments]\nproduction = ['live']\nshop = ['Live ']",
        "live is a spelling of two environments",
    ),
    "no TOML": ("[source\n", "line 1"),
}


def test_other_spellings_of_an_environment(folder: Path) -> None:
    """However the file writes them; a name is its own spelling."""
    settings = load_settings(write(folder / "own.toml", "[insights.environments]\nProduction = ['PROD ', 'production']"))
    assert settings.insights.environment_names == {"key": ["prod", "production"], "value": ["production", "production"]}


def error_of(file: Path | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("text", "said"), MISTAKES_IN_THE_FILE.values(), ids=MISTAKES_IN_THE_FILE)
def test_a_mistake_in_the_file_names_setting_and_file(folder: Path, text: str, said: str) -> None:
    error = error_of(write(folder / "own.toml", text))
    assert said in error
    assert "own.toml" in error


MISTAKES_IN_VARIABLES = {
    "unknown section": ("GOVPULSE_SORCE__KIND", "none"),
    "unknown word": ("GOVPULSE_HOMES", "x"),
    "unknown key": ("GOVPULSE_SOURCE__KIDN", "none"),
    "wrong word": ("GOVPULSE_SOURCE__KIND", "oracle"),
    "wrong type": ("GOVPULSE_INSIGHTS__WINDOW_DAYS", "many"),
    "no JSON": ("GOVPULSE_NOTIFICATIONS__CHANNELS", "console"),
    "unknown key in JSON": ("GOVPULSE_NOTIFICATIONS__CHANNELS", '[{"name": "a", "urll": "x"}]'),
}


@pytest.mark.parametrize(("name", "value"), MISTAKES_IN_VARIABLES.values(), ids=MISTAKES_IN_VARIABLES)
def test_a_mistake_in_a_variable_names_the_variable_not_the_file(folder: Path, monkeypatch, name: str, value: str) -> None:
    file = write(folder / "own.toml", "[source]\nkind = 'none'\n")
    monkeypatch.setenv(name, value)
    error = error_of(file)
    assert all(part.lower() in error.lower() for part in name.removeprefix("GOVPULSE_").split("__"))
    assert "own.toml" not in error


def test_a_wrong_value_is_quoted(folder: Path) -> None:
    assert "'many'" in error_of(write(folder / "own.toml", "[insights]\nwindow_days = 'many'"))


def test_preferences_that_are_set_replace_the_shipped_ones(folder: Path, monkeypatch) -> None:
    assert "theme" in load_settings().profiles.preferences["default"]
    file = write(folder / "a.toml", "[profiles.preferences.default]\ndensity = 'compact'\nhints = true\n")
    assert load_settings(file).profiles.preferences == {"default": {"density": "compact", "hints": True}}
    monkeypatch.setenv("GOVPULSE_PROFILES__PREFERENCES", '{"viewer": {"page_size": null}}')
    assert load_settings().profiles.preferences == {"viewer": {"page_size": None}}


def test_a_file_that_was_named_must_be_there(folder: Path, monkeypatch) -> None:
    assert error_of(folder / "none.toml") == f"the settings file {folder / 'none.toml'} does not exist"
    monkeypatch.setenv("GOVPULSE_CONFIG", "gone.toml")
    assert "gone.toml" in error_of()


def test_a_file_in_another_encoding_is_named(folder: Path) -> None:
    path = folder / "own.toml"
    path.write_bytes('home = "größe"'.encode("latin-1"))
    assert "own.toml" in error_of(path)


def test_other_programs_variables_are_not_ours(monkeypatch) -> None:
    monkeypatch.setenv("GOVERNOR_HOME", "x")
    monkeypatch.setenv("SOURCE__KIND", "oracle")
    assert load_settings() == Settings()


def test_every_setting_has_a_description() -> None:
    sections = {name: field.annotation for name, field in Settings.model_fields.items() if name not in ("home", "sources")}
    missing = [
        f"{name}.{key}" for name, section in sections.items() for key, f in section.model_fields.items() if not f.description
    ]
    assert missing == []


@pytest.mark.parametrize(
    "text",
    [
        'source = "{url}"',
        '[[source]]\nurl = "{url}"',
        '[source]\nkind = "{url}"',
        '[source]\nurll = "{url}"',
        '[source]\nurl = ["{url}"]',
    ],
    ids=["no section", "a list", "wrong key", "unknown key", "wrong type"],
)
def test_a_wrong_source_is_said_without_its_password(tmp_path, text) -> None:
    file = write(tmp_path / "govpulse.toml", text.replace("{url}", "postgresql://user:s3cret@host/db"))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


CHANNEL = "[[notifications.channels]]\nname = 'ops'\n"
MISTAKES_IN_CHANNELS = {
    "webhook without a url": ("kind = 'webhook'", "ops, of kind webhook, needs url, url_env or url_block"),
    "apprise without a url": ("kind = 'apprise'", "ops, of kind apprise, needs url, url_env or url_block"),
    "pagerduty without a secret": ("kind = 'pagerduty'", "ops, of kind pagerduty, needs secret, secret_env or secret_block"),
    "a url and its variable": (
        "kind = 'webhook'\nurl = 'https://h/s3cret'\nurl_env = 'X'",
        "only one of url and url_env may be set",
    ),
    "a variable and a block": (
        "kind = 'pagerduty'\nsecret_env = 'a'\nsecret_block = 'b'",
        "only one of secret_env and secret_block",
    ),
    "a url for the console": ("url = 's3cret'", "ops, of kind console, takes no url"),
    "a secret for apprise": ("kind = 'apprise'\nurl = 'a://s3cret'\nsecret = 's3cret'", "ops, of kind apprise, takes no secret"),
    "another protocol": ("kind = 'webhook'\nurl = 'ftp://h/s3cret'", "ops: its url does not begin with https:// or http://"),
    "a password with a slash": ("kind = 'webhook'\nurl = 'https://u:s3cret/s3cret@h/x'", "ops: its url names no host"),
    "an open bracket": ("kind = 'webhook'\nurl = 'https://[s3cret/x'", "ops: its url names no host"),
    "no host": ("kind = 'webhook'\nurl = 'https:///s3cret'", "ops: its url names no host"),
    "a url for a name": ("kind = 'webhook'\nurl_env = 'https://h/s3cret'", "url_env is the name of what holds it, not a URL"),
    "no apprise url": ("kind = 'apprise'\nurl = 's3cret'", "ops: its url is not an Apprise URL"),
    "no base64": ("kind = 'webhook'\nurl = 'https://h'\nsecret = 'whsec_s3cret'", "what follows is not base64"),
    "an unknown kind": ("kind = 's3cret'", "wrong setting notifications.channels.0.kind"),
    "a url that is no text": ("kind = 'webhook'\nurl = ['s3cret']", "wrong setting notifications.channels.0.url"),
    "no rate": ("per_minute = 0", "wrong setting notifications.channels.0.per_minute"),
    "no name": ("name = ''", "notifications.channels"),
}


@pytest.mark.parametrize(("text", "said"), MISTAKES_IN_CHANNELS.values(), ids=MISTAKES_IN_CHANNELS)
def test_a_mistake_in_a_channel_is_said_in_one_line_without_its_secret(folder: Path, text: str, said: str) -> None:
    text = text if text.startswith("name") else CHANNEL + text
    file = write(folder / "own.toml", text if "[[" in text else f"[[notifications.channels]]\n{text}")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    shown_whole = "".join(traceback.format_exception(caught.value))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in shown_whole


@pytest.mark.parametrize(
    "value", ['[{"name": "ops", "kind": "webhook", "url": "ftp://s3cret"}]', '[{"kind": "webhook", "url": "https://s3cret"}]']
)
def test_a_mistake_in_the_channels_variable_is_said_without_its_secret(folder: Path, monkeypatch, value: str) -> None:
    monkeypatch.setenv("GOVPULSE_NOTIFICATIONS__CHANNELS", value)
    error = error_of()
    assert "GOVPULSE_NOTIFICATIONS__CHANNELS" in error
    assert "s3cret" not in error


def test_channels_have_names_of_their_own(folder: Path) -> None:
    assert "more than one channel is called ops" in error_of(write(folder / "own.toml", CHANNEL + CHANNEL))


def test_a_wrong_heartbeat_is_said_without_it(folder: Path) -> None:
    for text in (
        "heartbeat_url = 's3cret'",
        "heartbeat_url = 'https://h/s3cret'\nheartbeat_url_env = 'A'",
        "heartbeat_url = ['s3cret']",
        "heartbeat_url = 'https://u:s3cret/x@h'",
        "heartbeat_url_block = 'https://h/s3cret'",
    ):
        error = error_of(write(folder / "own.toml", f"[alerts]\n{text}"))
        assert "heartbeat_url" in error
        assert "s3cret" not in error


def test_secrets_are_shown_nowhere(folder: Path) -> None:
    text = """
        [alerts]
        heartbeat_url = "https://hc.example.com/s3cret"
        runbook_base_url = "https://git.example.com"
        [[notifications.channels]]
        name = "hook"
        kind = "webhook"
        url = "https://h.example.com/s3cret"
        secret = "s3cret"
        [[notifications.channels]]
        name = "pager"
        kind = "pagerduty"
        secret_env = "PAGER_KEY"
    """
    settings = load_settings(write(folder / "a.toml", text))
    for printed in (str(shown(settings)), repr(settings), str(settings), settings.model_dump_json()):
        assert "s3cret" not in printed
    hook, pager = shown(settings)["notifications"]["channels"]
    assert (hook["url"], hook["secret"], hook["url_env"]) == ("**********", "**********", "")
    assert (pager["url"], pager["secret"], pager["secret_env"]) == ("", "", "PAGER_KEY")
    assert shown(settings)["alerts"]["heartbeat_url"] == "**********"


SOURCE = '[[sources]]\nname = "{}"\nkind = "sqlite"\nurl = "{}.sqlite"\nmapping = "./mine"\n'


def test_several_sources_have_names_and_paths_of_their_own(folder: Path) -> None:
    settings = load_settings(write(folder / "govpulse.toml", SOURCE.format("a", "a") + SOURCE.format("b", "b")))
    assert [source.name for source in settings.all_sources] == ["a", "b"]
    for source in settings.all_sources:
        assert Path(source.address.url).is_absolute()
        assert Path(source.mapping).is_absolute()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SOURCE.format("a", "a") + "[source]\nkind = 'none'\n", "do not go together"),
        (SOURCE.format("a", "a") * 2, "a name of its own, other than sample; a has none"),
        (SOURCE.format("", "a"), "a name of its own"),
        (SOURCE.format("sample", "a"), "a name of its own, other than sample"),
        ('[[sources]]\nname = "a"\nkind = "none"\n', "source a needs a kind that is read"),
        ('[[sources]]\nname = "a b"\nkind = "files"\n', "sources.0.name"),
    ],
)
def test_sources_that_are_none_are_refused_in_a_line(folder: Path, text: str, said: str) -> None:
    assert said in error_of(write(folder / "govpulse.toml", text))


def test_no_password_of_any_source_is_shown(folder: Path) -> None:
    one = '[[sources]]\nname = "{0}"\nkind = "postgresql"\nurl = "postgresql://u:s3cret{0}@h/d"\n'
    text = json.dumps(shown(load_settings(write(folder / "govpulse.toml", one.format("a") + one.format("b")))))
    assert "s3cret" not in text
    assert "postgresql://u" in text
