"""The schema of the database: Alembic versions, applied by `storage.schema.migrate`."""
