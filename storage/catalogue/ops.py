"""Schema `ops`: govpulse's own books: what ran, what was loaded, what was refused."""

from storage.catalogue.model import Column, Table

RUNS = Table(
    schema="ops",
    name="runs",
    description="One row a flow run. `crashed` is one whose process was killed, which the next start noticed.",
    columns=(
        Column("run_id", "VARCHAR", "unique id", is_required=True),
        Column("flow", "VARCHAR", "the flow's name", is_required=True),
        Column("as_of", "TIMESTAMPTZ", "the instant that the run computed for; NULL where it crashed"),
        Column("status", "VARCHAR", "how it stands", is_required=True, allowed=("running", "succeeded", "failed", "crashed")),
        Column("started_at", "TIMESTAMPTZ", "when it began", is_required=True),
        Column("finished_at", "TIMESTAMPTZ", "when it ended"),
        Column("result", "JSON", "what each step did, with counts", is_sentence=True),
        Column("error", "VARCHAR", "the failures, a line each", is_sentence=True),
        Column("prefect_flow_run_id", "VARCHAR", "the run in the Prefect UI"),
        Column("version", "VARCHAR", "the govpulse that ran"),
        Column("updated_at", "TIMESTAMPTZ", "when this row was written", is_required=True),
    ),
    verb="upsert",
    key=("run_id",),
    version=("updated_at",),
    time_column="started_at",
    is_landed=True,
    is_published=True,
    retention="ops_days",
)

LOADS = Table(
    schema="ops",
    name="loads",
    description="The loader's ledger, one row a landing file; committed together with the file's rows.",
    columns=(
        Column("file", "VARCHAR", "dataset and file name", is_required=True),
        Column("dataset", "VARCHAR", "the table it was for", is_required=True),
        Column("status", "VARCHAR", "`loaded`, `quarantined` (unreadable) or `displaced` (sample beside real rows)"),
        Column("rows", "BIGINT", "rows in the file (count)"),
        Column("rejected", "BIGINT", "rows that failed the contract (count)"),
        Column("first_at", "TIMESTAMPTZ", "earliest instant in the file"),
        Column("last_at", "TIMESTAMPTZ", "latest instant in the file"),
        Column("source", "VARCHAR", "where it came from, as in raw"),
        Column("reason", "VARCHAR", "why it was not loaded", is_sentence=True),
        Column("loaded_at", "TIMESTAMPTZ", "when it was committed", is_required=True),
        Column("skipped", "BIGINT", "rows of people who were forgotten, or of the sample beside real ones (count)"),
        Column("origin", "VARCHAR", "somebody's file from which the rows came, where they did not come from a database"),
    ),
    verb="append",
    key=("file",),
    time_column="loaded_at",
    day_column="loaded_at",
    is_published=True,
    retention="ops_days",
)

WATERMARKS = Table(
    schema="ops",
    name="watermarks",
    description="How far each dataset has been extracted; committed together with the rows.",
    columns=(
        Column("dataset", "VARCHAR", "the table", is_required=True),
        Column("source", "VARCHAR", "where it is read from, as in raw", is_required=True),
        Column(
            "watermark",
            "TIMESTAMPTZ",
            "everything that changed before this has been read; of owners, when they were last read",
            is_required=True,
        ),
        Column("updated_at", "TIMESTAMPTZ", "when it moved", is_required=True),
        Column("read_until", "TIMESTAMPTZ", "the first extraction goes on, and only what changed before this has been read"),
    ),
    verb="upsert",
    key=("dataset", "source"),
    version=("watermark", "updated_at"),
    is_published=True,
)

