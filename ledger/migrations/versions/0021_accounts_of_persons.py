"""Accounts belong to persons, devices that people log in on, what each submitter sent lately, and whence deeds came."""

from alembic import op

revision = "0021"
down_revision = "0018"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE users
        ALTER COLUMN password_hash DROP NOT NULL, -- NULL: an identity provider vouches for them, and no password does
        ADD COLUMN owner text, -- the person it belongs to; NULL: the one of its own name
        ADD COLUMN os_user text; -- by whom the command line knows them, where it is another name
    ALTER TABLE api_keys ADD COLUMN owner text; -- the person who may use it; NULL: a system of its own

    CREATE TABLE devices (
        digest     bytea PRIMARY KEY CHECK (length(digest) = 32),
        user_id    integer NOT NULL REFERENCES users,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL
    );
    CREATE INDEX devices_of_user ON devices (user_id, created_at);

    CREATE TABLE sent_lately (
        who      text NOT NULL, -- a person
        minute   timestamptz NOT NULL,
        subjects bigint NOT NULL,
        PRIMARY KEY (who, minute)
    );

    ALTER TABLE audit_entries
        ADD COLUMN source text, -- the address that it came from
        ADD COLUMN key_prefix text, -- the API key that was shown
        ADD COLUMN account text; -- whose login was tried
    CREATE INDEX audit_entries_by_principal ON audit_entries (by, id);
    -- What was submitted is found by when it was: there are as many of these entries as requests.
    CREATE INDEX audit_entries_by_target ON audit_entries (target, id) WHERE deed <> 'submit';
    """)
