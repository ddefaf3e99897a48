"""What insights read of each other is what the catalogue says: which are computed with them and must fit goes by it."""

import re
from pathlib import Path

import pytest

from storage.catalogue import INSIGHTS
from tasks.insights.registry import REGISTERED

FOLDER = Path(REGISTERED[0].file).parent
PARTS = {
    "anomaly_scores": "detection",
    "expertise_scores": "expertise",
    "forecasts": "hosts",
    "performance_insights": "findings",
    "user_profiles": "profiles",
}
"""Where more SELECTs of an insight lie."""
EARLIER = {"anomaly_scores": {"anomalies"}}
"""What is read of an earlier computation: the anomalous periods of a host are left out of its history."""

MACROS = {
    re.search(r"MACRO (\w+)", each)[1]: each
    for path in FOLDER.joinpath("macros").glob("*.sql")
    for each in re.sub("--.*", "", path.read_text()).split(";")
    if "MACRO" in each
}


@pytest.mark.parametrize("name", INSIGHTS)
def test_an_insight_reads_its_inputs_and_no_others(name: str) -> None:
    """Beside what it wrote itself before."""
    files = [*FOLDER.glob(f"{name}.sql"), *(FOLDER / PARTS.get(name, "none")).glob("*.sql")]
    sql = re.sub("--.*", "", "\n".join(path.read_text() for path in files))
    sql += "".join(body for macro, body in MACROS.items() if re.search(rf"\b{macro}\(", sql))
    assert set(re.findall(r"\binsights\.(\w+)", sql)) - {name} - EARLIER.get(name, set()) == set(INSIGHTS[name].inputs)
