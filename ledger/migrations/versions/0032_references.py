"""What submitters call their requests: sealed like the people, and found by a keyed fingerprint."""

from alembic import op

revision = "0032"
down_revision = "0029"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE request_references (
        request_id bigint PRIMARY KEY REFERENCES requests ON DELETE CASCADE,
        sealed     bytea NOT NULL, -- under the request's data key
        print      uuid NOT NULL
    );
    CREATE INDEX request_references_by_print ON request_references (print);
    """)
