"""Schema `alerts`: current state, its history, the outbox, silences, and the rules in force."""

from storage.catalogue.model import Column, Table

ALERTS = Table(
    schema="alerts",
    name="alerts",
    description="Current state of every alert that was ever more than inactive.",
    columns=(
        Column("fingerprint", "VARCHAR", "hash of rule, subject and labels; severity is not part of it", is_required=True),
        Column("rule", "VARCHAR", "the rule's name", is_required=True),
        Column("subject", "VARCHAR", "what the alert is about", is_required=True),
        Column("labels", "JSON", "labels that identify the alert, an object; and `team`, if it is known whose the subject is"),
        Column(
            "state",
            "VARCHAR",
            "`pending`, `firing`, `recovering`, `no_data`, `error`, `resolved`, `gone` or `inactive`",
            is_required=True,
        ),
        Column("severity", "VARCHAR", "`warning` or `critical`"),
        Column("value", "DOUBLE", "value at the last evaluation"),
        Column("threshold", "DOUBLE", "the threshold that applies"),
        Column("episode", "BIGINT", "how many times it has fired", is_required=True),
        Column("pending_since", "TIMESTAMPTZ", "when the condition began to hold"),
        Column("firing_since", "TIMESTAMPTZ", "when it fired"),
        Column("clear_since", "TIMESTAMPTZ", "when the condition cleared; the alert keeps firing for a while after"),
        Column("last_seen_at", "TIMESTAMPTZ", "when the rule last returned a value for the subject"),
        Column("resolved_at", "TIMESTAMPTZ", "when it last ended, resolved or gone"),
        Column("is_sample", "BOOLEAN", "it is about made-up sample rows, not about the platform"),
        Column("updated_at", "TIMESTAMPTZ", "the as_of of the last evaluation", is_required=True),
        Column("changed_at", "TIMESTAMPTZ", "when its state last changed"),
        Column("recent_firings", "TIMESTAMPTZ[]", "when it fired in the last 24 hours"),
        Column("recent_notices", "TIMESTAMPTZ[]", "times of its notifications in the last 24 hours, at most six"),
        Column("is_flapping", "BOOLEAN", "it fires again and again; the episode lasts until the alert has been steady"),
        Column("told", "VARCHAR[]", "events of the episode that had a notification: `firing`, `escalated` and so on"),
        Column("worst_severity", "VARCHAR", "worst severity of the episode so far"),
        Column("told_severity", "VARCHAR", "severity of the latest notification"),
        Column("waits", "VARCHAR", "event that waits until the day has a notification left; NULL: none"),
        Column("unit", "VARCHAR", "unit of value and threshold: the rule's, or that of an exception; B are bytes, s seconds"),
        Column("member_count", "BIGINT", "for a rule with group_by, how many of the group are beyond a threshold"),
        Column("members", "VARCHAR[]", "for a rule with group_by, the first twenty of these, the worst first"),
        Column("told_at", "TIMESTAMPTZ", "when it was last told, or people were reminded of it"),
        Column(
            "unanswered_since",
            "TIMESTAMPTZ",
            "since when people know it is critical, nobody acknowledged it, and nothing kept it quiet; NULL: not so",
        ),
    ),
    verb="upsert",
    key=("fingerprint",),
    is_published=True,
    is_journaled=True,
)

TRANSITIONS = Table(
    schema="alerts",
    name="transitions",
    description="Every change of an alert's state.",
    columns=(
        Column("transition_id", "VARCHAR", "hash of fingerprint, episode, states, instant and event", is_required=True),
        Column("fingerprint", "VARCHAR", "the alert", is_required=True),
        Column("rule", "VARCHAR", "the rule's name", is_required=True),
        Column("subject", "VARCHAR", "what the alert is about", is_required=True),
        Column("episode", "BIGINT", "the episode it belongs to", is_required=True),
        Column("from_state", "VARCHAR", "state before", is_required=True),
        Column("to_state", "VARCHAR", "state after", is_required=True),
        Column("severity", "VARCHAR", "severity after"),
        Column("value", "DOUBLE", "the value that caused it"),
        Column("reason", "VARCHAR", "one sentence with the numbers", is_sentence=True),
        Column("transitioned_at", "TIMESTAMPTZ", "the as_of of the evaluation", is_required=True),
        Column("event", "VARCHAR", "the event to notify, as in alerts.notifications; NULL: none"),
    ),
    verb="upsert",
    key=("transition_id",),
    time_column="transitioned_at",
    is_published=True,
    retention="ops_days",
    is_journaled=True,
)

REASON_CODES = (
    *("acknowledged", "silenced", "inhibited", "grouped", "damped", "untold", "superseded"),
    *("behind", "paused", "rate_limited", "off_hours"),
    *("failed", "refused", "unanswered", "given_up"),
)
"""Why a notification is suppressed, waits, or was not taken."""

