"""Files already in the contract's shape, as landing files: what a person loads by hand, and what lies in a folder."""

from tasks.sources.files.finding import file_stem, find_files
from tasks.sources.files.landed_file import land_file
from tasks.sources.files.pieces import LandedRows

__all__ = ["LandedRows", "file_stem", "find_files", "land_file"]
