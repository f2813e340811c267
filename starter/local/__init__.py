"""The whole service on one machine: real PostgreSQL, real Temporal, a mail catcher and a webhook receiver, supervised."""
