"""An index of the chunks that are out: every claim counts them, among millions that wait."""

from alembic import op

revision = "0008"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE INDEX chunks_out ON chunks (vendor_id, request_id) WHERE state IN ('queued', 'leased')")
