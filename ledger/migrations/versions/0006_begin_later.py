"""What begins later costs nothing until then: its chunks are due when it begins, and are found by when they are due."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
    UPDATE chunks SET due_at = requests.not_before
    FROM requests
    WHERE requests.id = chunks.request_id AND requests.closed_at IS NULL AND requests.not_before > now()
        AND chunks.state = 'waiting' AND chunks.due_at < requests.not_before;

    -- A claim walks what is due, from one moment of a request to the next, and meets nothing of what is not.
    DROP INDEX chunks_open;
    CREATE INDEX chunks_due ON chunks (vendor_id, due_at, request_id, id)
        WHERE purpose = 'deliver' AND state <> 'closed';
    ALTER TABLE vendors ADD COLUMN turn_due_at timestamptz NOT NULL DEFAULT 'epoch';

    -- What a delivery is compared with, and what the sweep looks at: requests that have begun, and those with a newer
    -- wish of another kind. A day's opt-outs of one person are nothing to a campaign of opt-outs.
    DROP INDEX requests_open;
    CREATE INDEX requests_begun ON requests (not_before, id) WHERE status = 'running';
    DROP INDEX requests_by_effect;
    CREATE INDEX requests_by_effect ON requests (kind, effective_at)
        WHERE status IN ('completed', 'completed_with_exceptions');
    """)
