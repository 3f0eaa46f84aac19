"""Webhooks: who is told of a change of status, and the outbox that no change can bypass; why a door turned away."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
    CREATE TYPE webhook_style AS ENUM ('standard', 'opendsr');
    CREATE TYPE message_state AS ENUM ('waiting', 'delivered', 'given_up');

    -- One of the operator has a name, its address is in the settings, and it is told of every request. One of a
    -- request's own producer is told of that request only, and its address is sealed with the request's key.
    CREATE TABLE webhooks (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name       text UNIQUE,
        request_id bigint REFERENCES requests,
        style      webhook_style NOT NULL,
        host       text NOT NULL,
        sealed_url bytea,
        details    jsonb NOT NULL DEFAULT '{}',
        enabled    boolean NOT NULL DEFAULT true,
        CHECK ((name IS NULL) <> (request_id IS NULL)),
        CHECK (name IS NULL OR sealed_url IS NULL)
    );
    CREATE INDEX webhooks_of_request ON webhooks (request_id) WHERE request_id IS NOT NULL;

    CREATE TABLE outbox (
        id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        public_id   uuid NOT NULL DEFAULT gen_random_uuid(), -- never looked up, so without an index
        webhook_id  bigint NOT NULL REFERENCES webhooks,
        request_id  bigint NOT NULL REFERENCES requests,
        status      request_status NOT NULL,
        counts      jsonb NOT NULL,
        happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        since       timestamptz NOT NULL DEFAULT clock_timestamp(), -- its age counts from here
        due_at      timestamptz NOT NULL DEFAULT now(),
        state       message_state NOT NULL DEFAULT 'waiting',
        lease       uuid,
        attempts    integer NOT NULL DEFAULT 0,
        failure     text,
        answer      smallint,
        ended_at    timestamptz,
        CHECK ((state = 'waiting') = (ended_at IS NULL)),
        CHECK (lease IS NULL OR state = 'waiting')
    ) WITH (fillfactor = 70);
    CREATE INDEX outbox_waiting ON outbox (webhook_id, request_id, id) WHERE state = 'waiting';
    CREATE INDEX outbox_given_up ON outbox (webhook_id) WHERE state = 'given_up';

    -- A trigger, so that no way of changing a status can forget it. The request's row is locked by then: messages of
    -- one request are numbered in the order of its changes. The counts are those of this moment.
    CREATE FUNCTION tell_status() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO outbox (webhook_id, request_id, status, counts)
        SELECT webhooks.id, NEW.id, NEW.status, COALESCE((
            SELECT jsonb_object_agg(of_vendor.name, of_vendor.counts)
            FROM (SELECT vendors.name, COALESCE(jsonb_object_agg(tallies.outcome, tallies.deliveries)
                            FILTER (WHERE tallies.deliveries > 0), '{}') AS counts
                  FROM unnest(NEW.vendor_ids) AS vendor_id
                  JOIN vendors ON vendors.id = vendor_id
                  LEFT JOIN tallies ON tallies.request_id = NEW.id AND tallies.vendor_id = vendors.id
                  GROUP BY vendors.name) AS of_vendor), '{}')
        FROM webhooks
        WHERE enabled AND (webhooks.request_id IS NULL OR webhooks.request_id = NEW.id)
        ORDER BY webhooks.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER requests_tell_new AFTER INSERT ON requests
        FOR EACH ROW WHEN (NEW.status <> 'loading') EXECUTE FUNCTION tell_status();
    CREATE TRIGGER requests_tell_change AFTER UPDATE ON requests
        FOR EACH ROW WHEN (NEW.status <> OLD.status AND NEW.status <> 'loading') EXECUTE FUNCTION tell_status();

    ALTER TABLE audit_entries ADD COLUMN because text;
    """)
