"""Public repositories' acts and their declared owners, and what the product's own commands make of the acts.

The data lie outside of this repository; nothing of them enters it.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

DEFAULT_FOLDER = Path(__file__).parents[3] / "shared" / "data" / "expertise"
OWNER, NEXT = "owner", "next"
TASKS = (OWNER, NEXT)
"""Who is a declared owner of the domain; who acts in it in the 180 days to come."""
NEXT_DAYS = 180
BULK = 20
"""An act over more domains does not say that somebody is at home in each."""
OURS = ("GOVPULSE_", "PREFECT_")


@dataclass(frozen=True)
class Labelled:
    """One repository: each act (user, domain, occurred_at, kind, n_files, n_domains_in_commit) and the owners (domain, user).

    Attributes:
        ended_at: until when it was read.
    """

    name: str
    acts: pl.DataFrame
    owners: pl.DataFrame
    ended_at: datetime

    def as_of(self, task: str) -> datetime:
        """Acts before this instant are known to whoever answers."""
        return self.ended_at if task == OWNER else self.ended_at - timedelta(days=NEXT_DAYS)

    def truth(self, task: str) -> pl.DataFrame:
        """Which users (domain, user) are right."""
        if task == OWNER:
            return self.owners
        later = (pl.col("occurred_at") > self.as_of(task)) & (pl.col("n_domains_in_commit") <= BULK)
        return self.acts.filter(later).select("domain", "user").unique()


def read_sets(folder: Path) -> list[Labelled]:
    """All sets in the folder by name; none where it is not there."""
    return [_read(folder, path.name.removesuffix("_meta.json")) for path in sorted(folder.glob("*_meta.json"))]


def _read(folder: Path, name: str) -> Labelled:
    acts = pl.read_parquet(folder / f"{name}_activity.parquet")
    if acts.schema["occurred_at"] == pl.Datetime("us"):
        acts = acts.with_columns(pl.col("occurred_at").dt.replace_time_zone("UTC"))
    owners = pl.read_parquet(folder / f"{name}_owners.parquet").select("domain", "user").unique()
    ended_at = json.loads((folder / f"{name}_meta.json").read_text())["snapshot"]
    return Labelled(name, acts, owners, datetime.fromisoformat(ended_at).astimezone(UTC))


def contract_rows(acts: pl.DataFrame) -> pl.DataFrame:
    """The acts as rows of raw.activity."""
    return acts.with_row_index("row").select(
        activity_id=pl.format("a{}", "row"),
        user_id="user",
        activity_type=pl.lit("user_action"),
        action=pl.col("kind").cast(pl.String),
        domain="domain",
        resource_type=pl.lit("folder"),
        resource_id="domain",
        item_count=pl.col("n_files").cast(pl.Int64),
        domain_count=pl.col("n_domains_in_commit").cast(pl.Int64),
        status=pl.lit("succeeded"),
        occurred_at="occurred_at",
        updated_at="occurred_at",
    )


def published(labelled: Labelled, folder: Path) -> dict[str, pl.DataFrame]:
    """insights.expertise_scores as of each task's instant, from the file that the product publishes.

    Args:
        folder: an empty one, which becomes the product's home.
    """
    rows, found = folder / "activity.parquet", {}
    contract_rows(labelled.acts).write_parquet(rows)
    _govpulse(folder, "load", "activity", str(rows))
    for task in TASKS:
        _govpulse(folder, "run", "--only", "expertise_scores", "--as-of", labelled.as_of(task).isoformat())
        with duckdb.connect(str(folder / "govpulse.duckdb"), read_only=True) as con:
            found[task] = con.execute(
                "SELECT domain, user_id AS user, knowledge, coalesce(knowledge_share, 0) AS share, level,"
                " coalesce(availability, 0) AS availability FROM insights.expertise_scores WHERE domain <> 'all' ORDER BY ALL"
            ).pl()
    return found


def _govpulse(home: Path, *arguments: str) -> None:
    """Run the command with the default settings, whatever those of whoever runs the benchmark are."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment |= {"GOVPULSE_HOME": str(home), "GOVPULSE_SOURCE__KIND": "none"}
    command = [str(Path(sys.executable).with_name("govpulse")), *arguments]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"govpulse {arguments[0]} failed with exit code {done.returncode}: {done.stderr.strip()}")
