"""Schema `ops`: govpulse's own records: what ran, what was loaded, what was refused."""

from storage.catalogue.model import Column, Table

RUNS = Table(
    schema="ops",
    name="runs",
    description="One row per flow run. `crashed`: its process was killed, and the next start noticed.",
    columns=(
        Column("run_id", "VARCHAR", "unique id", is_required=True),
        Column("flow", "VARCHAR", "the flow's name", is_required=True),
        Column("as_of", "TIMESTAMPTZ", "the instant the run computed for; NULL if it crashed"),
        Column("status", "VARCHAR", "status of the run", is_required=True, allowed=("running", "succeeded", "failed", "crashed")),
        Column("started_at", "TIMESTAMPTZ", "when it began", is_required=True),
        Column("finished_at", "TIMESTAMPTZ", "when it ended"),
        Column("result", "JSON", "what each step did, with counts", is_sentence=True),
        Column("error", "VARCHAR", "the failures, one per line", is_sentence=True),
        Column("prefect_flow_run_id", "VARCHAR", "id of the run in the Prefect UI"),
        Column("version", "VARCHAR", "the govpulse version that ran"),
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
    description="The loader's ledger, one row per landing file; committed together with the file's rows.",
    columns=(
        Column("file", "VARCHAR", "dataset and file name", is_required=True),
        Column("dataset", "VARCHAR", "the table it was for", is_required=True),
        Column("status", "VARCHAR", "`loaded`, `quarantined` (unreadable) or `displaced` (sample rows when there are real ones)"),
        Column("rows", "BIGINT", "rows in the file (count)"),
        Column("rejected", "BIGINT", "rejected rows, which failed the contract (count)"),
        Column("first_at", "TIMESTAMPTZ", "earliest instant in the file"),
        Column("last_at", "TIMESTAMPTZ", "latest instant in the file"),
        Column("source", "VARCHAR", "where it came from, as in raw"),
        Column("reason", "VARCHAR", "why it was not loaded", is_sentence=True),
        Column("loaded_at", "TIMESTAMPTZ", "when it was committed", is_required=True),
        Column("skipped", "BIGINT", "rows left out: of forgotten people, or of the sample when there are real rows (count)"),
        Column("origin", "VARCHAR", "the file that the rows came from, if they did not come from a database"),
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
            "everything that changed before this has been read; for owners, when they were last read",
            is_required=True,
        ),
        Column("updated_at", "TIMESTAMPTZ", "when it moved", is_required=True),
        Column(
            "read_until",
            "TIMESTAMPTZ",
            "set while the first extraction is under way: only what changed before this has been read so far",
        ),
    ),
    verb="upsert",
    key=("dataset", "source"),
    version=("watermark", "updated_at"),
    is_published=True,
)

