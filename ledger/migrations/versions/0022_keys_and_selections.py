"""Idempotency keys are kept as keyed fingerprints: a producer may use somebody's e-mail address as one. And deeds over
a selection of requests."""

from alembic import op

revision = "0022"
down_revision = "0019"


def upgrade() -> None:
    # Keys that stand in `idempotency_key` are moved over by the workers, who have what it takes to fingerprint them
    # (ledger/requests/idempotency.py); until then both are looked at. Nothing new is written there.
    op.execute("""
    ALTER TABLE requests ADD COLUMN idempotency_print uuid;
    CREATE UNIQUE INDEX requests_by_idempotency ON requests (idempotency_print) WHERE idempotency_print IS NOT NULL;
    CREATE INDEX requests_with_clear_keys ON requests (id) WHERE idempotency_key IS NOT NULL;

    -- What somebody does to many requests at once. The requests follow each other by their number: where a deed stands
    -- is kept in the same transaction as what was done, so it is taken up there, by whomever.
    CREATE TABLE deeds (
        id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        public_id     uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
        deed          text NOT NULL,
        by            text NOT NULL,
        criteria      jsonb NOT NULL, -- which requests
        because       text,
        began_at      timestamptz NOT NULL DEFAULT now(),
        ended_at      timestamptz,
        after_request bigint NOT NULL DEFAULT 0, -- the last one seen to
        upto_request  bigint NOT NULL, -- the last one there was when it began
        done          jsonb NOT NULL DEFAULT '{}' -- in numbers
    );
    CREATE INDEX deeds_unfinished ON deeds (id) WHERE ended_at IS NULL;
    """)
