"""Subscription lines: date formulas, terms, the decision about an end, quotes."""
