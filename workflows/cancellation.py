"""The `SubscriptionCancellation` workflow."""
