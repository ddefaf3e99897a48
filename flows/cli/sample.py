"""`govpulse sample`: a made-up governance database with labelled incidents."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from storage.errors import ConfigurationError


def sample(
    to: Annotated[str, typer.Option(help="Where to write it: a SQLite file, as a path or sqlite:///path.")],
    seed: Annotated[int, typer.Option(help="Another seed is another world.")] = 7,
    days: Annotated[int, typer.Option(min=1, help="Its length in days, up to --until.")] = 120,
    scale: Annotated[float, typer.Option(min=0.01, help="Multiplies the number of acts and scans.")] = 1.0,
    until: Annotated[str | None, typer.Option(help="Its last instant; now by default.")] = None,
) -> None:
    """Write a sample governance database in the racine schema."""
    from flows.cli.run import parse_instant
    from flows.run import in_utc
    from tasks.sources.sample.database import write_sample

    if "://" in to and not to.startswith("sqlite:///"):
        raise ConfigurationError(f"--to {to}: only SQLite files, as a path or sqlite:///path")
    path = Path(to.removeprefix("sqlite:///"))
    end = parse_instant("--until", until)
    with Console(stderr=True).status(f"writing {path}"):
        result = write_sample(path, until=in_utc(end) if end else datetime.now(UTC), seed=seed, days=days, scale=scale)
    print(result)
