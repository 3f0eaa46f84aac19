"""Files that somebody has dropped into the console and not submitted yet: sealed under a key of their own."""

from alembic import op

revision = "0026"
down_revision = "0027"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE drafts (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        public_id  uuid NOT NULL UNIQUE,
        created_by text NOT NULL,
        expires_at timestamptz NOT NULL,
        data_key   bytea, -- wrapped by a master key; NULL: destroyed, and the file with it
        state      bytea, -- what was said of the file, and what was found in it; sealed like it
        bytes      bigint NOT NULL DEFAULT 0,
        blocks     integer NOT NULL DEFAULT 0,
        request    uuid -- what it was submitted as
    );
    CREATE INDEX drafts_by_creator ON drafts (created_by);
    CREATE INDEX drafts_by_expiry ON drafts (expires_at);

    CREATE TABLE draft_blocks (
        draft_id bigint NOT NULL REFERENCES drafts ON DELETE CASCADE,
        place    integer NOT NULL, -- from 1
        sealed   bytea NOT NULL,
        PRIMARY KEY (draft_id, place)
    );
    ALTER TABLE draft_blocks ALTER COLUMN sealed SET STORAGE EXTERNAL; -- what is sealed cannot be compressed
    """)
