"""Subscription lines in the records: their rows, and the nightly update of their dates."""
