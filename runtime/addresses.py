"""Addresses at which a process listens for the platform that runs it."""

HOST_AND_PORT = r"^[^:\s]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$"
"""The form of such an address in the environment."""
