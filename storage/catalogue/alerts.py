"""Schema `alerts`: current state, its history, the outbox, silences, and the rules in force."""

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
        Column(
            "state", "VARCHAR", "`pending`, `firing`, `recovering`, `no_data`, `error`, `resolved` or `inactive`", is_required=True
        ),
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
        Column("changed_at", "TIMESTAMPTZ", "when its state last changed"),
        Column("recent_firings", "TIMESTAMPTZ[]", "when it fired in the last 24 hours"),
        Column("recent_notices", "TIMESTAMPTZ[]", "when it was told of in the last 24 hours, of which there are six at most"),
        Column("is_flapping", "BOOLEAN", "it fires again and again: its episode lasts until it has been steady"),
        Column("told", "VARCHAR[]", "what was told of the episode: `firing`, `escalated` and so on"),
        Column("worst_severity", "VARCHAR", "the worst that the episode has been"),
    ),
    verb="upsert",
    key=("fingerprint",),
    is_published=True,
    is_journaled=True,
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
        Column("reason", "VARCHAR", "one sentence with the numbers", is_sentence=True),
        Column("transitioned_at", "TIMESTAMPTZ", "the as_of of the evaluation", is_required=True),
        Column("event", "VARCHAR", "what there is to tell of it, as in alerts.notifications; NULL: nothing"),
    ),
    verb="upsert",
    key=("transition_id",),
    time_column="transitioned_at",
    is_published=True,
    retention="ops_days",
    is_journaled=True,
)

REASON_CODES = (
    *("acknowledged", "silenced", "inhibited", "grouped", "damped", "untold"),
    *("behind", "paused", "rate_limited"),
    *("failed", "refused", "unanswered", "given_up"),
)
"""Why a notification is suppressed, waits, or was not taken."""

NOTIFICATIONS = Table(
    schema="alerts",
    name="notifications",
    description="The outbox: one row a transition that is to be told and channel, and one a digest and channel, with its delivery.",
    columns=(
        Column("notification_id", "VARCHAR", "hash of transition and channel: the same at every attempt", is_required=True),
        Column("transition_id", "VARCHAR", "what it tells of; of a digest its own identity", is_required=True),
        Column("fingerprint", "VARCHAR", "the alert; of a digest its own identity", is_required=True),
        Column("episode", "BIGINT", "the episode it belongs to", is_required=True),
        Column(
            "event",
            "VARCHAR",
            "`firing`, `escalated`, `flapping`, `no_data`, `error`, `resolved` or `digest`",
            is_required=True,
        ),
        Column("channel", "VARCHAR", "where it goes", is_required=True),
        Column(
            "status",
            "VARCHAR",
            "`queued`; `sending`; `sent`; `failed`, to be tried again; `dead`, given up; `suppressed`",
            is_required=True,
        ),
        Column("reason", "VARCHAR", "why it was not sent, or not yet", is_sentence=True),
        Column("attempts", "BIGINT", "deliveries tried (count)", is_required=True),
        Column("next_attempt_at", "TIMESTAMPTZ", "not before"),
        Column("sent_at", "TIMESTAMPTZ", "when the channel took it"),
        Column("updated_at", "TIMESTAMPTZ", "when this row was written", is_required=True),
        Column("severity", "VARCHAR", "`warning` or `critical`"),
        Column("message", "JSON", "what it says, put into words when it happened (docs/notifications.md)", is_sentence=True),
        Column("digest", "VARCHAR", "the digest that it is told in (a fingerprint)"),
        Column("queued_at", "TIMESTAMPTZ", "when there was something to tell"),
        Column("is_maybe_received", "BOOLEAN", "an attempt ended without an answer: the receiver may have it"),
        Column("reason_code", "VARCHAR", "the same as `reason`, in a word (docs/notifications.md)", allowed=REASON_CODES),
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
    description="Silences and acknowledgements, also those that have ended.",
    columns=(
        Column("silence_id", "VARCHAR", "what `govpulse alerts unsilence` takes", is_required=True),
        Column("kind", "VARCHAR", "`silence`, or `ack` of one episode of one alert", is_required=True, allowed=("silence", "ack")),
        Column("matchers", "JSON", "what it silences: a list of [label, operator, value] that all hold", is_required=True),
        Column("fingerprint", "VARCHAR", "of an ack, the alert"),
        Column("episode", "BIGINT", "of an ack, the episode"),
        Column("author", "VARCHAR", "whose it is", is_required=True),
        Column("reason", "VARCHAR", "why", is_required=True, is_sentence=True),
        Column("starts_at", "TIMESTAMPTZ", "from when on it holds", is_required=True),
        Column("expires_at", "TIMESTAMPTZ", "up to when it holds; of an ack NULL: as long as the episode"),
        Column("ended_at", "TIMESTAMPTZ", "when somebody ended it before that"),
        Column("ended_by", "VARCHAR", "who"),
        Column("created_at", "TIMESTAMPTZ", "when it was made", is_required=True),
    ),
    verb="upsert",
    key=("silence_id",),
    is_published=True,
    is_journaled=True,
)

RULES = Table(
    schema="alerts",
    name="rules",
    description="The rules in force: those of the last evaluation whose rules file could be read.",
    columns=(
        Column("name", "VARCHAR", "the rule's name", is_required=True),
        Column("definition", "JSON", "the rule, as in a rules file", is_required=True),
        Column("source", "VARCHAR", "`shipped`, or the file that it is from", is_required=True),
        Column("in_force_since", "TIMESTAMPTZ", "since when it has been as it is", is_required=True),
    ),
    verb="replace",
    key=("name",),
    is_published=True,
    is_journaled=True,
)

TABLES = (ALERTS, TRANSITIONS, NOTIFICATIONS, SILENCES, RULES)
