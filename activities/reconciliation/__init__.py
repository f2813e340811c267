"""The reconciliation of records, workflows and copies of data: what disagrees is mended or named."""
