"""The record: keys, vendors, requests, subjects, sessions, chunks, outcomes and their tallies."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
    CREATE TYPE kind AS ENUM ('erasure', 'opt_out', 'opt_in');
    CREATE TYPE request_status AS ENUM ('loading', 'unconfirmed', 'running', 'completed', 'completed_with_exceptions',
                                        'cancelled');
    CREATE TYPE chunk_state AS ENUM ('waiting', 'queued', 'leased', 'closed');
    CREATE TYPE chunk_purpose AS ENUM ('deliver', 'verify');
    CREATE TYPE outcome AS ENUM ('pending', 'accepted', 'verified', 'absent', 'not_applicable', 'superseded', 'refused',
                                 'needs_action', 'exhausted', 'cancelled');

    CREATE TABLE keys (
        purpose    text PRIMARY KEY,
        wrapped    bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE vendors (
        id           smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name         text NOT NULL UNIQUE,
        enabled      boolean NOT NULL,
        chunk_people integer NOT NULL CHECK (chunk_people > 0),
        strikes      smallint NOT NULL DEFAULT 0,
        last_good_at timestamptz,
        held_at      timestamptz,
        held_reason  text,
        held_by      text,
        probe_at     timestamptz,
        CHECK ((held_at IS NULL) = (held_reason IS NULL))
    );

    CREATE TABLE requests (
        id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        public_id       uuid NOT NULL UNIQUE,
        kind            kind NOT NULL,
        status          request_status NOT NULL DEFAULT 'loading',
        subjects        integer NOT NULL DEFAULT 0,
        duplicates      integer NOT NULL DEFAULT 0,
        vendor_ids      smallint[] NOT NULL CHECK (cardinality(vendor_ids) > 0),
        data_key        bytea,
        options         bytea NOT NULL,
        idempotency_key text UNIQUE,
        content_digest  bytea NOT NULL DEFAULT '',
        received_at     timestamptz NOT NULL DEFAULT now(),
        effective_at    timestamptz NOT NULL DEFAULT now(),
        not_before      timestamptz NOT NULL DEFAULT now(),
        due_at          timestamptz NOT NULL,
        due_reason      text,
        submitted_by    text NOT NULL DEFAULT 'unknown',
        confirmed_by    text,
        closed_at       timestamptz
    );
    CREATE INDEX requests_open ON requests (id) WHERE status = 'running';
    CREATE INDEX requests_by_effect ON requests (effective_at);
    CREATE INDEX requests_stopping ON requests (id) WHERE status = 'cancelled' AND closed_at IS NULL;
    CREATE INDEX requests_unfinished ON requests (due_at)
        WHERE status IN ('unconfirmed', 'running', 'completed_with_exceptions');

    CREATE TABLE subjects (
        request_id  bigint NOT NULL, -- no foreign key: its check would cost a look-up per person
        line        integer NOT NULL,
        sealed      bytea NOT NULL,
        whole_print uuid NOT NULL,
        user_print  uuid,
        email_print uuid,
        phone_print uuid,
        PRIMARY KEY (request_id, line)
    );
    CREATE INDEX subjects_by_user ON subjects (user_print, request_id) WHERE user_print IS NOT NULL;
    CREATE INDEX subjects_by_email ON subjects (email_print, request_id) WHERE email_print IS NOT NULL;
    CREATE INDEX subjects_by_phone ON subjects (phone_print, request_id) WHERE phone_print IS NOT NULL;

    CREATE TABLE sessions (
        request_id bigint NOT NULL,
        line       integer NOT NULL,
        vendor_id  smallint NOT NULL,
        sealed     bytea NOT NULL,
        PRIMARY KEY (request_id, vendor_id, line)
    );

    CREATE TABLE chunks (
        id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        request_id     bigint NOT NULL REFERENCES requests,
        vendor_id      smallint NOT NULL REFERENCES vendors,
        first_line     integer NOT NULL CHECK (first_line >= 1),
        last_line      integer NOT NULL CHECK (last_line >= first_line),
        round          smallint NOT NULL DEFAULT 1,
        purpose        chunk_purpose NOT NULL DEFAULT 'deliver',
        state          chunk_state NOT NULL DEFAULT 'waiting',
        due_at         timestamptz NOT NULL DEFAULT now(),
        lease          uuid,
        holder         text,
        starts         integer NOT NULL DEFAULT 0,
        lost           smallint NOT NULL DEFAULT 0,
        setbacks       jsonb NOT NULL DEFAULT '[]',
        CHECK ((state = 'leased') = (lease IS NOT NULL))
    ) WITH (fillfactor = 70);
    CREATE INDEX chunks_open ON chunks (vendor_id, request_id, due_at) WHERE state <> 'closed';
    CREATE INDEX chunks_open_of_request ON chunks (request_id) WHERE state <> 'closed';
    CREATE INDEX chunks_leased ON chunks (holder) WHERE state = 'leased';

    CREATE TABLE outcomes (
        request_id bigint NOT NULL,
        vendor_id  smallint NOT NULL,
        round      smallint NOT NULL,
        line       integer NOT NULL,
        attempts   smallint NOT NULL,
        outcome    outcome NOT NULL,
        settled_at timestamptz NOT NULL DEFAULT now(),
        reason     text,
        PRIMARY KEY (request_id, vendor_id, line, round)
    );

    CREATE INDEX outcomes_attention ON outcomes (request_id, vendor_id, reason)
        WHERE outcome IN ('refused', 'needs_action', 'exhausted');

    CREATE TABLE notes (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        request_id bigint REFERENCES requests,
        vendor_id  smallint REFERENCES vendors,
        at         timestamptz NOT NULL DEFAULT now(),
        by         text NOT NULL,
        deed       text NOT NULL,
        reason     text
    );
    CREATE INDEX notes_of_request ON notes (request_id);

    CREATE TABLE tallies (
        request_id bigint NOT NULL REFERENCES requests,
        vendor_id  smallint NOT NULL REFERENCES vendors,
        outcome    outcome NOT NULL,
        deliveries integer NOT NULL,
        PRIMARY KEY (request_id, vendor_id, outcome)
    ) WITH (fillfactor = 50);

    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$;
    CREATE TRIGGER notes_append_only BEFORE UPDATE OR DELETE ON notes
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER outcomes_append_only BEFORE UPDATE OR DELETE ON outcomes
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER outcomes_not_truncated BEFORE TRUNCATE ON outcomes
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    """)
