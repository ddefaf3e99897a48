"""Which rows of a read have come, told by key and change instant, in eight bytes each."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa


def as_rows(keys: pa.ChunkedArray, changes: pa.ChunkedArray) -> pl.DataFrame:
    """Rows by `key`, as text, and `changed`: see narrowing.Change."""
    changed = pl.Series(pl.from_arrow(changes))
    changed = changed.to_physical().cast(pl.Int64) if changed.dtype.is_temporal() else changed.cast(pl.String)
    return pl.DataFrame({"key": pl.Series(pl.from_arrow(keys)).cast(pl.String), "changed": changed})


class Seen:
    """The rows that have come.

    Attributes:
        key: the column that tells rows apart.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._hashes: list[pl.Series] = []

    def noting(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """`tables`, each noted before it is handed on."""
        for table in tables:
            self._hashes.append(as_rows(table[self.key], table["updated_at"]).hash_rows())
            yield table

    def missing(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of `rows` that have not come, in their order."""
        if not self._hashes or rows.is_empty():
            return rows
        return rows.filter(~rows.hash_rows().is_in(pl.concat(self._hashes).implode()))
