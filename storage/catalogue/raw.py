"""Schema `raw`: what the sources deliver, under the contract that every mapping and file must meet."""

from storage.catalogue.model import Check, Column, Table

SCAN_STATUSES = ("queued", "running", "succeeded", "failed", "canceled")
DEPLOYMENT_STATUSES = ("pending", "running", "succeeded", "failed", "rolled_back", "canceled")
ACTIVITY_STATUSES = ("succeeded", "failed", "running", "canceled")

UPDATED_AT = Column("updated_at", "TIMESTAMPTZ", "when the row last changed at its source", is_required=True)
SOURCE = Column(
    "source",
    "VARCHAR",
    "where the row came from: the source's name in the settings, else the mapping and a hash of the database; "
    "`sample` for made-up rows, `load` for files loaded by hand",
    is_required=True,
    default="'load'",
)
IS_DELETED = Column(
    "is_deleted", "BOOLEAN", "the source no longer has the row; insights leave it out", is_required=True, default="false"
)
PROVENANCE = (
    SOURCE,
    Column(
        "extracted_at",
        "TIMESTAMPTZ",
        "when the row was read from its source; updated_at if not known. The latest read wins",
        default="updated_at",
    ),
    IS_DELETED,
)
MOST_COUNTED = 1e12
LONGEST_SECONDS = 3.2e8
"""Ten years."""
NOT_IN_FUTURE = "{column} <= $now + INTERVAL 1 DAY"
IS_ABOUT_USER = r"regexp_matches(resource_id, '\pL') OR regexp_matches(resource_type, '(?i)user|account|member|person|people')"
"""A thing acted on that has a user's id is that user. Numbers are given out more than once, so there its kind has to say so."""


def _ends_after(begin: str, end: str, reason: str) -> Check:
    """Less than a second is the noise of clocks, and so is an end that was cut to seconds, or to the minute or the day of the
    beginning: how long it took is not known then."""
    cut = ", ".join(f"epoch_us({begin}) // {unit} * {unit}" for unit in (60_000_000, 86_400_000_000))
    return Check(f"{end} > {begin} - INTERVAL 1 SECOND OR epoch_us({end}) IN ({cut})", reason)


ENDS_AFTER_IT_BEGAN = _ends_after("started_at", "finished_at", "finished before it started")


def _not_in_future(*columns: str) -> tuple[Check, ...]:
    return tuple(Check(NOT_IN_FUTURE.format(column=column), f"{column} is in the future") for column in columns)


SCANS = Table(
    schema="raw",
    name="scans",
    description="Scans of data sources, as the platform recorded them.",
    columns=(
        Column("scan_id", "VARCHAR", "the platform's own id", is_required=True),
        Column("name", "VARCHAR", "the scan's name on the platform", is_sentence=True),
        Column("data_source", "VARCHAR", "the scanned data source; `unknown` if it was deleted", is_required=True),
        Column("scan_type", "VARCHAR", "kind of scan, for example full or incremental", is_required=True),
        Column("status", "VARCHAR", "canonical status", is_required=True, allowed=SCAN_STATUSES),
        Column("source_status", "VARCHAR", "the status as the platform calls it"),
        Column("queued_at", "TIMESTAMPTZ", "when the scan was requested"),
        Column("started_at", "TIMESTAMPTZ", "when it started running"),
        Column("finished_at", "TIMESTAMPTZ", "when it ended, whatever the outcome"),
        Column("assets_scanned", "BIGINT", "assets read (count)", minimum=0, maximum=MOST_COUNTED),
        Column("issues_found", "BIGINT", "issues reported (count)", minimum=0, maximum=MOST_COUNTED),
        Column("triggered_by", "VARCHAR", "user id, `system`, or a job's name", is_user_id=True),
        Column("error_message", "VARCHAR", "why it failed", is_sentence=True),
        UPDATED_AT,
        *PROVENANCE,
        Column("scanner", "VARCHAR", "optional: what runs it, such as an agent, a worker pool or a host", is_optional=True),
    ),
    verb="upsert",
    key=("scan_id", "source"),
    version=("extracted_at", "updated_at"),
    checks=(
        ENDS_AFTER_IT_BEGAN,
        *_not_in_future("queued_at", "started_at", "finished_at", "updated_at"),
    ),
    is_landed=True,
)

