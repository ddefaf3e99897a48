"""Refused rows once more, after a fix: from the source itself where it is at hand, or as they were kept."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import polars as pl
import pyarrow as pa

from storage.catalogue import LISTINGS
from storage.home import Home
from storage.intake.landing import land
from storage.people.pseudonyms import AS_THEY_ARE, Pseudonyms
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import read_many_keys
from tasks.sources.landing_stream import LandingStream
from tasks.sources.pseudonyms import without_addresses


def replay_kept(home: Home, dataset: str, rows: pl.DataFrame, pseudonyms: Pseudonyms = AS_THEY_ARE) -> list[str]:
    """Land the kept rows again; returns their ids. For when the contract was mended."""
    for (source,), group in rows.group_by("source", maintain_order=True):
        documents = [json.loads(row) for row in group["row"]]
        names = list(dict.fromkeys(name for document in documents for name in document))
        columns = {name: pl.Series([_as_text(document.get(name)) for document in documents], dtype=pl.String) for name in names}
        landed = without_addresses(pl.DataFrame(columns).to_arrow(compat_level=pl.CompatLevel.oldest()), dataset, pseudonyms)
        land(home, dataset, landed, metadata={"source": str(source)} if source else {})
    return rows["rejected_id"].to_list()


def replay_source(home: Home, source: Source, dataset: str, rows: pl.DataFrame, extracted_at: datetime) -> list[str]:
    """Read the rows from their source again and land them; returns the ids of those that it still has. For when the source or its
    mapping was mended.

    Raises:
        GovpulseError: the source cannot be read.
    """
    keys, found = rows["key"].drop_nulls().unique(maintain_order=True).to_list(), set[str]()

    def noted(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for table in tables:
            found.update(pl.Series(pl.from_arrow(table[0])).cast(pl.String).drop_nulls())
            yield table

    with open_session(source) as session:
        if dataset not in session.datasets:
            return []
        session.check(dataset)
        with LandingStream(home, dataset, source.name, extracted_at, source.pseudonyms) as landing:
            if dataset in LISTINGS:
                landing.put_listing(session.read_all(dataset))
                return rows["rejected_id"].to_list()
            landing.put(noted(read_many_keys(session, dataset, keys)), lambda: None)
    return rows.filter(pl.col("key").is_in(list(found)))["rejected_id"].to_list()


def _as_text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return json.dumps(cell)
