"""What is known of each step of a vendor: whether it works, who was refused there, and whether it is held."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE steps (
        vendor_id    smallint NOT NULL REFERENCES vendors,
        step         text NOT NULL,
        last_good_at timestamptz,
        strikes      smallint NOT NULL DEFAULT 0,
        struck_at    timestamptz,
        refused      text[] NOT NULL DEFAULT '{}', -- request:line of those refused since it last served anybody
        held_at      timestamptz,
        held_reason  text,
        held_by      text,
        probe_at     timestamptz, -- when one more person is let through
        interval_s   double precision NOT NULL DEFAULT 0,
        scout        bigint, -- the chunk of which one person is let through
        PRIMARY KEY (vendor_id, step),
        CHECK ((held_at IS NULL) = (held_reason IS NULL))
    );
    ALTER TABLE vendors DROP COLUMN last_good_at;
    """)
