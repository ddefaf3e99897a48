"""`govpulse load`: files in the contract's shape into a raw table."""

from pathlib import Path
from typing import Annotated

import typer

from flows.settings import load_settings
from storage.catalogue import DATASETS
from storage.errors import ConfigurationError


def load(
    dataset: Annotated[str, typer.Argument(help=f"One of {', '.join(DATASETS)}.")],
    files: Annotated[list[Path], typer.Argument(help="Parquet, CSV or NDJSON files.")],
) -> None:
    """Load files into raw.DATASET: checked, and safe to repeat."""
    from tasks.sources.files import land_file

    if dataset not in DATASETS:
        raise ConfigurationError(f"no dataset {dataset}; there are {', '.join(DATASETS)}")
    settings = load_settings()
    settings.folder.create()
    for path in files:
        land_file(settings.folder, dataset, path)
    from storage.loading import load_landing
    from storage.warehouse import warehouse

    with warehouse(settings.folder, settings.limits) as con:
        result = load_landing(con, settings.folder)
    print(f"raw.{dataset}: {result}")
    if result.rejected:
        print('why: govpulse query --private "SELECT reason, count(*) FROM ops.rejected_rows GROUP BY ALL"')