RECONCILIATIONS = Table(
    schema="ops",
    name="reconciliations",
    description="What comparing keys with the source found, and what became of it.",
    columns=(
        Column("dataset", "VARCHAR", "the table", is_required=True),
        Column("source", "VARCHAR", "what it was compared with, as in raw", is_required=True),
        Column("source_rows", "BIGINT", "rows at the source (count)", is_required=True),
        Column("raw_rows", "BIGINT", "rows of that source in raw, deleted ones apart (count)", is_required=True),
        Column("missing", "BIGINT", "rows that raw did not have, though extraction had passed them (count)", is_required=True),
        Column("stale", "BIGINT", "rows that raw had with another updated_at (count)", is_required=True),
        Column("deleted", "BIGINT", "rows that the source no longer has (count)", is_required=True),
        Column("repaired", "BIGINT", "missing and stale rows read again and landed (count)", is_required=True),
        Column("reconciled_at", "TIMESTAMPTZ", "when the source was read", is_required=True),
        Column("outdated", "BIGINT", "rows of which raw has an older state, because the newest was refused (count)"),
    ),
    verb="append",
    key=("dataset", "source", "reconciled_at"),
    time_column="reconciled_at",
    is_published=True,
    retention="ops_days",
    is_journaled=True,
)

CHANGES = Table(
    schema="ops",
    name="changes",
    description="What of each table changed last in which generation; committed together with the change.",
    columns=(
        Column("table_name", "VARCHAR", "schema and table", is_required=True),
        Column(
            "part",
            "VARCHAR",
            "the day (UTC) of the rows, where the table is kept by days; empty for anything of it",
            is_required=True,
        ),
        Column("generation", "BIGINT", "counts up with every change", is_required=True),
    ),
    verb="upsert",
    key=("table_name", "part"),
)

JOURNAL = Table(
    schema="ops",
    name="journal",
    description="How far the journal is in this warehouse, one row. Only in the warehouse.",
    columns=(Column("number", "BIGINT", "of the last entry that was committed", is_required=True),),
    verb="replace",
)

ZERO_INSTANTS = Table(
    schema="ops",
    name="zero_instants",
    description="Instants that stand for nothing, such as 1970-01-01, as they came in: NULL in raw, or a reason to refuse the row.",
    columns=(
        Column("file", "VARCHAR", "landing file, as in ops.loads behind the dataset", is_required=True),
        Column("dataset", "VARCHAR", "the table", is_required=True),
        Column("source", "VARCHAR", "where the rows come from, as in raw"),
        Column("column_name", "VARCHAR", "the column", is_required=True),
        Column("cells", "BIGINT", "how many (count)", is_required=True),
        Column("loaded_at", "TIMESTAMPTZ", "when they were loaded", is_required=True),
    ),
    verb="append",
    key=("file", "column_name"),
    time_column="loaded_at",
    is_published=True,
    retention="ops_days",
)

REJECTED_ROWS = Table(
    schema="ops",
    name="rejected_rows",
    description="Rows that failed the contract, kept whole with their reason.",
    columns=(
        Column("rejected_id", "VARCHAR", "hash of dataset, reason and row", is_required=True),
        Column("dataset", "VARCHAR", "the table it was for", is_required=True),
        Column("key", "VARCHAR", "its key, as far as it has one"),
        Column("reason", "VARCHAR", "every rule it broke", is_required=True, is_sentence=True),
        Column("row", "JSON", "the row as it came", is_sentence=True),
        Column("source", "VARCHAR", "where it came from, as in raw"),
        Column("rejected_at", "TIMESTAMPTZ", "when it was last refused", is_required=True),
        Column("seen_at", "TIMESTAMPTZ", "when it was seen at its source; NULL where nobody says"),
    ),
    verb="upsert",
    key=("rejected_id",),
    version=("rejected_at",),
    is_published=True,
)

OUTDATED_ROWS = Table(
    schema="ops",
    name="outdated_rows",
    description="Rows of raw whose newest state was refused: what is there is older, and no verdict, finding or alert rests on it.",
    columns=(
        Column("dataset", "VARCHAR", "the table", is_required=True),
        Column("key", "VARCHAR", "its key within the source, as in ops.rejected_rows", is_required=True),
        Column("source", "VARCHAR", "where it came from, as in raw", is_required=True),
        Column("outdated_since", "TIMESTAMPTZ", "when a state of it was first refused"),
        Column("reason", "VARCHAR", "why the newest one was", is_sentence=True),
    ),
    verb="view",
    key=("dataset", "key", "source"),
    is_published=True,
)

