"""Alembic's entry: runs the migrations on the connection that `Database.migrate` gives, in its transaction."""

from alembic import context

from discode.hub.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
