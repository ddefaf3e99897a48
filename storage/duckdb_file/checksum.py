"""The checksum that DuckDB stores with each header, block and record: an exclusive or over the products of the words.

It does not see words that changed places, nor an even number of equal words that became zero.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

WORD = 8
"""Bytes."""
SEED = 5381
FACTOR = 0xBF58476D1CE4E5B9
REST_FACTOR = 0xC6A4A7935BD1E995
REST_SEED = 0xE17A1465
REST_SHIFT = 47
MASK = 2**64 - 1


def checksum(data: bytes | memoryview) -> int:
    """Of anything; the last bytes that fill no word go through a hash of their own."""
    whole = len(data) // WORD * WORD
    found = int(checksums(words(data[:whole])))
    return found ^ rest_checksum(bytes(data[whole:])) if whole < len(data) else found


def words(data: bytes | bytearray | memoryview) -> Words:
    """Bytes as the words of the checksum."""
    return np.frombuffer(data, "<u8")


def checksums(rows: Words) -> Words:
    """Of each row of words, or of the one that there is."""
    found: Words = np.bitwise_xor.reduce(rows * np.uint64(FACTOR), axis=-1)
    return np.uint64(SEED) ^ found


def rest_checksum(data: bytes) -> int:
    """Of 1 to 7 bytes."""
    found = (REST_SEED ^ len(data) * REST_FACTOR ^ int.from_bytes(data, "little")) * REST_FACTOR & MASK
    found = (found ^ found >> REST_SHIFT) * REST_FACTOR & MASK
    return found ^ found >> REST_SHIFT
