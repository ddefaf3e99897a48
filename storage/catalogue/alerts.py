"""Schema `alerts`: current state, its history, and the outbox."""

from storage.catalogue.model import Column, Table

ALERTS = Table(
    schema="alerts",
    name="alerts",
    description="Current state of every alert that has ever left inactive.",
    columns=(
        Column("fingerprint", "VARCHAR", "hash of rule and identity labels; severity is not identity", is_required=True),
        Column("rule", "VARCHAR", "the rule's name", is_required=True),
        Column("subject", "VARCHAR", "what the alert is about", is_required=True),
        Column("labels", "JSON", "identity labels, an object"),
        Column("state", "VARCHAR", "`pending`, `firing`, `recovering`, `no_data`, `resolved` or `inactive`", is_required=True),
        Column("severity", "VARCHAR", "`warning` or `critical`"),
        Column("value", "DOUBLE", "the value at the last evaluation"),
        Column("threshold", "DOUBLE", "the threshold that applies"),
        Column("episode", "BIGINT", "counts the times it fired", is_required=True),
        Column("pending_since", "TIMESTAMPTZ", "since when the condition has held"),
        Column("firing_since", "TIMESTAMPTZ", "since when it has been firing"),
        Column("clear_since", "TIMESTAMPTZ", "since when the condition has been gone while it still counts as firing"),
        Column("last_seen_at", "TIMESTAMPTZ", "when the rule last yielded a value for the subject"),
        Column("resolved_at", "TIMESTAMPTZ", "when it last resolved"),
        Column("is_sample", "BOOLEAN", "about made-up sample rows, not about the platform"),
        Column("updated_at", "TIMESTAMPTZ", "the as_of of the last evaluation", is_required=True),
    ),
    verb="upsert",
    key=("fingerprint",),
    is_published=True,
)

TRANSITIONS = Table(
    schema="alerts",
    name="transitions",
    description="Every change of state.",
    columns=(
        Column("transition_id", "VARCHAR", "hash of fingerprint, episode, states and instant", is_required=True),
        Column("fingerprint", "VARCHAR", "the alert", is_required=True),
        Column("rule", "VARCHAR", "the rule's name", is_required=True),
        Column("subject", "VARCHAR", "what the alert is about", is_required=True),
        Column("episode", "BIGINT", "the episode it belongs to", is_required=True),
        Column("from_state", "VARCHAR", "state before", is_required=True),
        Column("to_state", "VARCHAR", "state after", is_required=True),
        Column("severity", "VARCHAR", "severity after"),
        Column("value", "DOUBLE", "the value that caused it"),
        Column("reason", "VARCHAR", "one sentence with the numbers"),
        Column("transitioned_at", "TIMESTAMPTZ", "the as_of of the evaluation", is_required=True),
    ),
    verb="upsert",
    key=("transition_id",),
    time_column="transitioned_at",
    is_published=True,
    retention="ops_days",
)

NOTIFICATIONS = Table(
    schema="alerts",
    name="notifications",
    description="The outbox: one row a transition and channel, with its delivery.",
    columns=(
        Column("notification_id", "VARCHAR", "hash of transition and channel", is_required=True),
        Column("transition_id", "VARCHAR", "what it tells of", is_required=True),
        Column("fingerprint", "VARCHAR", "the alert", is_required=True),
        Column("episode", "BIGINT", "the episode it belongs to", is_required=True),
        Column("event", "VARCHAR", "`firing`, `escalated`, `no_data` or `resolved`", is_required=True),
        Column("channel", "VARCHAR", "where it goes", is_required=True),
        Column("status", "VARCHAR", "`queued`, `sent` or `failed`", is_required=True),
        Column("reason", "VARCHAR", "why it was not sent"),
        Column("attempts", "BIGINT", "deliveries tried (count)", is_required=True),
        Column("next_attempt_at", "TIMESTAMPTZ", "not before"),
        Column("sent_at", "TIMESTAMPTZ", "when the channel took it"),
        Column("updated_at", "TIMESTAMPTZ", "when this row was written", is_required=True),
    ),
    verb="upsert",
    key=("notification_id",),
    time_column="updated_at",
    is_published=True,
    retention="ops_days",
)

TABLES = (ALERTS, TRANSITIONS, NOTIFICATIONS)
