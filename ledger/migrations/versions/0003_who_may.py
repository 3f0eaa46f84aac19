"""Who may come in and what they did: API keys, console users and their sessions, failed guesses, the audit log."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
    CREATE TYPE role AS ENUM ('submitter', 'reader', 'operator', 'admin');

    CREATE TABLE api_keys (
        prefix       text PRIMARY KEY,
        name         text NOT NULL,
        role         role NOT NULL,
        digest       bytea NOT NULL CHECK (length(digest) = 32),
        created_at   timestamptz NOT NULL DEFAULT now(),
        created_by   text NOT NULL,
        expires_at   timestamptz,
        revoked_at   timestamptz,
        revoked_by   text,
        last_used_at timestamptz,
        CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
    );

    CREATE TABLE users (
        id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name          text NOT NULL UNIQUE,
        role          role NOT NULL,
        password_hash text NOT NULL,
        created_at    timestamptz NOT NULL DEFAULT now(),
        created_by    text NOT NULL,
        disabled_at   timestamptz,
        last_login_at timestamptz
    );

    CREATE TABLE logins (
        digest     bytea PRIMARY KEY CHECK (length(digest) = 32),
        user_id    integer NOT NULL REFERENCES users,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL
    );
    CREATE INDEX logins_of_user ON logins (user_id);

    CREATE TABLE guesses (
        who          bytea PRIMARY KEY, -- a keyed print of an account's name or of an address
        failures     integer NOT NULL,
        last_at      timestamptz NOT NULL,
        locked_until timestamptz
    );

    CREATE TABLE audit_entries (
        id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at       timestamptz NOT NULL DEFAULT now(),
        by       text NOT NULL,
        deed     text NOT NULL,
        target   text,
        allowed  boolean NOT NULL,
        status   smallint
    );
    CREATE INDEX audit_entries_by_time ON audit_entries (at);
    CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER audit_entries_not_truncated BEFORE TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

    CREATE INDEX requests_by_receipt ON requests (received_at, id);
    CREATE INDEX requests_by_submitter ON requests (submitted_by, received_at, id);
    """)
