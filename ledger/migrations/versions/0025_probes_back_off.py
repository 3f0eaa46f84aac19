"""A vendor that is held is probed at intervals that double, as a step is."""

from alembic import op

revision = "0025"
down_revision = "0023"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE vendors ADD COLUMN probe_interval_s double precision NOT NULL DEFAULT 0; -- from one probe to the next
    """)