NOTIFICATIONS = Table(
    schema="alerts",
    name="notifications",
    description="The outbox: one row per channel for each transition to notify and for each digest, with its delivery.",
    columns=(
        Column("notification_id", "VARCHAR", "hash of transition and channel; stays the same for every attempt", is_required=True),
        Column("transition_id", "VARCHAR", "the transition; for a digest, its own identity", is_required=True),
        Column("fingerprint", "VARCHAR", "the alert; for a digest, its own identity", is_required=True),
        Column("episode", "BIGINT", "the episode it belongs to", is_required=True),
        Column(
            "event",
            "VARCHAR",
            "`firing`, `escalated`, `eased`, `flapping`, `no_data`, `error`, `reminder`, `unacknowledged`, `resolved`, `gone` or "
            "`digest`",
            is_required=True,
        ),
        Column("channel", "VARCHAR", "where it goes", is_required=True),
        Column(
            "status",
            "VARCHAR",
            "`queued`; `sending`; `sent`; `failed`: will be retried; `dead`: given up; `suppressed`: will not be sent",
            is_required=True,
        ),
        Column("reason", "VARCHAR", "why it was not sent, or not sent yet", is_sentence=True),
        Column("attempts", "BIGINT", "delivery attempts (count)", is_required=True),
        Column("next_attempt_at", "TIMESTAMPTZ", "earliest time of the next attempt"),
        Column("sent_at", "TIMESTAMPTZ", "when the channel accepted it"),
        Column("updated_at", "TIMESTAMPTZ", "when this row was written", is_required=True),
        Column("severity", "VARCHAR", "`warning` or `critical`"),
        Column("message", "JSON", "the message, worded when the event happened (docs/notifications.md)", is_sentence=True),
        Column("digest", "VARCHAR", "the digest that includes it (a fingerprint)"),
        Column("queued_at", "TIMESTAMPTZ", "when it was queued"),
        Column("is_maybe_received", "BOOLEAN", "the receiver may already have it: an attempt got no answer"),
        Column("reason_code", "VARCHAR", "`reason` as a code (docs/notifications.md)", allowed=REASON_CODES),
        Column("routes", "VARCHAR[]", "the routes that led it here; none where it followed no route"),
    ),
    verb="upsert",
    key=("notification_id",),
    time_column="updated_at",
    is_published=True,
    retention="ops_days",
    is_journaled=True,
)

SILENCES = Table(
    schema="alerts",
    name="silences",
    description="Silences, acknowledgements and retirements, including ended ones.",
    columns=(
        Column("silence_id", "VARCHAR", "id for `govpulse alerts unsilence`", is_required=True),
        Column(
            "kind",
            "VARCHAR",
            "`silence`, `ack` (acknowledgement of one episode of one alert) or `retire` (the subject has left for good)",
            is_required=True,
            allowed=("silence", "ack", "retire"),
        ),
        Column(
            "matchers",
            "JSON",
            "which alerts it silences: a list of [label, operator, value], all of which must match",
            is_required=True,
        ),
        Column("fingerprint", "VARCHAR", "for an ack, the alert"),
        Column("episode", "BIGINT", "for an ack, the episode"),
        Column("author", "VARCHAR", "who made it", is_required=True),
        Column("reason", "VARCHAR", "why", is_required=True, is_sentence=True),
        Column("starts_at", "TIMESTAMPTZ", "when it starts", is_required=True),
        Column(
            "expires_at",
            "TIMESTAMPTZ",
            "when it expires; NULL for an ack, which lasts as long as the episode, and for one that recurs until somebody ends it",
        ),
        Column("ended_at", "TIMESTAMPTZ", "when somebody ended it early"),
        Column("ended_by", "VARCHAR", "who ended it early"),
        Column("created_at", "TIMESTAMPTZ", "when it was created", is_required=True),
        Column("every", "VARCHAR", "if it recurs, the hours of the week in which it holds (docs/alerts.md)"),
        Column("zone", "VARCHAR", "if it recurs, the time zone of `every`"),
        Column("permit", "VARCHAR", "if a link in a message made it: what the link was for, and the notification it was in"),
    ),
    verb="upsert",
    key=("silence_id",),
    is_published=True,
    is_journaled=True,
)

RULES = Table(
    schema="alerts",
    name="rules",
    description="The rules in force: those of the last evaluation that could read its rules file.",
    columns=(
        Column("name", "VARCHAR", "the rule's name", is_required=True),
        Column("definition", "JSON", "the rule, as in a rules file", is_required=True),
        Column(
            "source", "VARCHAR", "`shipped`, or the file it comes from; of a shipped rule with exceptions, both", is_required=True
        ),
        Column("in_force_since", "TIMESTAMPTZ", "when it took effect in its present form", is_required=True),
    ),
    verb="replace",
    key=("name",),
    is_published=True,
    is_journaled=True,
)

TABLES = (ALERTS, TRANSITIONS, NOTIFICATIONS, SILENCES, RULES)
