"""The kinds of act there are on the platform, and what the rows of an act by hand say."""

import json
import math
from dataclasses import dataclass

from tasks.sources.sample.organisation import GROUPS, User


@dataclass(frozen=True)
class Template:
    """A kind of act: how it is called, its share among its like, its median duration and the spread of its logarithm."""

    name: str
    activity_type: str
    group: str | None
    share: float
    median_ms: float
    sigma: float
    method: str | None = None
    endpoint: str | None = None

    @property
    def operation(self) -> str | None:
        return f"{self.method} {self.endpoint}" if self.endpoint else None


def _call(name: str, method: str, path: str, group: str, share: float, median_ms: float) -> Template:
    return Template(name, "integration_event", group, share, median_ms, 0.45, method, f"/api/v1/{path}")


CALLS = (
    _call("list_assets", "GET", "catalog/assets", "catalog", 0.3, 180),
    _call("list_data_sources", "GET", "data-sources", "data_sources", 0.22, 90),
    _call("start_scan", "POST", "scans", "scan_logic", 0.16, 420),
    _call("list_rules", "GET", "compliance/rules", "compliance", 0.1, 130),
    _call("list_classifications", "GET", "classifications", "classifications", 0.08, 150),
    _call("search", "GET", "search", "catalog", 0.08, 350),
    _call("ask", "POST", "ai/ask", "ai_service", 0.04, 2_100),
    _call("change_role", "PUT", "rbac/roles", "rbac", 0.02, 210),
)
QUERIES = (
    Template("catalog_lineage", "data_access", "catalog", 0.35, 900, 0.6),
    Template("sensitive_columns", "data_access", "classifications", 0.25, 1_400, 0.6),
    Template("compliance_summary", "data_access", "compliance", 0.2, 2_500, 0.6),
    Template("source_sizes", "data_access", "data_sources", 0.12, 400, 0.6),
    Template("role_grants", "data_access", "rbac", 0.08, 250, 0.6),
)
BACKGROUND = (
    Template("nightly_workflow", "workflow_execution", "scan_logic", 0.25, 1_500_000, 0.9),
    Template("metadata_pipeline", "pipeline_execution", "catalog", 0.25, 600_000, 0.8),
    Template("policy_check", "compliance_check", "compliance", 0.2, 20_000, 0.7),
    Template("cache_refresh", "system_event", None, 0.15, 800, 0.5),
    Template("login_audit", "security_event", "rbac", 0.15, 40, 0.5),
)
ACTIONS = {
    name: Template(name, "ai_interaction" if name == "ask_assistant" else "user_action", None, 0.0, median, 0.8)
    for name, median in {
        "create": 9_000, "update": 5_000, "classify": 7_000, "approve": 2_500, "review": 30_000,
        "tag": 1_500, "delete": 2_000, "view": 700, "ask_assistant": 6_000,
    }.items()
}  # fmt: skip
_BY_ROLE = {
    "admin": ("update", "approve", "create", "delete", "view"),
    "data_steward": ("classify", "approve", "review", "tag", "create", "update"),
    "data_engineer": ("create", "update", "update", "delete", "view", "tag"),
    "analyst": ("view", "view", "tag", "ask_assistant", "update", "create"),
}
_READING = ("view", "view", "view", "review", "ask_assistant")
_RESOURCES = {
    "data_sources": "data_source", "catalog": "asset", "compliance": "rule", "classifications": "label",
    "scan_rule_sets": "rule_set", "scan_logic": "scan", "rbac": "role", "ai_service": "prompt",
}  # fmt: skip


def describe_act(user: User, group: str, chances: list[float], size: float) -> tuple[Template, str | None, str | None]:
    """(template, involved_groups, activity_data) of an act by `user` in `group`; one in five is a bulk act."""
    choices = _BY_ROLE.get(user.roles[0], _READING) if user.roles else _READING
    action = choices[int(chances[0] * len(choices))]
    thing = int(chances[1] ** 2 * 40)
    data: dict[str, str | int] = {"action": action, "resource_type": _RESOURCES[group], "resource_id": f"{group}-{thing}"}
    data["workspace_id"] = f"ws-{1 + user.number % 4}"
    if chances[2] < 0.2:
        data["item_count"] = 2 + int(min(400.0, 8 * math.exp(1.1 * size)))
    return ACTIONS[action], _involved(group, chances[3]), None if chances[4] < 0.02 else json.dumps(data, separators=(",", ":"))


def _involved(group: str, chance: float) -> str | None:
    """Mostly the group itself; sometimes others with it, an empty list, or nothing."""
    if chance < 0.06:
        return (None, "[]", "null")[int(chance / 0.06 * 3)]
    others = 0 if chance < 0.86 else 1 if chance < 0.95 else 2 + int((chance - 0.95) / 0.05 * 4)
    place = GROUPS.index(group)
    return json.dumps([GROUPS[(place + step) % len(GROUPS)] for step in range(others + 1)], separators=(",", ":"))
