"""When the people of a request were forgotten, and of which requests fingerprints are still to be deleted."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE requests ADD COLUMN forgotten_at timestamptz; -- NULL too where an earlier version did it

    CREATE TABLE forgetting (
        request_id bigint PRIMARY KEY REFERENCES requests,
        after_line integer NOT NULL DEFAULT 0 -- up to here it is done
    );
    """)
