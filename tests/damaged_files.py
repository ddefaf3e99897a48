"""Files as they come to grief, from a seed: of every format and packing, with planted damage, and what must come in of each."""

import gzip
import io
import json
import random
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
COLUMNS = ("activity_id", "user_id", "domain", "status", "item_count", "duration_seconds", "occurred_at", "updated_at")
DELIMITED = {"csv": ",", "semicolon": ";", "tsv": "\t"}
ENDINGS = {"csv": "csv", "semicolon": "csv", "tsv": "tsv", "ndjson": "ndjson", "json": "json", "parquet": "parquet"}
TEXTS = (
    "finance",
    "",
    None,
    "ü ß 漢字",
    "a,b;c\td",
    'say "x"',
    "two\nlines",
    "crlf\r\nin it",
    "{}",
    "NULL",
    "it's",
    " blank ",
    "\\",
    "\u2028",
)
BAD_VALUES: tuple[Row, ...] = (
    {"occurred_at": "soon"},
    {"occurred_at": "1780000000"},
    {"occurred_at": "2026-13-01T00:00:00Z"},
    {"updated_at": "9998-01-01T00:00:00Z"},
    {"updated_at": None},
    {"status": "DONE"},
    {"status": None},
    {"item_count": "1" + "0" * 40},
    {"item_count": "many"},
    {"item_count": "-1"},
    {"duration_seconds": "NaN"},
    {"duration_seconds": "Infinity"},
    {"duration_seconds": "1e400"},
    {"activity_id": None},
    {"activity_id": " "},
    {"activity_id": "NULL"},
    {"activity_id": "nan"},
)
"""None of these is a row of the contract, whatever format says it."""


@dataclass
class Damaged:
    """A file.

    Attributes:
        valid: by key, the rows that must come in, with their texts.
        uncertain: keys of rows that are damaged in a way that may leave a row of the contract.
        is_lost: nobody could tell its rows, so that it may be refused as a whole.
        is_noise: behind the damage anything may stand, keys of nobody too.
    """

    name: str
    content: bytes
    valid: dict[str, Row]
    uncertain: set[str] = field(default_factory=set)
    is_lost: bool = False
    is_noise: bool = False
    told: str = ""


@dataclass
class Made:
    """A file in the making: pieces of text, each with the row that it is, if it is one."""

    chance: random.Random
    prefix: str
    pieces: list[tuple[bytes, Row | None]] = field(default_factory=list)
    head: bytes = b""
    tail: bytes = b""
    between: bytes = b""
    uncertain: set[str] = field(default_factory=set)
    count: int = 0

    def row(self, **changes: Any) -> Row:
        self.count += 1
        at = f"2025-0{self.chance.randint(1, 9)}-1{self.chance.randint(0, 9)}T10:00:{self.chance.randint(0, 59):02}Z"
        words = ("u1", self.chance.choice(TEXTS), "succeeded", str(self.chance.randint(0, 99)), "1.5")
        row = dict(zip(COLUMNS, (f"{self.prefix}-{self.count}", *words, at, at), strict=True))
        return row | changes

    def bytes(self) -> bytes:
        return self.head + self.between.join(piece for piece, _ in self.pieces) + self.tail

    def whole_until(self, end: int) -> dict[str, Row]:
        """The rows that stand whole in the first `end` bytes."""
        rows, place = {}, len(self.head)
        for piece, row in self.pieces:
            place += len(piece)
            if row is not None and place <= end:
                rows[row["activity_id"]] = row
            place += len(self.between)
        return rows


Damage = Callable[[Made], bytes]
"""What stands in the place of a row."""


def csv_line(row: Row | list[Any], delimiter: str, end: str) -> bytes:
    cells = list(row.values()) if isinstance(row, dict) else row
    text = io.StringIO()
    quoted = [cell is not None and (cell == "" or any(sign in cell for sign in ',;\t"\r\n')) for cell in cells]
    text.write(
        delimiter.join(
            "" if cell is None else '"' + cell.replace('"', '""') + '"' if quotes else cell
            for cell, quotes in zip(cells, quoted, strict=True)
        )
    )
    return (text.getvalue() + end).encode()


