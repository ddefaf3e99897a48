"""What extracting MariaDB costs: acts of nine columns landed and in the warehouse, beside connectorx, which checks nothing.

Run as `python -m benchmarks.mysql [--rows N]`. Each measurement is a process of its own, so that its peak memory is its own. The
server is Debian's mariadb-server-core, which `make test-services` installs.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Figure, measure_child
from tests.mariadb import SERVER, MariadbServer

OURS, THEIRS = "benchmarks.extraction.govpulse", "benchmarks.mysql.peers"
FULL_ROWS = 2_000_000
MOST_CPU_SECONDS, MOST_TIMES, MOST_MB, MOST_GROWTH = 60.0, 6.0, 500.0, 1.15
ACTS = """
CREATE TABLE acts (
    id varchar(36) PRIMARY KEY, person varchar(36), kind varchar(20), verb varchar(20), topic varchar(40), state varchar(20),
    seconds decimal(12, 3), began_at datetime(6), changed_at datetime(6)
)
"""
ROWS = """
INSERT INTO acts
SELECT
    concat('act-', lpad(seq, 12, '0')), concat('user-', seq % 5000), 'user_action',
    elt(1 + seq % 4, 'view', 'edit', 'query', 'share'), concat('domain-', seq % 200), 'succeeded', (seq % 100000) / 1000,
    '2026-01-01' + INTERVAL seq SECOND, '2026-01-01' + INTERVAL seq SECOND
FROM seq_1_to_{rows}
"""
MAPPING = """
SELECT
    id AS activity_id, person AS user_id, NULL AS workspace_id, kind AS activity_type, verb AS action, topic AS domain,
    NULL AS resource_type, NULL AS resource_id, NULL AS operation, NULL AS item_count, 1 AS domain_count, state AS status,
    seconds AS duration_seconds, began_at AS occurred_at, changed_at AS updated_at
FROM acts
"""


def make(server: MariadbServer, rows: int) -> str:
    print(f"making {rows:,} acts", file=sys.stderr)
    return server.create_database(f"acts_{rows}", ACTS, ROWS.format(rows=rows))


def measure(what: str, url: str, mapping: Path) -> Figure | None:
    with tempfile.TemporaryDirectory() as folder:
        if what == "connectorx":
            return measure_child(THEIRS, what, url, folder)
        return measure_child(OURS, what, url, folder, str(mapping), "0")


def judge(figures: dict[str, Figure | None]) -> list[str]:
    """What is over its bar; of so few rows only the peak."""
    landed, fifth, theirs = figures["landed"], figures["landed, a fifth"], figures["connectorx"]
    assert landed is not None
    assert landed.rows is not None
    assert landed.peak_mb is not None
    found = [f"{landed.peak_mb:.0f} MB to land them"] if landed.peak_mb > MOST_MB else []
    if landed.rows < FULL_ROWS:
        return found
    found += [f"{landed.cpu_seconds:.1f} CPU s to land them"] if landed.cpu_seconds > MOST_CPU_SECONDS else []
    if theirs is not None and landed.seconds > MOST_TIMES * theirs.seconds:
        found.append(f"{landed.seconds / theirs.seconds:.1f} times connectorx")
    if fifth is not None and fifth.peak_mb is not None and landed.peak_mb > MOST_GROWTH * fifth.peak_mb:
        found.append(f"{landed.peak_mb / fifth.peak_mb:.2f} times the memory of a fifth of the rows")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS)
    rows = parser.parse_args().rows
    if not SERVER.exists():
        print(f"{SERVER} is missing: `make test-services` installs MariaDB")
        return 0
    server = MariadbServer()
    try:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "activity.sql").write_text(MAPPING)
            urls = {"": make(server, rows), ", a fifth": make(server, rows // 5)}
            steps = {"connectorx": "", "landed": "", "landed, a fifth": ", a fifth", "loaded": ""}
            figures = {step: measure(step.partition(",")[0], urls[which], Path(folder)) for step, which in steps.items()}
    finally:
        server.remove()
    for step, figure in figures.items():
        said = (
            "not installed"
            if figure is None
            else f"{figure.seconds:.1f} s, {figure.cpu_seconds:.1f} CPU s, {figure.peak_mb:.0f} MB"
        )
        print(f"{step:16} {said}" + (f", {figure.rows:,} rows" if figure else ""))
    over = judge(figures)
    for line in over:
        print(f"over its bar: {line}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
