"""What landing files are called: with their checksum, for Parquet's pages as Polars writes them have none."""

import zlib
from pathlib import Path

CHECKSUM = ".crc-"


def checksum(path: Path) -> str:
    """CRC-32 of a file's content."""
    found = 0
    with path.open("rb") as file:
        while part := file.read(2**20):
            found = zlib.crc32(part, found)
    return f"{found:08x}"


def checksum_in(name: str) -> str | None:
    """The one that a landing file bears in its name; None in the name of one that an older govpulse wrote."""
    stem, has_one, found = name.removesuffix(".parquet").rpartition(CHECKSUM)
    return found if stem and has_one else None


def plain_name(name: str) -> str:
    """The name without it, by which the ledger knows a file."""
    found = checksum_in(name)
    return name if found is None else name.replace(f"{CHECKSUM}{found}", "")
