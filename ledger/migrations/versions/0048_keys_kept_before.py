"""Older fingerprint keys that were kept before 0046 are looked at from the first of their requests: each still had the
place up to which its fingerprints had been deleted."""

from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    op.execute("UPDATE keys SET at_request = 0 WHERE state = 'kept'")