def make_csv(made: Made, kind: str, rows: int) -> None:
    delimiter, end = DELIMITED[kind], made.chance.choice(["\n", "\n", "\r\n", "\r"])
    write = lambda row: csv_line(row, delimiter, end)  # noqa: E731
    made.head = made.chance.choice([b"", b"\xef\xbb\xbf"]) + write(list(COLUMNS))

    def ragged() -> bytes:
        cells = list(made.row(domain="x").values())
        return write(cells[: made.chance.randint(1, 7)] if made.chance.random() < 0.5 else [*cells, "x"])

    bad: list[Callable[[], bytes]] = [
        ragged,
        lambda: write(made.row(domain="M\u00fcnchen")).decode().encode("latin-1"),
        lambda: write(made.row(domain="x")).replace(b"x", b'"x', 1),
        lambda: write(made.row(domain="x")).replace(b"x", b'"x"y', 1),
        lambda: b"\0" * made.chance.randint(1, 600) + end.encode(),
        lambda: end.encode(),
        lambda: write(made.row(domain="x"))[:25] + b"\0" * 9,
        lambda: b"\0" * 700,
        lambda: write(made.row(domain="x" * 100) | made.chance.choice(BAD_VALUES)),
    ]
    fill(made, rows, write, bad)


def json_object(row: Row) -> bytes:
    """With a number where one is, and what has no value left out or null."""
    said = {name: value for name, value in row.items() if value is not None or name == "domain"}
    if said.get("item_count", "x").isdigit():
        said["item_count"] = int(said["item_count"])
    return json.dumps(said, ensure_ascii=len(row["activity_id"] or "") % 2 == 0).encode()


def bad_objects(made: Made) -> list[Callable[[], bytes]]:
    return [
        lambda: json_object(made.row(domain="x")).replace(b'"x"', b'"x', 1),
        lambda: json_object(made.row(domain="x")).replace(b'"x"', b"x", 1),
        lambda: json_object(made.row(domain="x")).replace(b'"x"', b"NaN", 1).replace(b"1.5", b"oops"),
        lambda: json_object(made.row(domain="M\u00fcnchen")).replace(b"\\u00fc", b"\xfc").replace("\u00fc".encode(), b"\xfc"),
        lambda: json_object(made.row(domain="x"))[: -made.chance.randint(1, 30)],
        lambda: made.chance.choice([b"null", b"1", b'"text"', b"[]", b"[1, 2]", b"true"]),
        lambda: json_object(made.row() | made.chance.choice(BAD_VALUES)),
        lambda: json_object(made.row(domain="x")).replace(b'"1.5"', made.chance.choice([b"NaN", b"-Infinity", b"1e999"])),
    ]


def make_ndjson(made: Made, rows: int) -> None:
    end = made.chance.choice([b"\n", b"\n", b"\r\n", b"\r"])
    made.head = made.chance.choice([b"", b"\xef\xbb\xbf"])
    zeros = lambda: b"\0" * made.chance.randint(1, 600)  # noqa: E731
    bad = [*bad_objects(made), zeros, lambda: b"", lambda: b"{"]
    torn = [lambda: json_object(made.row(domain="x"))[:-9] + b"\0" * 9, lambda: b"\0" * 700]
    fill(made, rows, lambda row: json_object(row) + end, [*(lambda make=make: make() + end for make in bad), *torn])
    if made.chance.random() < 0.3:
        made.pieces.insert(0, doubled_key(made, end))


def doubled_key(made: Made, end: bytes) -> tuple[bytes, None]:
    """An object that says its key twice: which is meant nobody knows."""
    row = made.row(domain="x")
    made.uncertain |= {row["activity_id"], row["activity_id"] + "b"}
    return b'{"activity_id": "' + row["activity_id"].encode() + b'b", ' + json_object(row)[1:] + end, None


def make_json(made: Made, rows: int) -> None:
    """An object a line; in one line only without damage, behind which nobody could tell where one begins."""
    is_by_line = made.chance.random() < 0.7
    made.between = b",\n" if is_by_line else b", "
    made.head, made.tail = made.chance.choice([b"[", b"[\n", b"\xef\xbb\xbf[ "]), made.chance.choice([b"]", b"\n]\n"])
    fill(made, rows, json_object, bad_objects(made))


def fill(made: Made, rows: int, write: Callable[[Row], bytes], bad: list[Callable[[], bytes]]) -> None:
    share = made.chance.choice([0.0, 0.1, 0.4])
    for _ in range(rows):
        if made.chance.random() < share:
            piece = made.chance.choice(bad)()
            made.pieces.append((piece, None))
        row = made.row()
        made.pieces.append((write(row), row))
        if made.chance.random() < 0.05:
            made.pieces.append((write(row), row))
            if made.chance.random() < 0.5:
                made.uncertain.add(row["activity_id"])
                made.pieces.append((write(row | {"domain": "another"}), row))


def pack(content: bytes, packing: str, chance: random.Random) -> bytes:
    """In one part or in several, one behind the other."""
    parts = [content]
    if chance.random() < 0.3:
        middle = len(content) // 2
        parts = [content[:middle], content[middle:]]
    if packing == "gz":
        return b"".join(gzip.compress(part) for part in parts)
    return b"".join(pa.compress(part, "zstd", asbytes=True) for part in parts)


