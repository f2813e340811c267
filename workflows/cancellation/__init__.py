"""The cancellation of a subscription."""
