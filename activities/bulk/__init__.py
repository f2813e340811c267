"""Bulk cancellations: rows are judged and started, some seconds at a time."""
