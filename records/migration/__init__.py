"""On-premises migrations in the records: their steps and their lists."""
