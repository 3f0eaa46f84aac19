"""`unreachable` needs attention; the reason of that name becomes `no_connection`, so that a word has one meaning.

Deliveries that ended as `not_applicable` because of `no_identifier` stay as they are: their requests have closed, and
what people were told of them is not changed afterwards.
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("""
    DROP INDEX outcomes_attention;
    CREATE INDEX outcomes_attention ON outcomes (request_id, vendor_id, reason)
        WHERE outcome IN ('unreachable', 'refused', 'needs_action', 'exhausted');
    ALTER INDEX IF EXISTS outcomes_1_request_id_vendor_id_reason_idx RENAME TO outcomes_1_attention;

    -- The word changes and nothing that it says. Only exhausted deliveries have this reason.
    ALTER TABLE outcomes DISABLE TRIGGER outcomes_append_only;
    UPDATE outcomes SET reason = 'no_connection' WHERE outcome = 'exhausted' AND reason = 'unreachable';
    ALTER TABLE outcomes ENABLE TRIGGER outcomes_append_only;
    UPDATE vendors SET held_reason = 'no_connection' WHERE held_reason = 'unreachable';
    """)
