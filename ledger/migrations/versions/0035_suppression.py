"""Fingerprints of erased people that outlive their requests: the suppression list."""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE suppression (
        print      uuid NOT NULL,
        field      text NOT NULL, -- which identifier it is of
        request_id bigint NOT NULL, -- with line: whose fingerprints belong together
        line       integer NOT NULL,
        kind       kind NOT NULL, -- erasure; or opt_in, which a vendor accepted and which takes off the list
        at         timestamptz NOT NULL, -- when the wish took effect
        PRIMARY KEY (print, request_id, line)
    );
    CREATE INDEX suppression_of_person ON suppression (request_id, line);
    CREATE INDEX suppression_by_age ON suppression (at);
    """)
