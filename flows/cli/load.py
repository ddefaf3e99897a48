"""`govpulse load`: files in the contract's shape into a raw table."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.settings import Settings, load_settings
from storage.audit import record_action
from storage.catalogue import DATASETS
from storage.errors import ConfigurationError, GovpulseError
from storage.loading import load_dataset
from storage.warehouse import warehouse
from tasks.sources.files import land_file


def load(
    dataset: Annotated[str, typer.Argument(help=f"One of {', '.join(DATASETS)}.")],
    files: Annotated[list[Path], typer.Argument(help="Parquet, CSV or NDJSON files.")],
) -> None:
    """Load files into raw.DATASET: checked, and safe to repeat."""
    if dataset not in DATASETS:
        raise ConfigurationError(f"no dataset {dataset}; there are {', '.join(DATASETS)}")
    settings = load_settings()
    settings.folder.create()
    with Console(stderr=True).status(f"loading {len(files)} files"):
        problems = land_files(settings, dataset, files)
        with warehouse(settings.folder, settings.limits) as con:
            result = load_dataset(con, settings.folder, dataset)
            detail = f"{dataset}: {', '.join(map(str, files))}"
            record_action(con, "load", detail, getpass.getuser(), datetime.now(UTC))
    if result.files or not problems:
        print(f"raw.{dataset}: {result}")
    if result.rejected:
        print('why: govpulse query --private "SELECT reason, count(*) FROM ops.rejected_rows GROUP BY ALL"')
    if problems or result.quarantined:
        raise GovpulseError("; ".join((*problems, *result.quarantined)))


def land_files(settings: Settings, dataset: str, files: list[Path]) -> list[str]:
    """Land what can be read; returns what is wrong with the rest."""
    problems = []
    for path in files:
        try:
            land_file(settings.folder, dataset, path)
        except GovpulseError as error:
            problems.append(str(error))
    return problems
