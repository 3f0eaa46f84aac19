"""When a request is due: since when its controller was asked, under which regulation, and what it was put off from."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("""
    ALTER TABLE requests
        ADD COLUMN regulation text NOT NULL DEFAULT 'gdpr',
        ADD COLUMN asked_at timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN extended_from timestamptz; -- the original due date of a request that was put off

    -- So far a request was due a month after receipt. A wish is never newer than its receipt.
    UPDATE requests
    SET asked_at = received_at,
        effective_at = LEAST(effective_at, received_at),
        extended_from = CASE WHEN due_reason IS NOT NULL
            THEN (received_at AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' END;
    """)