COMPUTATIONS = Table(
    schema="ops",
    name="computations",
    description="When each insight table was last computed, and over which window.",
    columns=(
        Column("insight", "VARCHAR", "the table", is_required=True),
        Column("as_of", "TIMESTAMPTZ", "the instant it was computed for", is_required=True),
        Column("window_start", "TIMESTAMPTZ", "start of the window, inclusive"),
        Column("rows", "BIGINT", "rows written (count)", is_required=True),
        Column("duration_seconds", "DOUBLE", "how long it took (s)"),
        Column("computed_at", "TIMESTAMPTZ", "when it was committed", is_required=True),
    ),
    verb="append",
    key=("insight", "computed_at"),
    time_column="computed_at",
    is_published=True,
    retention="ops_days",
)

CHECKS = Table(
    schema="ops",
    name="checks",
    description="What maintenance verified, and how it came out.",
    columns=(
        Column("name", "VARCHAR", "what was checked", is_required=True),
        Column("is_ok", "BOOLEAN", "whether it held", is_required=True),
        Column("detail", "VARCHAR", "the figures, or what is wrong", is_sentence=True),
        Column("checked_at", "TIMESTAMPTZ", "when", is_required=True),
    ),
    verb="append",
    key=("name", "checked_at"),
    time_column="checked_at",
    is_published=True,
    retention="ops_days",
)

BACKUPS = Table(
    schema="ops",
    name="backups",
    description="Backups of which every file was read back. A backup is not in itself, for its row comes after it.",
    columns=(
        Column("number", "BIGINT", "counts up, as in the name of its manifest", is_required=True),
        Column("destination", "VARCHAR", "`home`, or where its copy lies", is_required=True),
        Column("made_at", "TIMESTAMPTZ", "when it was begun", is_required=True),
        Column("proven_at", "TIMESTAMPTZ", "when it had been read back", is_required=True),
        Column("rows", "BIGINT", "rows in it (count)"),
        Column("bytes", "BIGINT", "of all its files (By)"),
        Column("written_bytes", "BIGINT", "of those that no earlier one had (By)"),
        Column("longest_hold_seconds", "DOUBLE", "for how long others had to wait for the warehouse at most (s)"),
    ),
    verb="upsert",
    key=("number", "destination"),
    time_column="proven_at",
    is_published=True,
    retention="ops_days",
)

VERIFIED = Table(
    schema="ops",
    name="verified",
    description="How far verification has got: the next one goes on there.",
    columns=(
        Column("what", "VARCHAR", "`generation` of changes, or what is read a part a day", is_required=True),
        Column("until", "BIGINT", "up to which one", is_required=True),
        Column("verified_at", "TIMESTAMPTZ", "when", is_required=True),
    ),
    verb="upsert",
    key=("what",),
)

ANOMALY_MODELS = Table(
    schema="ops",
    name="anomaly_models",
    description="The model that each host's anomaly scores come from: what it learned from, and with what. The latest of a host.",
    columns=(
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column("trained_until", "TIMESTAMPTZ", "end of its history, exclusive", is_required=True),
        Column("trained_from", "TIMESTAMPTZ", "start of its history", is_required=True),
        Column("history_minutes", "BIGINT", "minutes of the history in which something was read (count)", is_required=True),
        Column("step_minutes", "BIGINT", "how far the scored instants are apart (min)", is_required=True),
        Column("metrics", "JSON", "list of the metrics with their attributes, as `metric{attributes}`", is_required=True),
        Column("strands", "VARCHAR", "what its scores are the mean of", is_required=True),
        Column("features", "BIGINT", "columns that the isolation forest sees; 0 without a forest (count)", is_required=True),
        Column("seed", "BIGINT", "of the forest", is_required=True),
        Column("versions", "JSON", "of the detector and of the libraries that a forest depends on", is_required=True),
        Column("file", "VARCHAR", "the artifact, in `private/models/`", is_required=True),
        Column("sha256", "VARCHAR", "of the artifact; one with another is not opened but trained anew", is_required=True),
        Column("trained_at", "TIMESTAMPTZ", "when it was trained", is_required=True),
    ),
    verb="upsert",
    key=("host",),
    time_column="trained_until",
    is_published=True,
    retention="ops_days",
)

