"""Tiles may be written before their tree, whose root is known when all of them are: a worker then holds a part of a
request's lines at a time. A program from before goes on writing the tree first."""

from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE outcome_tiles
            ALTER CONSTRAINT outcome_tiles_tree_id_fkey DEFERRABLE INITIALLY IMMEDIATE
    """)
