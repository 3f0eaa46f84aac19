"""Which vendors and receivers are on is the ledger's to keep: no process that lacks one switches it off."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE vendors
        ADD COLUMN off_by text, -- who switched it off; one that is off without a name comes on with its credentials
        ADD COLUMN retired_at timestamptz, -- left for good: what was pending ends as cancelled
        ADD COLUMN served_at timestamptz, -- when a process with its credentials last looked for its chunks
        ADD CONSTRAINT vendors_off CHECK (NOT enabled OR (off_by IS NULL AND retired_at IS NULL));
    ALTER TABLE webhooks ADD COLUMN off_by text;
    """)