AUDIT_LOG = Table(
    schema="ops",
    name="audit_log",
    description="What people did to govpulse's data by hand.",
    columns=(
        Column("action", "VARCHAR", "what was done", is_required=True),
        Column("detail", "VARCHAR", "to what", is_sentence=True),
        Column("actor", "VARCHAR", "the operating system's user name"),
        Column("done_at", "TIMESTAMPTZ", "when", is_required=True),
    ),
    verb="append",
    key=("action", "done_at"),
    time_column="done_at",
    is_published=True,
    is_journaled=True,
)

FORGOTTEN = Table(
    schema="ops",
    name="forgotten",
    description="Who was forgotten, as hashes that say of an id whether it is one of them. Only in the warehouse.",
    columns=(
        Column("forgotten_id", "VARCHAR", "SHA-256 of salt and id", is_required=True),
        Column("salt", "VARCHAR", "random, the same in every row", is_required=True),
        Column("forgotten_at", "TIMESTAMPTZ", "when", is_required=True),
        Column(
            "parts",
            "BIGINT",
            "words, and characters between them, that the id is made of (count); NULL: it is looked for where users are alone",
        ),
        Column("letters", "BIGINT", "how long it is, where it is looked for elsewhere (count of characters)"),
        Column("is_hashed", "BOOLEAN", "a hash stands for it in longer ids that contain it"),
    ),
    verb="append",
    key=("forgotten_id",),
    is_journaled=True,
)

PERSON_SECRET = Table(
    schema="ops",
    name="person_secret",
    description="By which secret addresses of people were hashed, one row, none before the first. Only in the warehouse.",
    columns=(
        Column("fingerprint", "VARCHAR", "SHA-256 of the secret", is_required=True),
        Column("first_used_at", "TIMESTAMPTZ", "when it was made, or found", is_required=True),
        Column("hashed_at", "TIMESTAMPTZ", "when no id with an `@` was left in a column for users; NULL: there may be some"),
        Column("rewritten_at", "TIMESTAMPTZ", "when the file was written anew after that, without what was deleted"),
    ),
    verb="append",
    key=("fingerprint",),
    is_journaled=True,
)

INSTALLATION = Table(
    schema="ops",
    name="installation",
    description="Whose the warehouse is, one row. Only in the warehouse.",
    columns=(
        Column("installation", "VARCHAR", "random id, as in the files `installation` of the home", is_required=True),
        Column("timeline", "VARCHAR", "random id that each restore renews", is_required=True),
        Column("created_at", "TIMESTAMPTZ", "when the installation was made, or first got an id", is_required=True),
    ),
    verb="append",
    key=("installation",),
)

SCHEMA_MIGRATIONS = Table(
    schema="ops",
    name="schema_migrations",
    description="The migrations that this warehouse has been through.",
    columns=(
        Column("version", "BIGINT", "the migration's number", is_required=True),
        Column("name", "VARCHAR", "its file", is_required=True),
        Column("applied_at", "TIMESTAMPTZ", "when", is_required=True),
    ),
    verb="append",
    key=("version",),
    is_published=True,
)

TABLES = (
    RUNS,
    LOADS,
    CHANGES,
    JOURNAL,
    WATERMARKS,
    RECONCILIATIONS,
    ZERO_INSTANTS,
    REJECTED_ROWS,
    OUTDATED_ROWS,
    COMPUTATIONS,
    CHECKS,
    BACKUPS,
    VERIFIED,
    ANOMALY_MODELS,
    AUDIT_LOG,
    FORGOTTEN,
    PERSON_SECRET,
    INSTALLATION,
    SCHEMA_MIGRATIONS,
)