def unpacked_start(packed: bytes, packing: str) -> int:
    """How many bytes there are in what is left of a packed file."""
    return gunzipped_start(packed) if packing == "gz" else unzstd_start(packed)


def gunzipped_start(packed: bytes) -> int:
    part, count = zlib.decompressobj(zlib.MAX_WBITS | 16), 0
    with suppress(zlib.error):
        for place in range(len(packed)):
            if part.eof:
                part = zlib.decompressobj(zlib.MAX_WBITS | 16)
            count += len(part.decompress(packed[place : place + 1]))
    return count


def unzstd_start(packed: bytes) -> int:
    stream, count = pa.CompressedInputStream(pa.BufferReader(packed), "zstd"), 0
    with suppress(OSError, pa.ArrowException):
        while stream.read(1):
            count += 1
    return count


def text_file(chance: random.Random, prefix: str, kind: str, packing: str) -> Damaged:
    made = Made(chance, prefix)
    rows = chance.choice([0, 1, 5, 40, 300])
    {"ndjson": make_ndjson, "json": make_json}.get(kind, lambda made, rows: make_csv(made, kind, rows))(made, rows)
    content = made.bytes()
    harm = chance.choice(["none", "none", "none", "cut", "nothing", "utf16", "other packing", "flip", "tail"])
    name = f"{prefix}.{ENDINGS[kind]}" + (f".{packing}" if packing else "")
    file = Damaged(name, content, made.whole_until(len(content)), made.uncertain, told=harm)
    if harm == "cut":
        return cut(file, made, packing, chance)
    if harm == "nothing":
        return Damaged(name, b"", {}, is_lost=True, told=harm)
    if harm == "utf16":
        return Damaged(
            name, pack_if(content.decode(errors="replace").encode("utf-16"), packing, chance), {}, is_lost=True, told=harm
        )
    if harm == "other packing":
        return Damaged(name, content[::-1] if packing else gzip.compress(content), {}, is_lost=True, told=harm)
    if harm == "flip" and packing:
        return flipped(file, made, packing, chance)
    file.content = pack_if(content, packing, chance)
    if harm == "tail" and packing:
        file.content += chance.choice([b"\0" * 100, b"not packed", b"\xff" * 30])
    file.is_lost = not file.valid
    return file


def flipped(file: Damaged, made: Made, packing: str, chance: random.Random) -> Damaged:
    """A byte of the packed file is another one: what is packed before it is whole, the rest may be anything."""
    content = bytearray(pack(file.content, packing, chance))
    place = chance.randrange(len(content))
    content[place] ^= 0xFF
    before = made.whole_until(unpacked_start(bytes(content[:place]), packing))
    file.uncertain |= set(file.valid) - set(before)
    file.is_noise = True
    file.content, file.valid, file.is_lost = bytes(content), before, not before
    return file


def pack_if(content: bytes, packing: str, chance: random.Random) -> bytes:
    return pack(content, packing, chance) if packing else content


def cut(file: Damaged, made: Made, packing: str, chance: random.Random) -> Damaged:
    packed = pack_if(file.content, packing, chance)
    file.content = packed[: chance.randint(1, len(packed))]
    left = unpacked_start(file.content, packing) if packing else len(file.content)
    whole = made.whole_until(left)
    file.uncertain |= set(file.valid) - set(whole)
    file.valid = whole
    file.is_lost = not whole
    return file


ODD_INSTANTS = (2**62, -(2**62))


def instants(chance: random.Random, count: int) -> tuple[pa.Array, list[bool]]:
    """Of any type that Parquet has for them; which are sound."""
    kind = chance.choice(["s", "ms", "us", "ns", "date32", "date64", "int96", "text"])
    zone = chance.choice([None, "UTC", "Europe/Berlin"])
    sound = [chance.random() < 0.9 for _ in range(count)]
    base = np.datetime64("2026-05-01T10:00:00")
    if kind == "text":
        return pa.array([str(base) if good else "10^9" for good in sound]), sound
    if kind in ("date32", "date64"):
        days = [int(base.astype("datetime64[D]").astype(int)) if good else chance.choice([2**31 - 1, -(2**31)]) for good in sound]
        if kind == "date32":
            return pa.array(days, pa.int32()).cast(pa.date32()), sound
        return pa.array([day * 86_400_000 for day in days], pa.int64()).cast(pa.date64()), sound
    unit = "us" if kind == "int96" else kind
    counts = [int(base.astype(f"datetime64[{unit}]").astype(np.int64)) if good else bad_count(unit, kind, chance) for good in sound]
    return pa.array(counts, pa.int64()).cast(pa.timestamp(unit, None if kind == "int96" else zone)), sound


