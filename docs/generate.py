"""Writes docs/tables.md from the catalogue, docs/settings.md from the settings, and the schema of rules files from their model.
`make docs` runs it; a test compares."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import NullableSchema, WithDefaultSchema

from flows.settings import PREFIX, ChannelSettings, RouteSettings, Settings
from storage.catalogue import TABLES, Column, Table
from tasks.alerts.written_rule import WrittenRule
from tasks.insights.scans.limit import ScanLimit
from tasks.wording import write_duration

FOLDER = Path(__file__).parent
SCHEMAS = {
    "insights": "what govpulse computes; published",
    "alerts": "state, transitions and notifications; published",
    "ops": "govpulse's own records; published",
    "state": "what one computation hands on to the next; only in the warehouse",
    "raw": "what the sources deliver; only in the warehouse (`govpulse query --private`)",
}
VERBS = {
    "append": "Rows are only added.",
    "replace": "Each computation replaces its rows.",
    "upsert": "Rows are merged by key.",
    "view": "A view of sums in the warehouse, a table in the published file.",
}


def tables_page() -> str:
    """docs/tables.md."""
    said = "Written by `make docs` from the catalogue. All instants are TIMESTAMPTZ in UTC, all intervals 95 %."
    lines = ["# Tables", "", said, ""]
    for schema, said in SCHEMAS.items():
        lines += [f"## Schema `{schema}`: {said}", ""]
        for table in (table for table in TABLES.values() if table.schema == schema):
            lines += _table(table)
    return "\n".join(lines)


def _table(table: Table) -> list[str]:
    key = f" Key: {', '.join(f'`{name}`' for name in table.key)}." if table.key else ""
    kept = f" Kept for `retention.{table.retention}`." if table.retention else ""
    history = f" One set of rows a day is kept in `history.{table.name}`." if table.has_history else ""
    inputs = f" Computed from {', '.join(f'`{name}`' for name in table.inputs)} of the same `as_of`." if table.inputs else ""
    listing = " Each extraction reads all rows and marks those no longer there as `is_deleted`." if table.is_listing else ""
    lines = [f"### {table.full_name}", "", table.description, "", VERBS[table.verb] + key + inputs + listing + history + kept, ""]
    lines += ["| column | type | what it is |", "|---|---|---|", *(_column(column) for column in table.columns), ""]
    if table.checks:
        lines += ["A row is rejected when: " + "; ".join(check.reason for check in table.checks) + ".", ""]
    return lines


def _column(column: Column) -> str:
    allowed = f"; one of {', '.join(f'`{word}`' for word in column.allowed)}" if column.allowed else ""
    required = "" if column.is_required else "; may be NULL"
    return f"| `{column.name}` | {column.type} | {column.description}{allowed}{required} |".replace("\n", " ")


def settings_page() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Written by `make docs`. They come from `govpulse.toml` in the working directory, or from the file that `--config` or",
        "`GOVPULSE_CONFIG` names; an environment variable overrides the file. An unknown key is an error.",
        "Paths in a file are relative to the file. A list in a variable is JSON.",
        "`govpulse config show` prints the settings in force; `govpulse config check` checks them.",
        "",
        "| key | variable | default | what it is |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            lines += [_setting(f"{name}.{key}", f"{name}__{key}", inner) for key, inner in section.model_fields.items()]
        else:
            lines += [_setting(name, name, field)]
    for place, model in {
        "scans.limits": ScanLimit,
        "notifications.channels": ChannelSettings,
        "notifications.routes": RouteSettings,
    }.items():
        lines += ["", f"Each `[[{place}]]` has:", "", "| key | default | what it is |", "|---|---|---|"]
        lines += [
            f"| `{field.alias or key}` | {_default(field)} | {field.description} |" for key, field in model.model_fields.items()
        ]
    return "\n".join([*lines, ""])


def _setting(key: str, variable: str, field: FieldInfo) -> str:
    default = _default(field).replace("|", "\\|")
    return f"| `{key}` | `{PREFIX}{variable.upper()}` | {default} | {field.description} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, tuple) and field.default and isinstance(field.default[0], ChannelSettings):
        return ", ".join(channel.name for channel in field.default)
    if isinstance(field.default, dict | tuple):
        return f"`{json.dumps(field.default, default=str)}`"
    return "empty" if field.default is None or str(field.default) == "" else f"`{field.default}`"


class AsWritten(GenerateJsonSchema):
    """What TOML can say: no null, and durations as texts."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        return {key: value for key, value in super().default_schema(schema).items() if (key, value) != ("default", None)}

    def encode_default(self, dft: Any) -> Any:
        return write_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def rules_schema() -> str:
    """docs/alert-rules.schema.json."""
    rule = WrittenRule.model_json_schema(schema_generator=AsWritten)
    definitions = rule.pop("$defs", {})
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "govpulse alert rules",
        "description": "Written by `make docs`; rules.md says more.",
        "type": "object",
        "additionalProperties": False,
        "properties": {"rule": {"type": "array", "items": rule}},
        "$defs": definitions,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


PAGES = {"tables.md": tables_page, "settings.md": settings_page, "alert-rules.schema.json": rules_schema}

if __name__ == "__main__":
    for page, render in PAGES.items():
        (FOLDER / page).write_text(render())
