"""The retention of personal data."""
