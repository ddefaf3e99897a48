"""Whether the findings tell what was built into the sample, and nothing else.

Run as `python -m benchmarks.sample_incidents [--seeds N] [--days N] [--weeks N] [--every-hours N] [--verbose]`; with `--seeds 2
--every-hours 72` it takes half a minute. The sample of each seed is written, then brought to one instant after the other through
its last weeks. At each it is extracted and loaded as the flows do it, and everything that findings are read from is computed, so
that rows are seen as they stood then. What `insights.performance_insights` holds in the end is held against `sample_labels`:

* A label is found by a finding of its kind (`user_left` by `expert_left`) about its subject that came up between its start and a
  day after its end. The subject is the same id or operation; that of `scan_slowdown` may be any type of scan of the data source,
  and that of `deployment_failures` is the service in production, where all of them are built in.
* Judged are labels that were not over at the first look, and began long enough before the last (`GRACE` in
  tests/sample_replay.py).
* Any other finding is false. A second one of the same label is not.
* The delay is that of labels that began after the first look.

`knowledge_at_risk` is not judged: it is a state of a domain, which no label tells of. A domain may rest on one person from the
first day on, as fields of work are drawn; and where somebody left who was the first in one, it says of the domain what
`expert_left` says of the person. Findings about hosts cannot come up, for the sample has no hosts. All labels of `user_left` are
counted, though of somebody who held little of every domain there is nothing to tell.

`deployment_failures` is the weak one: a service with a dozen attempts in the four weeks of its incident, half of which fail,
cannot be told from one that had some bad days, as every day and every service is looked at.

The product looks every hour; every 18 hours, as is done here, comes by at each quarter of the day. What is over within hours may be
missed between two looks, false findings among it: `--every-hours 1` measures those fully, and takes hours. Exits with 1 if a bar
is missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.bars import Bar
from storage.home import Home
from tests.sample_replay import KIND_OF, STANDING, Found, Label, Replayed, looks_between, replay

UNTIL = datetime(2026, 6, 1, tzinfo=UTC)
LEAST_RECALL, MOST_FALSE_A_WEEK = 0.9, 1.0
Pairs = list[tuple[Label, Found | None]]


def live(seed: int, *, days: int, weeks: float, every: timedelta) -> Replayed:
    looks = looks_between(UNTIL - timedelta(weeks=weeks), UNTIL, every)
    with tempfile.TemporaryDirectory() as folder:
        return replay(Home(Path(folder)), seed=seed, until=UNTIL, days=days, looks=looks)


def show(replayed: Sequence[Replayed]) -> list[Bar]:
    """Print the table and the totals; returns the bars."""
    pairs = [(label, each.found_of(label)) for each in replayed for label in each.judged()]
    false = [finding for each in replayed for finding in each.false()]
    findings = [finding for each in replayed for finding in each.findings]
    new = {id(label) for each in replayed for label in each.labels if label.started_at >= each.first}
    print(f"{'label':<28}{'labelled':>9}{'found':>7}{'delay: median':>15}{'longest':>12}{'findings':>10}{'false':>7}")
    for kind, told in KIND_OF.items():
        own = [pair for pair in pairs if pair[0].kind == kind]
        print(f"{kind:<28}{len(own):>9}{sum(found is not None for _, found in own):>7}{_delays(own, new)}", end="")
        print(f"{_count(findings, told):>10}{_count(false, told):>7}")
    for kind in sorted({each.kind for each in findings} - set(KIND_OF.values())):
        print(f"{kind:<28}{'':>43}{_count(findings, kind):>10}{'-' if kind in STANDING else _count(false, kind):>7}")
    return _totals(pairs, findings, false, sum(each.weeks for each in replayed))


def _count(findings: Sequence[Found], kind: str) -> int:
    return sum(finding.kind == kind for finding in findings)


def _delays(pairs: Pairs, new: set[int]) -> str:
    """The median and the longest time from the start to the first computation that found it."""
    delays = [found.found_at - label.started_at for label, found in pairs if found and id(label) in new]
    if not delays:
        return f"{'-':>15}{'-':>12}"
    hours = [delay / timedelta(hours=1) for delay in delays]
    return f"{median(hours):>13.0f} h{max(hours):>10.0f} h"


def _totals(pairs: Pairs, findings: Sequence[Found], false: Sequence[Found], weeks: float) -> list[Bar]:
    judged = sum(finding.kind not in STANDING for finding in findings)
    found = sum(finding is not None for _, finding in pairs)
    recall = found / max(len(pairs), 1)
    precision = (judged - len(false)) / max(judged, 1)
    print(
        f"\nprecision {precision:.3f} ({judged - len(false)} of {judged} findings), recall {recall:.3f} ({found} of {len(pairs)}),",
        end="",
    )
    print(f" {len(false)} false in {weeks:.0f} weeks\n")
    return [
        Bar("recall", recall, LEAST_RECALL),
        Bar("false findings a simulated week", len(false) / weeks, MOST_FALSE_A_WEEK, is_most=True),
    ]


def show_each(seed: int, replayed: Replayed) -> None:
    """Print what was missed, and what was false."""
    for label in replayed.judged():
        if replayed.found_of(label) is None:
            print(f"seed {seed}: missed {label.kind} of {label.subject} since {label.started_at:%Y-%m-%d %H:%M}")
    for finding in replayed.false():
        time = f"{finding.found_at:%Y-%m-%d %H:%M} to {finding.last_at:%Y-%m-%d %H:%M}"
        print(f"seed {seed}: false {finding.kind} of {finding.subject}, {time}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4, help="samples, of seeds from 1 on")
    parser.add_argument("--days", type=int, default=120, help="length of each, and of a round of incidents")
    parser.add_argument("--weeks", type=float, default=8.0, help="the last so many are looked at")
    parser.add_argument("--every-hours", type=float, default=18.0, help="time between looks")
    parser.add_argument("--verbose", action="store_true", help="list what was missed and what was false")
    options = parser.parse_args()
    one = partial(live, days=options.days, weeks=options.weeks, every=timedelta(hours=options.every_hours))
    seeds = range(1, options.seeds + 1)
    with ProcessPoolExecutor(2) as pool:
        replayed = list(pool.map(one, seeds))
    print(f"{options.seeds} samples of {options.days} days, looked at every {options.every_hours:g} h of {options.weeks:g} weeks\n")
    bars = show(replayed)
    for seed, each in zip(seeds, replayed, strict=True) if options.verbose else ():
        show_each(seed, each)
    print(*bars, sep="\n")
    return int(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
