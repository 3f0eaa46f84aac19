"""What vendors' last answers were: the reason of a step's last strike, and a count of answers for each few seconds."""

from alembic import op

revision = "0052"
down_revision = "0049"

VENDORS = """
    ALTER TABLE steps ADD COLUMN struck_reason text; -- of its last strike; NULL: none since it last served somebody
    ALTER TABLE vendors ADD COLUMN limits jsonb; -- units a minute by bucket, of the processes that serve it
"""
ANSWERS = """
    CREATE TABLE vendor_answers (
        vendor_id smallint NOT NULL REFERENCES vendors,
        at        timestamptz NOT NULL, -- the beginning of the few seconds in which they came
        bucket    text NOT NULL, -- the limit that they count against; '' is the vendor's own
        answer    text NOT NULL, -- its class, such as 2xx: never anything that the vendor wrote
        answers   integer NOT NULL,
        units     double precision NOT NULL, -- what they cost of the limit
        PRIMARY KEY (vendor_id, at, bucket, answer)
    );
"""


def upgrade() -> None:
    op.execute(VENDORS)
    op.execute(ANSWERS)