DEPLOYMENTS = Table(
    schema="raw",
    name="deployments",
    description="Deployment attempts, one row per attempt.",
    columns=(
        Column("deployment_id", "VARCHAR", "the platform's own id of the attempt", is_required=True),
        Column("service", "VARCHAR", "what was deployed; `unknown` if the platform no longer says", is_required=True),
        Column("version", "VARCHAR", "the version that was deployed"),
        Column("environment", "VARCHAR", "where to; `unknown` if the platform does not say", is_required=True),
        Column("status", "VARCHAR", "canonical status", is_required=True, allowed=DEPLOYMENT_STATUSES),
        Column("source_status", "VARCHAR", "the status as the platform calls it"),
        Column("committed_at", "TIMESTAMPTZ", "when the change was committed"),
        Column("started_at", "TIMESTAMPTZ", "when the attempt began"),
        Column("finished_at", "TIMESTAMPTZ", "when the attempt ended"),
        Column("deployed_by", "VARCHAR", "user id, `system`, or a job's name", is_user_id=True),
        Column("is_rollback", "BOOLEAN", "the deployment went back to an earlier version"),
        Column("is_hotfix", "BOOLEAN", "the deployment was unplanned, to repair production"),
        UPDATED_AT,
        *PROVENANCE,
        Column("target", "VARCHAR", "optional: where in the environment, such as a region or a cluster", is_optional=True),
        Column("team", "VARCHAR", "optional: the team that owns it", is_optional=True),
    ),
    verb="upsert",
    key=("deployment_id", "source"),
    version=("extracted_at", "updated_at"),
    checks=(
        ENDS_AFTER_IT_BEGAN,
        *_not_in_future("committed_at", "started_at", "finished_at", "updated_at"),
    ),
    is_landed=True,
)

ACTIVITY = Table(
    schema="raw",
    name="activity",
    description="What people and jobs did on the platform: acts, API calls, database queries.",
    columns=(
        Column("activity_id", "VARCHAR", "the platform's own id", is_required=True),
        Column("user_id", "VARCHAR", "the platform's id of the user; never a name or an e-mail address", is_user_id=True),
        Column("workspace_id", "VARCHAR", "the workspace where it happened"),
        Column("activity_type", "VARCHAR", "the platform's class of activity"),
        Column("action", "VARCHAR", "the verb, for example create or classify"),
        Column("domain", "VARCHAR", "the governed area concerned"),
        Column("resource_type", "VARCHAR", "kind of thing acted on"),
        Column("resource_id", "VARCHAR", "the thing acted on", is_user_id=True, user_id_where=IS_ABOUT_USER),
        Column("operation", "VARCHAR", "API endpoint or query name, if the act was a request or a query"),
        Column("item_count", "BIGINT", "items touched by a bulk act (count)", minimum=0, maximum=MOST_COUNTED),
        Column("domain_count", "BIGINT", "domains touched by a bulk act (count)", minimum=1, maximum=MOST_COUNTED),
        Column("status", "VARCHAR", "canonical status", is_required=True, allowed=ACTIVITY_STATUSES),
        Column("duration_seconds", "DOUBLE", "how long it took (s)", minimum=0, maximum=LONGEST_SECONDS),
        Column("occurred_at", "TIMESTAMPTZ", "when it began", is_required=True),
        UPDATED_AT,
        *PROVENANCE,
    ),
    verb="upsert",
    key=("activity_id", "source"),
    version=("extracted_at", "updated_at"),
    time_column="occurred_at",
    day_column="occurred_at",
    checks=_not_in_future("occurred_at", "updated_at"),
    is_landed=True,
)

USERS = Table(
    schema="raw",
    name="users",
    description="Users of the platform by id and role; no names, no e-mail addresses.",
    columns=(
        Column("user_id", "VARCHAR", "the platform's own id", is_required=True, is_user_id=True),
        Column("role", "VARCHAR", "the most privileged role"),
        Column("team", "VARCHAR", "team or department"),
        Column("is_active", "BOOLEAN", "can still log in"),
        Column("preferences", "JSON", "stored preferences, an object", is_sentence=True),
        Column("created_at", "TIMESTAMPTZ", "when the account was made"),
        UPDATED_AT,
        *PROVENANCE,
        Column("is_bot", "BOOLEAN", "optional: a machine's account", is_optional=True),
    ),
    verb="upsert",
    key=("user_id", "source"),
    version=("extracted_at", "updated_at"),
    checks=_not_in_future("created_at", "updated_at"),
    is_landed=True,
)

LISTED = (
    SOURCE,
    Column(
        "extracted_at",
        "TIMESTAMPTZ",
        "when the row was last read from its source; the time of loading if not known. The latest read wins",
        default="$now",
    ),
    IS_DELETED,
)

