"""Alembic's entry point: runs the migrations on the connection and in the transaction of `Database.migrate`."""

from alembic import context

from discode.hub.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
