"""The full-fidelity copy of an organization's schema, from which pg_restore recreates it in an empty PostgreSQL."""
