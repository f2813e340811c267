"""Cancellations in the records: opening one, its transitions, its credit memos and its lists."""
