"""`govpulse sample`: a made-up governance database with labelled incidents."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.umask import as_the_person
from flows.printing import say, working
from storage.errors import ConfigurationError


def sample(
    to: Annotated[str, typer.Option(help="Where to write it: a SQLite file, or the URL of an empty PostgreSQL database.")],
    seed: Annotated[int, typer.Option(help="Another seed makes another sample.")] = 7,
    days: Annotated[int, typer.Option(min=1, help="How many days it covers, up to --until.")] = 120,
    scale: Annotated[float, typer.Option(min=0.01, help="Multiplies the number of acts and scans.")] = 1.0,
    until: Annotated[str | None, typer.Option(help="Its last instant; default: now.")] = None,
) -> None:
    """Write a sample governance database in the racine schema."""
    from flows.instants import in_utc, parse_instant
    from tasks.sources.address import Address
    from tasks.sources.sample.database import write_sample
    from tasks.sources.sample.postgresql import write_sample_to

    is_postgresql = to.startswith(("postgresql:", "postgres:"))
    address = Address("postgresql" if is_postgresql else "sqlite", to)
    if not is_postgresql and "://" in address.path:
        raise ConfigurationError("--to takes a SQLite file, as a path or sqlite:///path, or a postgresql:// URL")
    given = parse_instant("--until", until)
    end = in_utc(given) if given else datetime.now(UTC)
    with as_the_person(), working(f"writing {address}"):
        if is_postgresql:
            written = write_sample_to(address, until=end, seed=seed, days=days, scale=scale)
        else:
            written = write_sample(Path(address.path), until=end, seed=seed, days=days, scale=scale)
    say(str(written))
