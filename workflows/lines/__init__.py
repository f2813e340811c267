"""The update of subscription line dates."""
