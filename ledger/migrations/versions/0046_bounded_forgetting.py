"""Who of a request still waits, while its other people are forgotten, as rows and not as an array. And of each person
on the suppression list the newest key, so that whoever asks whether an older one is needed reads no list.

Programs from before look for the array: see FITS_FROM.
"""

from alembic import op

revision = "0046"
down_revision = "0045"

SPARED = """
    CREATE TABLE spared_lines (
        request_id bigint NOT NULL, -- of `forgetting`; no foreign key: its check would cost a look-up per person
        line       integer NOT NULL, -- of somebody who still waits
        PRIMARY KEY (request_id, line)
    );
    INSERT INTO spared_lines (request_id, line)
    SELECT DISTINCT request_id, unnest(kept) FROM forgetting WHERE kept IS NOT NULL;

    -- Those in spared_lines are not forgotten. False: everybody is.
    ALTER TABLE forgetting ADD COLUMN in_part boolean NOT NULL DEFAULT false;
    UPDATE forgetting SET in_part = true WHERE kept IS NOT NULL;
    ALTER TABLE forgetting DROP COLUMN kept;
"""
NEWEST_KEYS = """
    -- The newest key by which the person (request_id, line) is on the list. Their rows are written by one statement.
    ALTER TABLE suppression ADD COLUMN newest_key smallint NOT NULL DEFAULT 1;
    UPDATE suppression SET newest_key = newest.key
    FROM (SELECT request_id, line, max(key) AS key FROM suppression GROUP BY 1, 2) AS newest
    WHERE newest.request_id = suppression.request_id AND newest.line = suppression.line AND newest.key <> 1;
    ALTER TABLE suppression ALTER COLUMN newest_key DROP DEFAULT;
    CREATE INDEX suppression_by_newest_key ON suppression (newest_key, request_id, line);
"""


def upgrade() -> None:
    op.execute(SPARED)
    op.execute(NEWEST_KEYS)
