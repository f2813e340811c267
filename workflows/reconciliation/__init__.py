"""The reconciliation of records, workflows and copies of data."""
