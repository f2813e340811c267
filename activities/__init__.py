"""Side effects by area; every activity is idempotent."""
