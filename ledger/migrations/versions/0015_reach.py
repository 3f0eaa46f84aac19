"""By which fields each vendor finds people, and how many of a request cannot be found where, as it was recorded."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE vendors ADD COLUMN reach jsonb; -- by kind, as the workers announce it
    ALTER TABLE requests ADD COLUMN unreachable jsonb; -- vendor to number of people; NULL: everybody can be found

    -- How the deliveries of a request stand, by vendor, as whoever is told of it is told.
    CREATE FUNCTION counts_of(request bigint, vendor_ids smallint[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
        SELECT COALESCE(jsonb_object_agg(of_vendor.name, of_vendor.counts), '{}')
        FROM (SELECT vendors.name, COALESCE(jsonb_object_agg(tallies.outcome, tallies.deliveries)
                        FILTER (WHERE tallies.deliveries > 0), '{}') AS counts
              FROM unnest(vendor_ids) AS vendor_id
              JOIN vendors ON vendors.id = vendor_id
              LEFT JOIN tallies ON tallies.request_id = request AND tallies.vendor_id = vendors.id
              GROUP BY vendors.name) AS of_vendor
    $$;
    CREATE OR REPLACE FUNCTION tell_status() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO outbox (webhook_id, request_id, own, status, counts)
        SELECT webhooks.id, NEW.id, webhooks.request_id IS NOT NULL, NEW.status, counts_of(NEW.id, NEW.vendor_ids)
        FROM webhooks
        WHERE enabled AND (webhooks.request_id IS NULL OR webhooks.request_id = NEW.id)
        ORDER BY webhooks.id;
        RETURN NULL;
    END $$;
    """)
