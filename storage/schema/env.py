"""Alembic's entry point: runs the migrations on the connection it is handed by `storage.schema.migrate`."""

from alembic import context

from storage.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
with context.begin_transaction():
    context.run_migrations()
