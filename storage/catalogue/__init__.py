"""Every table govpulse has: what it is called, what it holds, how it is written. Drives writer, checks, docs and tests."""

from pathlib import Path

from storage.catalogue import alerts, insights, ops, raw, state
from storage.catalogue.model import Check, Column, Table

SCHEMAS = (raw, insights, alerts, ops, state)
TABLES: dict[str, Table] = {table.full_name: table for schema in SCHEMAS for table in schema.TABLES}
LANDED: dict[str, Table] = {table.name: table for table in TABLES.values() if table.is_landed}
DATASETS: dict[str, Table] = {table.name: table for table in raw.TABLES}
GOVERNANCE: tuple[str, ...] = tuple(table.name for table in raw.TABLES if table is not raw.SYSTEM_METRICS)
"""The datasets that a platform's database delivers."""
LISTINGS: tuple[str, ...] = tuple(dataset for dataset in GOVERNANCE if DATASETS[dataset].is_listing)
"""Those of them that each extraction reads whole: they have no change instant, and are small."""
INSIGHTS: dict[str, Table] = {table.name: table for table in insights.TABLES}
MACROS: dict[str, Path] = {path.stem: path for path in sorted(Path(insights.__file__).parent.glob("*.sql"))}
"""Table macros for users, by name, as published: what creates them in the attached file `published`."""
PUBLISHED: tuple[Table, ...] = tuple(table for table in TABLES.values() if table.is_published)

__all__ = ["DATASETS", "GOVERNANCE", "INSIGHTS", "LANDED", "LISTINGS", "MACROS", "PUBLISHED", "TABLES", "Check", "Column", "Table"]
