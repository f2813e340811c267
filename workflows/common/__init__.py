"""What every durable story shares: the base of cases, steps on the records, the notifier, the Web UI."""