RECONCILIATIONS = Table(
    schema="ops",
    name="reconciliations",
    description="What comparing keys with the source found, and what was done about it.",
    columns=(
        Column("dataset", "VARCHAR", "the table", is_required=True),
        Column("source", "VARCHAR", "what it was compared with, as in raw", is_required=True),
        Column("source_rows", "BIGINT", "rows at the source (count)", is_required=True),
        Column("raw_rows", "BIGINT", "rows of that source in raw, without deleted ones (count)", is_required=True),
        Column("missing", "BIGINT", "rows missing from raw although extraction had passed them (count)", is_required=True),
        Column("stale", "BIGINT", "rows with a different updated_at in raw (count)", is_required=True),
        Column("deleted", "BIGINT", "rows that the source no longer has (count)", is_required=True),
        Column("repaired", "BIGINT", "missing and stale rows that were read again and landed (count)", is_required=True),
        Column("reconciled_at", "TIMESTAMPTZ", "when the source was read", is_required=True),
        Column("outdated", "BIGINT", "rows whose newest version was rejected, so raw keeps an older one (count)"),
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
    description="The generation of the last change to each part of each table; committed together with the change.",
    columns=(
        Column("table_name", "VARCHAR", "schema and table", is_required=True),
        Column(
            "part",
            "VARCHAR",
            "the day (UTC) of the rows, if the table is kept by day; empty for the whole table",
            is_required=True,
        ),
        Column("generation", "BIGINT", "goes up by one with every change", is_required=True),
    ),
    verb="upsert",
    key=("table_name", "part"),
)

JOURNAL = Table(
    schema="ops",
    name="journal",
    description="The journal entry that this warehouse has reached, one row. Only in the warehouse.",
    columns=(Column("number", "BIGINT", "number of the last committed entry", is_required=True),),
    verb="replace",
)

ZERO_INSTANTS = Table(
    schema="ops",
    name="zero_instants",
    description="Placeholder timestamps found on the way in, such as 1970-01-01: they become NULL in raw, or the row is rejected.",
    columns=(
        Column("file", "VARCHAR", "landing file, as in ops.loads after the dataset", is_required=True),
        Column("dataset", "VARCHAR", "the table", is_required=True),
        Column("source", "VARCHAR", "where the rows come from, as in raw"),
        Column("column_name", "VARCHAR", "the column", is_required=True),
        Column("cells", "BIGINT", "cells with a placeholder (count)", is_required=True),
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
    description="Rejected rows: they failed the contract, and are kept whole with the reason.",
    columns=(
        Column("rejected_id", "VARCHAR", "hash of dataset, reason and row", is_required=True),
        Column("dataset", "VARCHAR", "the table it was for", is_required=True),
        Column("key", "VARCHAR", "its key, if it has one"),
        Column("reason", "VARCHAR", "every rule that it broke", is_required=True, is_sentence=True),
        Column("row", "JSON", "the row as it came in", is_sentence=True),
        Column("source", "VARCHAR", "where it came from, as in raw"),
        Column("rejected_at", "TIMESTAMPTZ", "when it was last rejected", is_required=True),
        Column("seen_at", "TIMESTAMPTZ", "when it was read from its source; NULL if not known"),
    ),
    verb="upsert",
    key=("rejected_id",),
    version=("rejected_at",),
    is_published=True,
)

OUTDATED_ROWS = Table(
    schema="ops",
    name="outdated_rows",
    description="Rows of raw whose newest version was rejected. Raw keeps an older version; no verdict, finding or alert uses it.",
    columns=(
        Column("dataset", "VARCHAR", "the table", is_required=True),
        Column("key", "VARCHAR", "its key within the source, as in ops.rejected_rows", is_required=True),
        Column("source", "VARCHAR", "where it came from, as in raw", is_required=True),
        Column("outdated_since", "TIMESTAMPTZ", "when a version of it was first rejected"),
        Column("reason", "VARCHAR", "why the newest version was rejected", is_sentence=True),
    ),
    verb="view",
    key=("dataset", "key", "source"),
    is_published=True,
)

COMPUTATIONS = Table(
    schema="ops",
    name="computations",
    description="When each insight table was computed, and over which window.",
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
    description="What maintenance checked, and the result.",
    columns=(
        Column("name", "VARCHAR", "what was checked", is_required=True),
        Column("is_ok", "BOOLEAN", "whether the check passed", is_required=True),
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
    description="Verified backups: every file was read back. A backup does not contain its own row, which is written after it.",
    columns=(
        Column("number", "BIGINT", "number of the backup, as in the name of its manifest; goes up", is_required=True),
        Column("destination", "VARCHAR", "`home`, or where its copy is", is_required=True),
        Column("made_at", "TIMESTAMPTZ", "when it started", is_required=True),
        Column("proven_at", "TIMESTAMPTZ", "when it was verified: every file had been read back", is_required=True),
        Column("rows", "BIGINT", "rows in it (count)"),
        Column("bytes", "BIGINT", "size of all its files (By)"),
        Column("written_bytes", "BIGINT", "size of the files that no earlier backup had (By)"),
        Column("longest_hold_seconds", "DOUBLE", "longest time that others had to wait for the warehouse (s)"),
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
    description="How far verification has got: the next run continues from there.",
    columns=(
        Column("what", "VARCHAR", "`generation` of changes, or what is verified one part per day", is_required=True),
        Column("until", "BIGINT", "the last generation or part verified", is_required=True),
        Column("verified_at", "TIMESTAMPTZ", "when", is_required=True),
    ),
    verb="upsert",
    key=("what",),
)

ANOMALY_MODELS = Table(
    schema="ops",
    name="anomaly_models",
    description="The model behind each host's anomaly scores: its training data, settings and library versions. The latest "
    "per host.",
    columns=(
        Column("host", "VARCHAR", "the host's name", is_required=True),
        Column("trained_until", "TIMESTAMPTZ", "end of its training history, exclusive", is_required=True),
        Column("trained_from", "TIMESTAMPTZ", "start of its training history", is_required=True),
        Column("history_minutes", "BIGINT", "minutes of that history with at least one reading (count)", is_required=True),
        Column("step_minutes", "BIGINT", "time between scored instants (min)", is_required=True),
        Column("metrics", "JSON", "list of the metrics with their attributes, as `metric{attributes}`", is_required=True),
        Column("strands", "VARCHAR", "the strands whose mean is the score", is_required=True),
        Column("features", "BIGINT", "columns that the isolation forest uses; 0 without a forest (count)", is_required=True),
        Column("seed", "BIGINT", "random seed of the forest", is_required=True),
        Column("versions", "JSON", "versions of the detector and of the libraries that a forest depends on", is_required=True),
        Column("file", "VARCHAR", "the model's file in `private/models/`", is_required=True),
        Column(
            "sha256",
            "VARCHAR",
            "SHA-256 of that file; a file with a different hash is not opened, and the model is trained again",
            is_required=True,
        ),
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
    description="Changes that people made to govpulse's data by hand.",
    columns=(
        Column("action", "VARCHAR", "what was done", is_required=True),
        Column("detail", "VARCHAR", "what it was done to", is_sentence=True),
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
    description="Forgotten people, as salted hashes against which an id can be checked. Only in the warehouse.",
    columns=(
        Column("forgotten_id", "VARCHAR", "SHA-256 of salt and id", is_required=True),
        Column("salt", "VARCHAR", "random, the same in every row", is_required=True),
        Column("forgotten_at", "TIMESTAMPTZ", "when", is_required=True),
        Column(
            "parts",
            "BIGINT",
            "words in the id, and characters between them (count); NULL: the id is looked for only in columns for users",
        ),
        Column("letters", "BIGINT", "length of the id, if it is looked for in other columns too (count of characters)"),
        Column("is_hashed", "BOOLEAN", "longer ids that contain it have a hash in its place"),
    ),
    verb="append",
    key=("forgotten_id",),
    is_journaled=True,
)

PERSON_SECRET = Table(
    schema="ops",
    name="person_secret",
    description="The secret that people's addresses are hashed with, one row; none before the first use. Only in the warehouse.",
    columns=(
        Column("fingerprint", "VARCHAR", "SHA-256 of the secret", is_required=True),
        Column("first_used_at", "TIMESTAMPTZ", "when the secret was made, or found", is_required=True),
        Column("hashed_at", "TIMESTAMPTZ", "when no id with `@` was left in any column for users; NULL: there may still be some"),
        Column("rewritten_at", "TIMESTAMPTZ", "when the file was then rewritten, so that deleted rows are gone from it"),
    ),
    verb="append",
    key=("fingerprint",),
    is_journaled=True,
)

INSTALLATION = Table(
    schema="ops",
    name="installation",
    description="The installation that the warehouse belongs to, one row. Only in the warehouse.",
    columns=(
        Column("installation", "VARCHAR", "random id, as in the home's `installation` files", is_required=True),
        Column("timeline", "VARCHAR", "random id; each restore sets a new one", is_required=True),
        Column("created_at", "TIMESTAMPTZ", "when the installation was made, or first got an id", is_required=True),
    ),
    verb="append",
    key=("installation",),
)

SCHEMA_MIGRATIONS = Table(
    schema="ops",
    name="schema_migrations",
    description="The migrations that have been applied to this warehouse.",
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
