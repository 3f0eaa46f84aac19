"""Recipients without an API are vendors that a person serves."""

from alembic import op

revision = "0029"
down_revision = "0030"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE vendors ADD COLUMN by_hand jsonb; -- a recipient that a person asks; NULL: it has an API
    """)
