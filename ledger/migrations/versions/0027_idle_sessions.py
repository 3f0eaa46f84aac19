"""A session ends when nobody has used it for a while."""

from alembic import op

revision = "0027"
down_revision = "0025"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE logins ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now(); -- when somebody last used it
    """)
