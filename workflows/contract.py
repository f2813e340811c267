"""The wire contract: names, ids, inputs, updates, signals and queries by which everyone reaches the workflows."""
