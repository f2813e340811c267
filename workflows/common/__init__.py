"""The common parts of all workflows: the base of cases, steps on the records, the notifier, the Web UI."""
