"""Run by Alembic for each migration: it takes the connection that the office has opened, and its transaction."""

from alembic import context

from storage.state.schema import CONNECTION

context.configure(connection=context.config.attributes[CONNECTION])
with context.begin_transaction():
    context.run_migrations()
