"""On which lines of a file the people of a request stand (domain.file_lines): a few numbers for each request."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("ALTER TABLE requests ADD COLUMN file_lines bytea")
