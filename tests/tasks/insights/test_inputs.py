"""What insights read of each other is what the catalogue says: which are computed with them and must fit goes by it."""

import re

import pytest

from storage.catalogue import INSIGHTS
from tasks.insights.computation import FOLDER

PARTS = {"expertise_scores": "expertise", "performance_insights": "findings", "user_profiles": "profiles"}
"""Where more SELECTs of an insight lie."""


@pytest.mark.parametrize("name", INSIGHTS)
def test_an_insight_reads_its_inputs_and_no_others(name: str) -> None:
    files = [*FOLDER.glob(f"{name}.sql"), *(FOLDER / PARTS.get(name, "none")).glob("*.sql")]
    sql = re.sub("--.*", "", "\n".join(path.read_text() for path in files))
    assert set(re.findall(r"\binsights\.(\w+)", sql)) == set(INSIGHTS[name].inputs)