def bad_count(unit: str, kind: str, chance: random.Random) -> int:
    if kind == "int96":
        return int(np.datetime64(chance.choice(["3000-01-01", "9999-01-01"]), "us").astype(np.int64))
    most = {"s": 2**40, "ms": 2**62, "us": 2**62, "ns": 2**63 - 1}[unit]
    return most if unit == "ns" else chance.choice([most, -most])


def parquet_file(chance: random.Random, prefix: str) -> Damaged:
    count = chance.choice([0, 1, 7, 400])
    keys = [f"{prefix}-{place}" for place in range(count)]
    occurred, sound = instants(chance, count)
    durations, fits = measures(chance, count)
    texts, reads = words(chance, count)
    columns = {
        "activity_id": pa.array(keys, chance.choice([pa.string(), pa.large_string(), pa.binary()])),
        "user_id": pa.array(["u1"] * count).dictionary_encode() if count else pa.array([], pa.string()),
        "domain": texts,
        "status": pa.array(["succeeded"] * count, pa.string()),
        "duration_seconds": durations,
        "occurred_at": occurred,
        "updated_at": pa.array(["2026-06-01T10:00:00Z"] * count, pa.string()),
        "struct": pa.array([{"a": 1}] * count, pa.struct([("a", pa.int64())])),
    }
    good = [all(each) for each in zip(sound, fits, reads, strict=True)]
    sink = io.BytesIO()
    pq.write_table(
        pa.table(columns),
        sink,
        row_group_size=chance.choice([3, 50, 10_000]),
        write_page_checksum=True,
        compression=chance.choice(["none", "snappy", "zstd"]),
        use_deprecated_int96_timestamps=pa.types.is_timestamp(occurred.type)
        and occurred.type.unit == "us"
        and not occurred.type.tz,
        use_dictionary=chance.random() < 0.5,
    )
    valid = {key: {"activity_id": key} for key, is_good in zip(keys, good, strict=True) if is_good}
    file = Damaged(f"{prefix}.parquet", sink.getvalue(), valid, is_lost=not valid)
    return harmed_parquet(file, chance, keys)


def harmed_parquet(file: Damaged, chance: random.Random, keys: list[str]) -> Damaged:
    harm = chance.choice(["none", "none", "cut", "nothing", "flip"])
    file.told = harm
    if harm == "cut":
        return Damaged(file.name, file.content[: chance.randint(1, len(file.content) - 1)], {}, is_lost=True, told=harm)
    if harm == "nothing":
        return Damaged(file.name, b"", {}, is_lost=True, told=harm)
    if harm == "flip" and keys:
        metadata = pq.read_metadata(io.BytesIO(file.content))
        group = chance.randrange(metadata.num_row_groups)
        column = metadata.row_group(group).column(0)
        start = column.data_page_offset + column.total_compressed_size // 2
        content = bytearray(file.content)
        content[start] ^= 0xFF
        first = sum(metadata.row_group(place).num_rows for place in range(group))
        hit = set(keys[first : first + metadata.row_group(group).num_rows])
        file.valid = {key: row for key, row in file.valid.items() if key not in hit}
        file.uncertain, file.content, file.is_lost = hit, bytes(content), not file.valid
    return file


def measures(chance: random.Random, count: int) -> tuple[pa.Array, list[bool]]:
    fits = [chance.random() < 0.9 for _ in range(count)]
    bad = chance.choice([float("nan"), float("inf"), -1.0, 1e300])
    if chance.random() < 0.2:
        return pa.array(["1.5" if fit else "much" for fit in fits], pa.string()), fits
    return pa.array([1.5 if fit else bad for fit in fits], pa.float64()), fits


def words(chance: random.Random, count: int) -> tuple[pa.Array, list[bool]]:
    """Texts of which some are no UTF-8, or nested values."""
    if chance.random() < 0.3:
        return pa.array([[{"a": place}] for place in range(count)], pa.list_(pa.struct([("a", pa.int64())]))), [True] * count
    reads = [chance.random() < 0.9 for _ in range(count)]
    found = pa.array([b"x" if read else b"\xff\xfe" for read in reads], pa.binary())
    return found.view(pa.string()), reads


def damaged_file(seed: int) -> Damaged:
    """The file of a seed: seeds that follow one another go through formats and packings."""
    chance = random.Random(seed)
    kinds = [(kind, packing) for kind in (*DELIMITED, "ndjson", "json") for packing in ("", "gz", "zst")]
    kinds += [("parquet", "")] * 4
    kind, packing = kinds[seed % len(kinds)]
    prefix = f"f{seed}"
    return parquet_file(chance, prefix) if kind == "parquet" else text_file(chance, prefix, kind, packing)
