"""The records: one transaction per business step, with its decisions, its audit row and the messages it owes."""
