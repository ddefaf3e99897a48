"""What a flow run's process loads before its flow begins: no library that the flow has no use for."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATISTICS = {"sklearn", "scipy", "matplotlib", "joblib"}
DATABASES = {"duckdb", "pyarrow", "adbc_driver_manager"}
STRICTEST = "flows.system_metrics"
UNUSED = {
    STRICTEST: STATISTICS | DATABASES | {"numpy", "apprise"},
    "flows.alerts": STATISTICS | {"adbc_driver_manager", "apprise"},
    "flows.sources": STATISTICS | {"apprise"},
    "flows.pipeline": STATISTICS | {"adbc_driver_manager", "apprise"},
}


@pytest.mark.parametrize(
    "module", [STRICTEST, *(pytest.param(each, marks=pytest.mark.slow) for each in UNUSED if each != STRICTEST)]
)
def test_a_flow_loads_nothing_that_it_does_not_use(module) -> None:
    code = f"import sys, {module}; print(*sorted({UNUSED[module]} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
