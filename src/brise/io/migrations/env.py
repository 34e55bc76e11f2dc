"""Alembic's entry: runs inside the connection and the transaction that `io/database.py` opened."""

from alembic import context

from brise.io.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
