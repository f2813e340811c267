"""The fixtures of billed lines."""

from tests.records.billing.billed_lines import billed, fed

__all__ = ["billed", "fed"]
