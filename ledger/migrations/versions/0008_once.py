"""What may be used one time only: the states of logins with an identity provider."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE spent (
        what  bytea PRIMARY KEY, -- a digest
        until timestamptz NOT NULL
    );
    CREATE INDEX spent_by_time ON spent (until);
    """)
