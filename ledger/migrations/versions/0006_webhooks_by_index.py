"""Webhooks by index: a change of a status finds who is told without reading every callback there ever was."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # The operator's receivers are those without a request. The index left them out, so the trigger read the table.
    op.execute("""
    DROP INDEX webhooks_of_request;
    CREATE INDEX webhooks_of_request ON webhooks (request_id);
    """)
