"""Ways to do the same work, which take turns, so that all of them meet the same weather."""

import statistics
import time
from collections.abc import Callable, Mapping


def timed(way: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def in_turns(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Have each way say what it took, in turns; print the seconds, and return the median of each."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            took[name].append(way())
    print("\nseconds: median, and each round")
    for name, seconds in took.items():
        each = "  ".join(f"{one:.2f}" for one in seconds)
        print(f"  {name:<30} {statistics.median(seconds):6.2f}   {each}", flush=True)
    return {name: statistics.median(seconds) for name, seconds in took.items()}
