"""Telling costs the same however many callbacks there ever were, and however much waits for a receiver that is down."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("""
    -- The operator's receivers are those without a request. The index left them out, so every change of a status read
    -- the whole table.
    DROP INDEX webhooks_of_request;
    CREATE INDEX webhooks_of_request ON webhooks (request_id);

    -- A receiver of the operator's is told of every request: of what waits for it, only a part is looked at. For
    -- that, those that a request brought along have to be found without it.
    ALTER TABLE outbox ADD COLUMN own boolean NOT NULL DEFAULT true; -- the request brought its receiver along
    UPDATE outbox SET own = false FROM webhooks WHERE webhooks.id = webhook_id AND webhooks.request_id IS NULL;
    DROP INDEX outbox_waiting;
    CREATE INDEX outbox_waiting ON outbox (webhook_id, request_id, id) WHERE state = 'waiting' AND NOT own;
    CREATE INDEX outbox_own_waiting ON outbox (webhook_id, request_id, id) WHERE state = 'waiting' AND own;

    CREATE OR REPLACE FUNCTION tell_status() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO outbox (webhook_id, request_id, own, status, counts)
        SELECT webhooks.id, NEW.id, webhooks.request_id IS NOT NULL, NEW.status, COALESCE((
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
    """)
