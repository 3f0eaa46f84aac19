"""Whom the controller's own directory is asked about before anything of a request is sent, and how it does."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE requests
        ADD COLUMN to_resolve_from integer, -- the first line that the directory was not asked about; NULL: all done
        ADD COLUMN resolved jsonb; -- what became of its answers, in numbers
    CREATE INDEX requests_to_resolve ON requests (id) WHERE to_resolve_from IS NOT NULL;

    -- One row: whose turn it is, when the directory may be asked again, and what is wrong with it.
    CREATE TABLE resolver (
        single        boolean PRIMARY KEY DEFAULT true CHECK (single),
        turn          bigint NOT NULL DEFAULT 0,
        due_at        timestamptz NOT NULL,
        failures      smallint NOT NULL DEFAULT 0,
        fault         text,
        failing_since timestamptz
    );
    """)
