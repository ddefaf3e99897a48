"""Which backups stay: the newest whole ones, and no file that none of them needs."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb

from storage.backups.manifest import CONTENT, Manifest, Part, is_there, manifests_in, write_manifest
from storage.backups.slices import slice_of
from storage.backups.whole_files import journal_number, knows_of, whole_files
from storage.home import Home
from storage.sql_files import sql_beside


def whole_manifests(folder: Path) -> dict[Path, Manifest]:
    """The backups of which no file is missing, the oldest first."""
    found = manifests_in(folder)
    return {path: each for path, each in found.items() if all(is_there(folder, file) for file in each.files)}


def rotate(home: Home, keep: int) -> list[Path]:
    """Delete all but the newest `keep` whole backups, for when the newest is proven; returns those deleted.

    One of which files are missing displaces no whole one; it stays until it is older than all that do.
    """
    whole = [*whole_files(home), *whole_manifests(home.backups)]
    kept = whole[-keep:]
    broken = [path for path in manifests_in(home.backups) if path not in whole and path.name < kept[0].name] if kept else []
    return _drop(home, [*whole[:-keep], *broken])


def drop_outdated_backups(con: duckdb.DuckDBPyConnection, home: Home) -> int:
    """Delete the backups made before somebody was forgotten, whom they hold. For when there is a new one; returns how many."""
    return len(_drop(home, _outdated_backups(con, home)))


def has_outdated_backups(con: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Whether there are backups made before somebody was forgotten."""
    return bool(_outdated_backups(con, home))


def _outdated_backups(con: duckdb.DuckDBPyConnection, home: Home) -> list[Path]:
    found = con.execute(sql_beside(__file__, "forgotten_at")).fetchall()
    forgotten_at: list[datetime] = [done_at for (done_at,) in found]
    if not forgotten_at:
        return []
    known = manifests_in(home.backups)
    earlier = [path for path in home.backups.glob("manifest-*.json") if _forgets(known.get(path)) < len(forgotten_at)]
    return [*(path for path in home.backups.glob("warehouse-*.duckdb") if not knows_of(path, forgotten_at)), *earlier]


def _forgets(manifest: Manifest | None) -> int:
    return manifest.forgets if manifest else 0


def oldest_entry(home: Home) -> int:
    """The last entry of the journal that every backup has; 0 where one does not say, for it is older than the journal."""
    entries = [*map(journal_number, whole_files(home)), *(manifest.entry for manifest in manifests_in(home.backups).values())]
    return min(entries, default=0)


def _drop(home: Home, paths: Iterable[Path]) -> list[Path]:
    dropped = list(paths)
    for path in dropped:
        path.unlink(missing_ok=True)
    drop_unused(home.backups)
    return dropped


def drop_unused(folder: Path) -> int:
    """Delete the files that no backup needs; returns how many. A manifest that cannot be read needs what it shares with others."""
    needed = {folder / file.path for manifest in manifests_in(folder).values() for file in manifest.files}
    unused = [path for path in (folder / CONTENT).rglob("*") if path.is_file() and path not in needed]
    for path in unused:
        path.unlink()
    return len(unused)


def heal(folder: Path, newest: Manifest) -> list[Path]:
    """Give backups whose files were found damaged, and set aside, the same rows as they were written again for the newest; returns
    their manifests."""
    written = {slice_of(part): part for part in newest.parts}
    healed = []
    for path, manifest in manifests_in(folder).items():
        parts = tuple(_healed(folder, part, written.get(slice_of(part))) for part in manifest.parts)
        if manifest.timeline == newest.timeline and parts != manifest.parts:
            healed.append(write_manifest(folder, replace(manifest, parts=parts)))
            path.unlink()
    return healed


def _healed(folder: Path, part: Part, again: Part | None) -> Part:
    if again is None or is_there(folder, part.file) or (again.rows, again.row_hash) != (part.rows, part.row_hash):
        return part
    return again
