"""A new outcome: `unreachable`. It can be used from the next revision on."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TYPE outcome ADD VALUE 'unreachable' AFTER 'not_applicable'")
