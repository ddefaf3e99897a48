"""Which plots were drawn last: what finds one without drawing any."""

import json
from collections.abc import Mapping
from pathlib import Path

INDEX = "plots.json"
"""The files in the order to be shown, with heading and sentence: what a report puts beside them."""


def plot_of(folder: Path, rule: str, subject: str, labels: Mapping[str, str]) -> Path | None:
    """The picture of what an alert is about: of the host that is unusual, or of the filesystem that fills up."""
    index = folder / INDEX
    for entry in json.loads(index.read_bytes()) if index.exists() else ():
        kind, host, *series = entry.get("names") or ("", "")
        is_it = rule == "anomaly" if kind == "anomaly" else bool(series) and labels.get("filesystem") == series[-1]
        if host == subject and is_it and (folder / entry["file"]).exists():
            return folder / str(entry["file"])
    return None
