"""Side effects, one module per outside party; every activity is idempotent."""
