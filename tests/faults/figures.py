"""The figures of a fault run, as it prints them."""

import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from contract import ReconciliationReport
from tests.faults.caller import Tally
from tests.faults.storm import Storm
from tests.faults.verdict import Verdict

SHOWN = 25
"""The number of wrong things that are named of each point."""


@dataclass(frozen=True)
class Durations:
    """The seconds that each part of the run took."""

    set_up: float
    storm: float
    healing: float
    verdict: float


def show(
    seed: int,
    lives: int,
    storm: Storm,
    ended_alone: Mapping[str, int],
    tally: Tally,
    report: ReconciliationReport,
    verdict: Verdict,
    durations: Durations,
) -> None:
    """Print everything that was counted, and name what was wrong."""
    print(f"\nseed {seed}: {lives} lives")
    print(
        f"seconds: set-up {durations.set_up:.0f}, faults {durations.storm:.0f}, healing {durations.healing:.0f}, verdict {durations.verdict:.0f}"
    )
    print(f"\nfaults: {storm.faults.total()}, connections ended: {storm.cut}")
    if ended_alone:
        print(f"ended by themselves, and started again: {dict(ended_alone)}")
    parts = sorted({part for _, part in storm.faults})
    kinds = sorted({kind for kind, _ in storm.faults})
    print(f"{'':20}" + "".join(f"{part:>12}" for part in parts))
    for kind in kinds:
        print(f"{kind:20}" + "".join(f"{storm.faults[kind, part] or '':>12}" for part in parts))
    print(
        f"\nrequests: {tally.requests}, sent {tally.attempts} times; accepted: {tally.answered}, refused: {tally.refused.total()}"
    )
    if tally.seconds:
        ordered = sorted(tally.seconds)
        print(
            f"seconds to an answer: median {statistics.median(ordered):.1f}, 95 % {ordered[int(len(ordered) * 0.95)]:.1f}, longest {ordered[-1]:.1f}"
        )
    _table("refused for good, by code", tally.refused)
    _table("repeated, by code", tally.unavailable)
    _table("ends", verdict.ends)
    _table("messages that came once more, by channel", verdict.duplicates)
    print(f"\nreconciliation: looked at {report.looked_at}, found {report.found}, mended {report.mended}")
    for finding in report.findings[:SHOWN]:
        print(f"  {finding.words}")
    print("\nwhat must hold")
    for point, number in verdict.looked_at.items():
        wrong = verdict.wrong.get(point, [])
        print(f"  {'WRONG' if wrong else 'ok':6} {point}: {number - len(wrong)} of {number}")
        for each in wrong[:SHOWN]:
            print(f"           {each}")
    print(
        f"  {'WRONG' if tally.broken else 'ok':6} callers saw answers, refusals with codes, and nothing else: {len(tally.broken)} exceptions"
    )
    for each in tally.broken[:SHOWN]:
        print(f"           {each}")


def _table(title: str, counted: Mapping[str, int]) -> None:
    print(f"\n{title}")
    for name, number in Counter(counted).most_common():
        print(f"  {number:6} {name}")
