"""Schema `state`: what computations carry from one to the next. Private; every row can be made anew from raw."""

from storage.catalogue.model import Column, Sums, Table

UNITS = "in units of 2^-40"

EXPERTISE = Table(
    schema="state",
    name="expertise",
    description="The instant and the settings of the expertise sums, one row; none before the first computation.",
    columns=(
        Column("as_of", "TIMESTAMPTZ", "the instant the sums are computed for", is_required=True),
        Column("carried_until", "TIMESTAMPTZ", "acts before this are in state.expertise_carried", is_required=True),
        Column(
            "carried_rows",
            "BIGINT",
            "rows of raw.activity before carried_until (count); -1 if one has changed since",
            is_required=True,
        ),
        Column("reference_at", "TIMESTAMPTZ", "the instant at which an act has its full weight", is_required=True),
        Column("weights", "JSON", "the settings that the sums depend on", is_required=True),
        Column("half_life_days", "DOUBLE", "half-life of availability (days)", is_required=True),
        Column("knowledge_prior", "DOUBLE", "total prior knowledge, shared by everybody", is_required=True),
        Column("availability_prior", "DOUBLE", "total prior availability, shared by everybody", is_required=True),
        Column("minimum_knowledge", "DOUBLE", "with less, the level is `insufficient_evidence`", is_required=True),
        Column("competent_share", "DOUBLE", "a user with this share or more is competent", is_required=True),
        Column("proficient_share", "DOUBLE", "a user with this share or more is proficient", is_required=True),
        Column("expert_share", "DOUBLE", "a user with this share or more is an expert", is_required=True),
        Column("domain_separator", "VARCHAR", "separator between the parts of a domain's name", is_required=True),
        Column("is_sample", "BOOLEAN", "the acts are those of the made-up sample database", is_required=True),
    ),
    verb="replace",
    sums=Sums("raw.activity", "occurred_at < carried_until AND status <> 'running'", "carried_rows"),
)

_SUMS = (
    Column("user_id", "VARCHAR", "the platform's id", is_required=True, is_user_id=True),
    Column("domain", "VARCHAR", "the domain named in the acts", is_required=True),
    Column("knowledge_units", "HUGEINT", f"knowledge {UNITS}", is_required=True),
    Column("availability_units", "HUGEINT", f"availability as of reference_at, without presence, {UNITS}", is_required=True),
    Column("events", "BIGINT", "acts that succeeded or failed (count)", is_required=True),
    Column("succeeded", "BIGINT", "acts that succeeded (count)", is_required=True),
    Column("first_at", "TIMESTAMPTZ", "first of these acts", is_required=True),
    Column("last_at", "TIMESTAMPTZ", "last of these acts", is_required=True),
    Column("lasting_units", "HUGEINT", f"knowledge of acts that weigh more than 1, which does not fade {UNITS}"),
)

EXPERTISE_CARRIED = Table(
    schema="state",
    name="expertise_carried",
    description="Sums by user and domain over acts before carried_until.",
    columns=_SUMS,
    verb="replace",
    key=("user_id", "domain"),
)

EXPERTISE_RECENT = Table(
    schema="state",
    name="expertise_recent",
    description="Sums by user and domain over acts from carried_until to as_of.",
    columns=_SUMS,
    verb="replace",
    key=("user_id", "domain"),
)

EXPERTISE_USERS = Table(
    schema="state",
    name="expertise_users",
    description="Figures for each user over all domains.",
    columns=(
        Column("user_id", "VARCHAR", "the platform's id", is_required=True, is_user_id=True),
        Column("role", "VARCHAR", "the user's role, if raw.users has it"),
        Column("is_active", "BOOLEAN", "can still log in, or raw.users does not say", is_required=True),
        Column("is_bot", "BOOLEAN", "is a bot: acts more often than people do, or has a bot's id", is_required=True),
        Column("events", "BIGINT", "acts that succeeded or failed (count)", is_required=True),
        Column("first_at", "TIMESTAMPTZ", "first of these acts", is_required=True),
        Column("last_at", "TIMESTAMPTZ", "last of these acts", is_required=True),
        Column("presence", "DOUBLE", "2^(-time since the last act / half-life)", is_required=True),
        Column("knowledge_units", "HUGEINT", f"knowledge over all domains {UNITS}", is_required=True),
        Column("availability_units", "HUGEINT", f"availability over all domains as of as_of {UNITS}", is_required=True),
    ),
    verb="replace",
    key=("user_id",),
)

TABLES = (EXPERTISE, EXPERTISE_CARRIED, EXPERTISE_RECENT, EXPERTISE_USERS)
