"""The whole service on one machine: real PostgreSQL, Temporal and object store, a mail catcher, a webhook
receiver; supervised."""

HOST = "127.0.0.1"
"""The address on which every server of the local stack listens, so that no other machine reaches it."""
