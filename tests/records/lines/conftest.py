"""Lines for the tests of the nightly update."""

from tests.records.lines.nightly_runs import add

__all__ = ["add"]