OWNERS = Table(
    schema="raw",
    name="owners",
    description="Who owns which domain, if the platform declares owners.",
    columns=(
        Column("domain", "VARCHAR", "the governed area, as in activity", is_required=True),
        Column(
            "user_id",
            "VARCHAR",
            "the platform's id, or a team as in raw.users; never a name or an e-mail address",
            is_required=True,
            is_user_id=True,
        ),
        *LISTED,
    ),
    verb="upsert",
    key=("domain", "user_id", "source"),
    version=("extracted_at",),
    is_listing=True,
    is_landed=True,
)

PEOPLE = Table(
    schema="raw",
    name="people",
    description="What else is known about ids: which belong to the same person, and which are machines.",
    columns=(
        Column("user_id", "VARCHAR", "an id as in the other tables", is_required=True, is_user_id=True),
        Column("person_id", "VARCHAR", "the one id that stands for this person: one of theirs, from any source", is_user_id=True),
        Column("team", "VARCHAR", "optional: team or department", is_optional=True),
        Column("is_bot", "BOOLEAN", "optional: a machine's account", is_optional=True),
        *LISTED,
    ),
    verb="upsert",
    key=("user_id", "source"),
    version=("extracted_at",),
    is_listing=True,
    is_landed=True,
)

INCIDENTS = Table(
    schema="raw",
    name="incidents",
    description="Incidents, as recorded by the platform or the paging tool, if there is one.",
    columns=(
        Column("incident_id", "VARCHAR", "the tool's own id", is_required=True),
        Column("name", "VARCHAR", "the incident's name there"),
        Column("service", "VARCHAR", "what was affected, as in deployments"),
        Column("environment", "VARCHAR", "environment, as in deployments"),
        Column("severity", "VARCHAR", "severity as the tool calls it"),
        Column("opened_at", "TIMESTAMPTZ", "when it began", is_required=True),
        Column("resolved_at", "TIMESTAMPTZ", "when service was restored"),
        Column("deployment_id", "VARCHAR", "the attempt that caused it, if known"),
        UPDATED_AT,
        *PROVENANCE,
    ),
    verb="upsert",
    key=("incident_id", "source"),
    version=("extracted_at", "updated_at"),
    checks=(
        _ends_after("opened_at", "resolved_at", "resolved before it was opened"),
        *_not_in_future("opened_at", "resolved_at", "updated_at"),
    ),
    is_landed=True,
)

LINKED = ("operation", "service", "host", "data_source", "scanner", "domain")

LINKS = Table(
    schema="raw",
    name="links",
    description="What depends on what: an operation on a service, a service on a host, a data source on the one upstream of it.",
    columns=(
        Column("kind", "VARCHAR", "kind of the thing that depends", is_required=True, allowed=LINKED),
        Column("name", "VARCHAR", "its name, as in the other tables", is_required=True),
        Column("rests_on_kind", "VARCHAR", "kind of the thing it depends on", is_required=True, allowed=LINKED),
        Column("rests_on", "VARCHAR", "name of the thing it depends on", is_required=True),
        *LISTED,
    ),
    verb="upsert",
    key=("kind", "name", "rests_on_kind", "rests_on", "source"),
    version=("extracted_at",),
    is_listing=True,
    is_landed=True,
)

SYSTEM_METRICS = Table(
    schema="raw",
    name="system_metrics",
    description="Host metrics under OpenTelemetry names, one row per sample.",
    columns=(
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column("metric", "VARCHAR", "OpenTelemetry name", is_required=True),
        Column("attributes", "VARCHAR", "sorted `k=v,k=v`; empty if there are none", is_required=True),
        Column("observed_at", "TIMESTAMPTZ", "when it was sampled", is_required=True),
        Column("unit", "VARCHAR", "UCUM unit; rates are per second"),
        Column("value", "DOUBLE", "the value; NULL if it could not be read"),
        Column("status", "VARCHAR", "`ok`, or why there is no value", is_required=True),
    ),
    verb="upsert",
    key=("host", "metric", "attributes", "observed_at"),
    version=("status", "value"),
    time_column="observed_at",
    day_column="observed_at",
    checks=(
        *_not_in_future("observed_at"),
        Check("value IS NOT NULL OR status <> 'ok'", "value is missing though status is ok"),
    ),
    is_landed=True,
    retention="system_metrics_days",
)

TABLES = (SCANS, DEPLOYMENTS, ACTIVITY, USERS, OWNERS, PEOPLE, INCIDENTS, LINKS, SYSTEM_METRICS)
