"""All settings, read in one place: `govpulse.toml`, then GOVPULSE_SECTION__KEY variables over it. Passed down as arguments."""

import math
import os
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from flows.memory import memory_bytes, warehouse_memory
from storage.catalogue import DATASETS
from storage.errors import ConfigurationError
from storage.home import Home
from storage.instants import ZERO_DAYS
from storage.limits import Limits
from storage.people.pseudonyms import Addresses
from storage.publishing.audience import Audience
from tasks.hours import Hours, parse_hours, zone_named
from tasks.insights.expertise.rules import ExpertiseRules
from tasks.insights.scans.limit import ScanLimit, as_rows
from tasks.matchers import Matcher, parse_matcher
from tasks.notifications.channels import Kind, mistake_in
from tasks.patterns import compiled
from tasks.sources.address import Address
from tasks.wording import parse_duration

PREFIX = "GOVPULSE_"
CONFIG_VARIABLE = "GOVPULSE_CONFIG"
CONSOLE_VARIABLE = "GOVPULSE_CONSOLE"
"""For flow runs of an `up`: the file whose lines it prints in its terminal."""
DEFAULT_FILE = Path("govpulse.toml")
FILES_NAMED = {"routes": "holidays", "channels": "template"}
"""Of the lists in `notifications`: the key of an entry that names a file."""
SAMPLE = "sample"
PATHS = {"alerts": ("rules",), "people": ("aliases",), "source": ("url", "mapping"), "sources": ("url", "mapping")}
"""Keys of sections that may be paths."""
HOLD_SECRETS = ("source", "sources", "alerts", "notifications")
"""Sections of whose wrong values none is repeated."""
Weight = Annotated[float, Field(ge=0, le=1000)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(Section):
    """Where scans, deployments, activity, users and owners come from."""

    kind: Literal["sample", "postgresql", "mysql", "sqlite", "files", "none"] = Field(
        "sample",
        description="`sample` is a made-up database, `mysql` MySQL or MariaDB, `files` a folder of files that meet the contract; "
        "`none` reads nothing",
    )
    name: str = Field(
        "",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$|^$",
        description="value of the `source` column of its rows; empty: the mapping and a hash of the place",
    )
    url: SecretStr = Field(
        SecretStr(""),
        description="`postgresql://user:password@host/database`, the same with `mysql://`, or the path of a SQLite file or folder",
    )
    url_env: str = Field("", description="or the name of the environment variable that holds it")
    mapping: str = Field("racine", description="name of a shipped mapping, or path of a folder with your own SELECTs")
    timezone: str = Field(
        "UTC", description="time zone of timestamps that carry none: those that the mapping calls `server`, and those in `files`"
    )
    zero_instants: tuple[date, ...] = Field(
        ZERO_DAYS, description="placeholder days: a timestamp at midnight of one means no value; on 9999-12-31, at any time"
    )
    datasets: dict[str, str] = Field(
        {},
        description="for `files`: the dataset of a file, by a pattern of its path (`usr_*.csv`); otherwise its folder or name "
        "decides",
    )
    overlap_seconds: float = Field(300.0, ge=0, description="how far before the watermark each extraction starts reading (s)")
    fallback_overlap_seconds: float = Field(
        3600.0,
        ge=0,
        description="the same when the database cannot say which transactions are open; set it longer than any of them lasts (s)",
    )
    statement_timeout_seconds: float = Field(
        3600.0, gt=0, description="PostgreSQL or MySQL cancels a govpulse statement that takes longer (s)"
    )
    lock_timeout_seconds: float = Field(30.0, ge=0, description="how long to wait for a lock on the SQLite file or a table (s)")
    time_limit_seconds: float = Field(
        10_800.0, gt=0, description="a run reads it for no longer; the next run goes on with what is left (s)"
    )

    @field_validator("datasets")
    @classmethod
    def _are_known(cls, datasets: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(datasets.values()) - set(DATASETS))
        if unknown:
            raise ValueError(f"unknown dataset {unknown[0]}; there are {', '.join(DATASETS)}")
        return datasets

    @property
    def address(self) -> Address:
        """Where it is; nowhere while the variable that says so is not set."""
        return Address(self.kind, os.environ.get(self.url_env, "") if self.url_env else self.url.get_secret_value())

    @model_validator(mode="after")
    def _has_one_url(self) -> Self:
        if "://" in self.url_env:
            raise ValueError("url_env is the name of what holds it, not a URL")
        if self.url_env and self.url.get_secret_value():
            raise ValueError("only one of url and url_env may be set")
        return self


class CollectSettings(Section):
    """How the host is sampled."""

    host: str = Field("", description="host name in the rows; empty: the machine's own")
    interval_seconds: float = Field(15.0, gt=0, description="time between samples (s)")
    land_every_seconds: float = Field(
        60.0, gt=0, description="how often samples are written to a file: a crash loses at most this much (s)"
    )
    top_processes: int = Field(10, ge=0, description="processes recorded: this many by CPU, and as many by memory (count)")


class InsightSettings(Section):
    """What the insight tables count."""

    window_days: int = Field(90, gt=0, description="how far back deployments and scans count (days)")
    period_months: int = Field(
        13, gt=0, le=120, description="how many months before the current one are told by week and month (count)"
    )
    attempt_gap_seconds: float = Field(
        3600.0, ge=0, description="attempts at one version closer together than this count as one deployment (s)"
    )
    rework_seconds: float = Field(86_400.0, ge=0, description="a deployment this soon after a failed one counts as rework (s)")
    duration_bound_seconds: float = Field(
        86_400.0, gt=0, description="a deployment that took longer has no duration; an unfinished one is stuck after this long (s)"
    )
    queue_bound_seconds: float = Field(604_800.0, gt=0, description="longer scan waiting times are left out, and counted (s)")
    lead_bound_seconds: float = Field(31_536_000.0, gt=0, description="the same for times from commit to delivery (s)")
    incident_link_seconds: float = Field(
        86_400.0,
        ge=0,
        description="an incident that names no deployment is laid to the last one of its service that ended at most this long "
        "before it opened (s)",
    )
    environments: dict[str, tuple[str, ...]] = Field(
        {
            "production": ("prod", "prd", "live"),
            "staging": ("stage", "stg"),
            "development": ("dev", "devel"),
            "test": ("testing", "tst"),
        },
        description="other spellings of an environment, by its name; case and blanks around it do not count. Yours replace these",
    )

    @field_validator("environments")
    @classmethod
    def _are_told_apart(cls, environments: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        meant = {(_spelled(word), _spelled(name)) for name, words in environments.items() for word in (name, *words)}
        words = [word for word, _ in meant]
        doubled = sorted(word for word in words if words.count(word) > 1)
        if doubled:
            raise ValueError(f"{doubled[0]} is a spelling of two environments; leave it with one")
        return environments

    @property
    def environment_names(self) -> dict[str, list[str]]:
        """The names by their spellings, as DuckDB binds a MAP."""
        names = {_spelled(word): _spelled(name) for name, words in self.environments.items() for word in words}
        return {"key": list(names), "value": list(names.values())}


def _spelled(word: str) -> str:
    return word.strip().lower()


class ScanSettings(Section):
    """What scans must keep (docs/metrics.md)."""

    limits: tuple[ScanLimit, ...] = Field(
        (), description="limits of your own; of several with longer_than, or with done_by, the first that fits a scan counts"
    )

    @property
    def as_rows(self) -> str:
        return as_rows(self.limits)


class ExpertiseSettings(Section):
    """What knowledge and availability are made of. docs/metrics.md says how the defaults were measured."""

    knowledge_weights: dict[str, Weight] = Field(
        {"create": 4.0, "coauthor": 0.8}, description="weight of an act for knowledge, by action; an action not listed weighs 1"
    )
    availability_weights: dict[str, Weight] = Field({}, description="the same for availability")
    failed_weight: Weight = Field(0.5, description="weight of a failed act relative to one that succeeded")
    half_life_days: float = Field(180.0, gt=0, le=36_500, description="after this long, an act counts half for availability (days)")
    knowledge_prior: float = Field(1.0, ge=0, description="prior: knowledge shared out beforehand among a domain's people, by role")
    availability_prior: float = Field(1.0, ge=0, description="the same for availability")
    minimum_knowledge: float = Field(3.0, ge=0, description="with less, the level is `insufficient_evidence`")
    level_shares: tuple[float, float, float] = Field(
        (0.05, 0.1, 0.3), description="the knowledge_share at which a user counts as competent, proficient, an expert"
    )
    bot_acts_per_day: float = Field(
        300.0,
        ge=0,
        description="a user with more acts a day, on average over at least 30 days, is a bot and left out; 0: nobody is",
    )
    bot_pattern: str = Field(
        r"(?i)^(system|sysadmin|admin|administrator|root|superuser|service[-_]?account)$|^system:"
        r"|^(svc|bot|sa|service[-_]?account)[-_]|[-_\[]bot\]?$",
        description="a user whose id matches is a bot too (an RE2 pattern); empty: no id makes a bot",
    )
    domain_separator: str = Field(".", description="separator between the parts of a domain's name; empty: domains have no parts")

    @field_validator("bot_pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            compiled(pattern)
        except ValueError as error:
            raise ValueError(f"not a valid RE2 regular expression: {error}") from error
        return pattern

    @field_validator("level_shares")
    @classmethod
    def _ascends(cls, shares: tuple[float, float, float]) -> tuple[float, float, float]:
        if not 0 <= shares[0] <= shares[1] <= shares[2] <= 1:
            raise ValueError("give three shares in [0, 1], none less than the one before")
        return shares

    @property
    def rules(self) -> ExpertiseRules:
        return ExpertiseRules(**self.model_dump())


class PeopleSettings(Section):
    """Who is who, and by what they are known (docs/privacy.md)."""

    addresses: Addresses = Field(
        "hash",
        description="what to do with a person's id that contains `@`: `hash` it with the installation's secret, `refuse` its row, "
        "or `keep` it",
    )
    aliases: Path | None = Field(
        None, description="a CSV file that maps `user_id` to the person's `person_id`; may also give `team` and `is_bot`"
    )


class ProfileSettings(Section):
    """What user profiles take for granted."""

    preferences: dict[str, dict[str, Any]] = Field(
        {"default": {"theme": "light", "language": "en", "page_size": 50}, "viewer": {"page_size": 25}},
        description="preferences of users who have stored none, by role and key; `default` applies to all roles. Yours replace "
        "these",
    )

    @field_validator("preferences")
    @classmethod
    def _are_plain(cls, preferences: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for role, values in preferences.items():
            for key, value in values.items():
                is_plain = value is None or isinstance(value, str | bool | int | float)
                if not is_plain or (isinstance(value, float) and not math.isfinite(value)):
                    raise ValueError(f"{role}.{key} is not a text, a number, true or false; use one of these")
        return preferences


class AlertSettings(Section):
    """Which alert rules are in force, where their runbooks are, and who notices when nobody evaluates them."""

    rules: Path | None = Field(None, description="your own rules file, added to the shipped set")
    runbook_base_url: str = Field("", description="prefix for runbooks that are paths, so that messages contain a link")
    gone_after_hours: float = Field(
        24,
        gt=0,
        le=87_600,
        description="an alert that has been without data for so long ends as gone, unless its rule says otherwise (h)",
    )
    zone: str = Field("UTC", description="time zone of the nights, 22:00 to 06:00, in `insights.alert_noise`")
    repeat_every: str = Field(
        "4h",
        description="how often a critical alert that nobody acknowledged is told again, such as `30m` or `1d`; `0s`: never. "
        "A route may say otherwise",
    )
    heartbeat_url: SecretStr = Field(SecretStr(""), description="URL called after each successful evaluation; a secret")
    heartbeat_url_env: str = Field("", description="or the name of the environment variable that holds it")
    heartbeat_url_block: str = Field("", description="or the name of the Prefect Secret block that holds it")

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            zone_named(zone)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return zone

    @field_validator("repeat_every")
    @classmethod
    def _repeats(cls, text: str) -> str:
        return _checked_span(text)

    @model_validator(mode="after")
    def _has_one_heartbeat(self) -> Self:
        _at_most_one(self, "heartbeat_url")
        mistake = mistake_in("webhook", self.heartbeat_url.get_secret_value(), "", "heartbeat_url")
        if mistake:
            raise ValueError(mistake)
        return self


def _checked_span(text: str) -> str:
    """The text of a duration.

    Raises:
        ValueError: it is none.
    """
    if parse_duration(text) is None:
        raise ValueError("give a time like 30m, 4h or 1d; 0s: never")
    return text


class ChannelSettings(Section):
    """One notification channel."""

    name: str = Field(min_length=1, description="its name in alerts.notifications")
    kind: Kind = Field("console", description="`console`, `webhook`, `pagerduty`, `email`, `alertmanager`, `template` or `apprise`")
    min_severity: Literal["warning", "critical"] = Field("warning", description="it gets alerts of this severity and above")
    url: SecretStr = Field(
        SecretStr(""),
        description="webhook, template, Alertmanager: its address; e-mail: server, from whom, to whom; Apprise: its URL; "
        "PagerDuty: where to send events, if not to the public address",
    )
    url_env: str = Field("", description="or the name of the environment variable that holds it")
    url_block: str = Field("", description="or the name of the Prefect Secret block that holds it")
    secret: SecretStr = Field(SecretStr(""), description="webhook: the key that signs messages; PagerDuty: the routing key")
    secret_env: str = Field("", description="or the name of the environment variable that holds it")
    secret_block: str = Field("", description="or the name of the Prefect Secret block that holds it")
    per_minute: int = Field(
        30, gt=0, description="at most this many notifications a minute (count); Alertmanager, which paces itself, gets all"
    )
    template: Path | None = Field(None, description="for `template`: the file that makes a request's body of a message (Jinja)")
    content_type: str = Field("application/json", description="for `template`: what its body is")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        has_url, has_secret = _at_most_one(self, "url"), _at_most_one(self, "secret")
        needs = {
            "webhook": has_url,
            "email": has_url,
            "alertmanager": has_url,
            "template": has_url,
            "apprise": has_url,
            "pagerduty": has_secret,
        }
        has_no_secret = dict.fromkeys(("email", "alertmanager", "template", "apprise"), not has_secret)
        takes = {"console": not has_url and not has_secret, **has_no_secret}
        if not needs.get(self.kind, True):
            key = "secret" if self.kind == "pagerduty" else "url"
            raise ValueError(f"{self.name}, of kind {self.kind}, needs {key}, {key}_env or {key}_block")
        if not takes.get(self.kind, True):
            raise ValueError(f"{self.name}, of kind {self.kind}, takes no {'secret' if has_secret else 'url'}")
        if (self.kind == "template") != (self.template is not None):
            raise ValueError(f'{self.name}: kind = "template" and template = "FILE" go together')
        mistake = mistake_in(self.kind, self.url.get_secret_value(), self.secret.get_secret_value())
        if mistake:
            raise ValueError(f"{self.name}: {mistake}")
        return self


def _at_most_one(section: Section, key: str) -> bool:
    """Whether a secret is given: itself, or the name of its variable or block.

    Raises:
        ValueError: by more than one of them, or where its name belongs.
    """
    given = [name for name in (key, f"{key}_env", f"{key}_block") if getattr(section, name)]
    for name in given:
        if name != key and "://" in getattr(section, name):
            raise ValueError(f"{name} is the name of what holds it, not a URL")
    if len(given) > 1:
        raise ValueError(f"only one of {' and '.join(given)} may be set")
    return bool(given)


class RouteSettings(Section):
    """Where some of the alerts go."""

    name: str = Field(min_length=1, max_length=100, description="its name in alerts.notifications")
    match: tuple[str, ...] = Field(
        (), description='matchers as silences have them, such as `["rule=~disk_.*", "team=db"]`; none: every alert'
    )
    channels: tuple[str, ...] = Field(min_length=1, description="names of the channels it leads to")
    goes_on: bool = Field(
        False, alias="continue", description="whether the alert may follow further routes, too; if not, this is its last"
    )
    days: str = Field("", description="days on which it is told, such as `Mon-Fri`; default: every day")
    hours: str = Field("", description="hours in which it is told, such as `09:00-17:00`, several after `;`; default: all")
    zone: str = Field("UTC", description="time zone of `days`, `hours` and `holidays`, such as `Europe/Berlin`")
    holidays: Path | None = Field(None, description="a file of days on which none of its hours begin: an ISO date a line")
    repeat_every: str = Field("", description="instead of `alerts.repeat_every` for what it leads to; `0s`: never")
    escalate_after: str = Field(
        "", description="after how long without an acknowledgement a critical alert goes to `escalate_to` once, such as `30m`"
    )
    escalate_to: tuple[str, ...] = Field((), description="names of the channels that are told then, and when the alert is over")

    @field_validator("repeat_every", "escalate_after")
    @classmethod
    def _are_spans(cls, text: str) -> str:
        return _checked_span(text) if text else text

    @model_validator(mode="after")
    def _escalates_to_somebody_some_time(self) -> Self:
        if bool(self.escalate_after) != bool(self.escalate_to):
            raise ValueError(f"{self.name}: escalate_after and escalate_to go together")
        if self.escalate_after and not parse_duration(self.escalate_after):
            raise ValueError(f"{self.name}: escalate_after must be longer than 0")
        return self

    @model_validator(mode="after")
    def _has_hours_and_matchers(self) -> Self:
        try:
            _ = self.matchers, self.week
        except ConfigurationError as error:
            raise ValueError(f"{self.name}: {error}") from error
        return self

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        return tuple(map(parse_matcher, self.match))

    @property
    def week(self) -> Hours | None:
        """Its hours on days that are no holidays; None: at any time."""
        if not (self.days or self.hours or self.holidays):
            return None
        ranges = (self.hours or "00:00-24:00").split(";")
        return parse_hours("; ".join(f"{self.days} {each.strip()}".strip() for each in ranges), self.zone)


class NotificationSettings(Section):
    """Where alerts go."""

    channels: tuple[ChannelSettings, ...] = Field((ChannelSettings(name="console"),), description="the channels")
    routes: tuple[RouteSettings, ...] = Field((), description="which alerts go where; what follows none goes to every channel")
    sample: bool = Field(False, description="send alerts about the made-up sample to all channels, not only to the console")

    @field_validator("channels")
    @classmethod
    def _have_names_of_their_own(cls, channels: tuple[ChannelSettings, ...]) -> tuple[ChannelSettings, ...]:
        names = [channel.name for channel in channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"more than one channel is called {', '.join(twice)}; give each its own name")
        return channels

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        names, channels = [route.name for route in self.routes], {channel.name for channel in self.channels}
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"more than one route is called {', '.join(twice)}; give each its own name")
        for route in self.routes:
            unknown = [name for name in (*route.channels, *route.escalate_to) if name not in channels]
            if unknown:
                raise ValueError(f"route {route.name} leads to {unknown[0]}, and no channel is called so")
        return self


class WebSettings(Section):
    """The pages that `up` serves beside Prefect's."""

    url: str = Field(
        "", description="address under which people reach the pages, such as `https://govpulse.example.com`; messages link to it"
    )

    @field_validator("url")
    @classmethod
    def _is_an_origin(cls, url: str) -> str:
        mistake = mistake_in("webhook", url, "", "url")
        if mistake:
            raise ValueError(mistake)
        parts = urlsplit(url)
        if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
            raise ValueError("give the address alone, such as https://govpulse.example.com, without a path")
        return url.rstrip("/")


class WarehouseSettings(Section):
    """What the warehouse may use."""

    threads: int = Field(2, gt=0, description="DuckDB threads (count)")
    memory: str = Field(
        "",
        description="DuckDB memory limit, such as `2GB`; a process may exceed it by about 300 MB. Empty: a fifth of the memory of "
        "the machine, or of its cgroup, at most `2GB`",
    )
    lock_timeout_seconds: float = Field(300.0, gt=0, description="how long a step waits for the warehouse (s)")
    query_timeout_seconds: float = Field(
        60.0, gt=0, description="how long `query --private` may take; everything else waits meanwhile (s)"
    )


class PublishSettings(Section):
    """Who may read the published file and the report, and whether they tell of people (docs/two-users.md)."""

    readers: Literal["all", "group", "owner"] = Field(
        "all", description="who may read: `all` accounts on this machine, those in `group`, or only the `owner`, who runs govpulse"
    )
    group: str = Field("", description="name of the group, with readers = `group`; the account that runs govpulse must be in it")
    people: bool = Field(True, description="`false` leaves out the tables about people and names nobody in the others")

    @model_validator(mode="after")
    def _names_a_group_where_it_is_for_one(self) -> Self:
        if (self.readers == "group") != bool(self.group):
            raise ValueError('readers = "group" and group = "NAME" go together')
        return self

    @property
    def audience(self) -> Audience:
        return Audience(self.readers, self.group, self.people)


class RetentionSettings(Section):
    """For how long rows are kept; 0 keeps them for ever."""

    system_metrics_days: int = Field(30, ge=0, description="raw host metrics (days)")
    hourly_days: int = Field(400, ge=0, description="hourly host metrics and application health (days)")
    insights_days: int = Field(400, ge=0, description="findings in insights.performance_insights (days)")
    ops_days: int = Field(90, ge=0, description="runs, ledger, checks, transitions and notifications (days)")
    backups: int = Field(7, ge=1, description="backups kept (count)")

    @property
    def days(self) -> dict[str, int]:
        return {name: value for name, value in self.model_dump().items() if name.endswith("_days")}


class BackupSettings(Section):
    """Where backups go beside the home's own folder for them."""

    to: str = Field(
        "",
        description="a second place for backups, the journal and landing files: a folder on another disk, or `s3://bucket/prefix`,"
        " with endpoint, region and keys in the variables AWS_*; empty: none",
    )


class PrefectSettings(Section):
    """What Prefect's own database keeps; it is of no use to the warehouse."""

    days: int = Field(
        4, ge=1, description="finished flow runs, their logs and artifacts; the newest artifact of each key stays (days)"
    )


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", nested_model_default_partial_update=True
    )

    home: Path = Field(Path("data"), description="where everything is kept (GOVPULSE_HOME)")
    source: SourceSettings = SourceSettings()
    sources: tuple[SourceSettings, ...] = Field(
        (), description="several sources, each under `[[sources]]` and with a name of its own, in place of `[source]`"
    )
    collect: CollectSettings = CollectSettings()
    insights: InsightSettings = Field(default_factory=InsightSettings)  # a default would be merged with what is set
    scans: ScanSettings = ScanSettings()
    expertise: ExpertiseSettings = ExpertiseSettings()
    people: PeopleSettings = PeopleSettings()
    profiles: ProfileSettings = Field(default_factory=ProfileSettings)  # a default would be merged with what is set
    alerts: AlertSettings = AlertSettings()
    notifications: NotificationSettings = NotificationSettings()
    web: WebSettings = WebSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    publish: PublishSettings = PublishSettings()
    backups: BackupSettings = BackupSettings()
    retention: RetentionSettings = RetentionSettings()
    prefect: PrefectSettings = PrefectSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @model_validator(mode="after")
    def _names_its_sources(self) -> Self:
        if self.sources and self.source != SourceSettings():
            raise ValueError("[source] and [[sources]] do not go together; write the one under [[sources]], too")
        names = [source.name for source in self.sources]
        wrong = [name for name in names if not name or name == SAMPLE or names.count(name) > 1]
        if wrong:
            raise ValueError(f"each of [[sources]] needs a name of its own, other than {SAMPLE}; {wrong[0] or 'one'} has none")
        made_up = [source.name for source in self.sources if source.kind in ("sample", "none")]
        if made_up:
            raise ValueError(f"source {made_up[0]} needs a kind that is read: postgresql, mysql, sqlite or files")
        return self

    @property
    def all_sources(self) -> tuple[SourceSettings, ...]:
        """What is read: those of `[[sources]]`, or the one of `[source]`."""
        return self.sources or (self.source,)

    @property
    def zero_instants(self) -> tuple[date, ...]:
        """The placeholder days of all sources: the loader, which does not know from which a row came, takes them all."""
        return tuple(sorted({day for source in self.all_sources for day in source.zero_instants}))

    @property
    def folder(self) -> Home:
        return Home(self.home.absolute())

    @property
    def limits(self) -> Limits:
        warehouse = self.warehouse
        memory = warehouse.memory or warehouse_memory(memory_bytes())
        return Limits(warehouse.lock_timeout_seconds, warehouse.threads, memory, warehouse.query_timeout_seconds)

    @property
    def channels(self) -> dict[str, str]:
        """By name the severity from which on a channel is told."""
        return {channel.name: channel.min_severity for channel in self.notifications.channels}

    @property
    def real_only(self) -> frozenset[str]:
        """The channels that are not told of the sample's alerts."""
        wake = (channel.name for channel in self.notifications.channels if channel.kind != "console")
        return frozenset() if self.notifications.sample else frozenset(wake)


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as they may be printed: of a channel's URL and secret, and of the heartbeat's, only whether they are set."""
    document = settings.model_dump(mode="json", by_alias=True)
    named = [(document["source"], settings.source), *zip(document["sources"], settings.sources, strict=True)]
    for entry, source in named:
        entry["url"] = source.address.without_secrets(source.address.url)
    return document


def variables_named(settings: Settings) -> set[str]:
    """The variables that the settings name as holding a secret."""
    named = [settings.alerts.heartbeat_url_env, *(source.url_env for source in settings.all_sources)]
    named += [name for channel in settings.notifications.channels for name in (channel.url_env, channel.secret_env)]
    return {name for name in named if name}


def config_file(given: Path | None) -> Path | None:
    """The settings file in force: the given one, that of GOVPULSE_CONFIG, or govpulse.toml where there is one.

    Raises:
        ConfigurationError: a file was named and is not there.
    """
    named = given or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    if named is not None and not named.is_file():
        raise ConfigurationError(f"the settings file {named} does not exist")
    return named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)


def load_settings(given: Path | None = None) -> Settings:
    """The settings in force.

    Raises:
        ConfigurationError: an unknown or wrong setting; names it, and the file or variable.
    """
    file = config_file(given)
    _refuse_unknown_variables()
    try:
        return Settings(**_read(file))
    except ValidationError as error:
        said = _explain(error, file)
    except SettingsError as error:
        said = _explain_json(error)
    # Outside of the handlers: pydantic's exception repeats what it was given, and a URL may hold a password.
    raise ConfigurationError(said)


def _explain(error: ValidationError, file: Path | None) -> str:
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"]]
    if not parts:  # it is about several sections, and what was given is all of them
        return (
            f"wrong settings: {first['msg'].removeprefix('Value error, ')} (in {file or 'the environment'}; see docs/settings.md)"
        )
    variable = PREFIX + "__".join(parts[:2]).upper()
    where = variable if variable in {name.upper() for name in os.environ} else file or "the environment"
    if first["type"] == "extra_forbidden":
        return f"unknown setting {'.'.join(parts)} (in {where}; see docs/settings.md)"
    given = "" if parts[0] in HOLD_SECRETS else f", not {first['input']!r}"
    return (
        f"wrong setting {'.'.join(parts)}: {first['msg'].removeprefix('Value error, ')}{given} (in {where}; see docs/settings.md)"
    )


def _explain_json(error: SettingsError) -> str:
    """pydantic says `... for field "notifications" ...`, not which variable."""
    field = str(error).split('"')[1].upper()
    variables = sorted(name for name in os.environ if name.upper().startswith(PREFIX + field))
    return f"wrong setting in {' or '.join(variables)}: a list or table in a variable is written as JSON (see docs/settings.md)"


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return _anchored(tomllib.loads(file.read_text()), file.absolute().parent)
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file}: {error}") from error


def _anchored(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Paths in a file are relative to the file: a flow run has another working directory than the person who wrote it."""
    anchored = dict(document)
    if isinstance(document.get("home"), str):
        anchored["home"] = str(folder / document["home"])
    notifications = document.get("notifications")
    if isinstance(notifications, dict):
        lists = {name: notifications[name] for name in FILES_NAMED if isinstance(notifications.get(name), list)}
        paths = {name: [_anchored_file(each, FILES_NAMED[name], folder) for each in entries] for name, entries in lists.items()}
        anchored["notifications"] = notifications | paths
    for section, keys in PATHS.items():
        values = anchored.get(section)
        if isinstance(values, list):
            anchored[section] = [_anchored_paths(each, keys, folder) for each in values]
        elif values is not None:
            anchored[section] = _anchored_paths(values, keys, folder)
    return anchored


def _anchored_paths(values: Any, keys: tuple[str, ...], folder: Path) -> Any:
    if not isinstance(values, dict):
        return values
    paths = {key: values[key] for key in keys if isinstance(values.get(key), str) and _is_path(key, values[key])}
    return values | {key: str(folder / Path(path.removeprefix("sqlite:///")).expanduser()) for key, path in paths.items()}


def _anchored_file(entry: Any, key: str, folder: Path) -> Any:
    named = entry.get(key) if isinstance(entry, dict) else None
    return entry | {key: str(folder / Path(named).expanduser())} if isinstance(named, str) else entry


def _is_path(key: str, value: str) -> bool:
    if key == "mapping":
        return "/" in value
    return value.startswith("sqlite:///") or (value != "" and "://" not in value)


def _refuse_unknown_variables() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for variable in os.environ:
        is_ours = variable.startswith(PREFIX) and variable not in (CONFIG_VARIABLE, CONSOLE_VARIABLE)
        if is_ours and variable.split("__")[0] not in known:
            raise ConfigurationError(f"unknown variable {variable}: {PREFIX}SECTION__KEY sets a key of docs/settings.md")
