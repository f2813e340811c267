"""Bulk cancellations."""
