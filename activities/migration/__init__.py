"""The full-fidelity copy of an organization's schema: what pg_restore needs to make it anew in an empty PostgreSQL."""
