"""The tables, as SQLAlchemy Core sees them; migrations/ creates them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ENUM, JSONB

from domain.outcomes import Outcome
from domain.requests import Kind

metadata = MetaData()

KIND = ENUM(*(kind.value for kind in Kind), name="kind", create_type=False)
OUTCOME = ENUM(*(outcome.value for outcome in Outcome), name="outcome", create_type=False)
REQUEST_STATUS = ENUM(
    "loading",
    "running",
    "completed",
    "completed_with_exceptions",
    "cancelled",
    name="request_status",
    create_type=False,
)
CHUNK_STATE = ENUM("waiting", "queued", "leased", "closed", name="chunk_state", create_type=False)
MOMENT = DateTime(timezone=True)

keys = Table(
    "keys",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", MOMENT, nullable=False),
)
"""Keys that must outlive a change of the master key, wrapped by it."""

vendors = Table(
    "vendors",
    metadata,
    Column("id", SmallInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("enabled", Boolean, nullable=False),
    Column("chunk_people", Integer, nullable=False),
    Column("strikes", SmallInteger, nullable=False),
    Column("last_good_at", MOMENT),
    Column("held_at", MOMENT),
    Column("held_reason", Text),
    Column("held_by", Text),
    Column("probe_at", MOMENT),
)
"""Vendors as the workers announced them, and whether one is held."""

requests = Table(
    "requests",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("public_id", Uuid, nullable=False, unique=True),
    Column("kind", KIND, nullable=False),
    Column("status", REQUEST_STATUS, nullable=False),
    Column("subjects", Integer, nullable=False),
    Column("duplicates", Integer, nullable=False),
    Column("vendor_ids", ARRAY(SmallInteger), nullable=False),
    Column("data_key", LargeBinary),
    Column("options", LargeBinary, nullable=False),
    Column("idempotency_key", Text, unique=True),
    Column("content_digest", LargeBinary, nullable=False),
    Column("received_at", MOMENT, nullable=False),
    Column("due_at", MOMENT, nullable=False),
    Column("closed_at", MOMENT),
)

subjects = Table(
    "subjects",
    metadata,
    Column("request_id", BigInteger, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("whole_print", Uuid, nullable=False),
    Column("user_print", Uuid),
    Column("email_print", Uuid),
    Column("phone_print", Uuid),
)
"""People, sealed under their request's data key; a print is a keyed fingerprint of one identifier, or of
all that was given."""

sessions = Table(
    "sessions",
    metadata,
    Column("request_id", BigInteger, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("vendor_id", SmallInteger, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Sessions that came with people, kept apart so that each can be deleted the moment it has been used."""

chunks = Table(
    "chunks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("request_id", BigInteger, nullable=False),
    Column("vendor_id", SmallInteger, nullable=False),
    Column("first_line", Integer, nullable=False),
    Column("last_line", Integer, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("state", CHUNK_STATE, nullable=False),
    Column("due_at", MOMENT, nullable=False),
    Column("lease", Uuid),
    Column("starts", Integer, nullable=False),
    Column("setbacks", JSONB, nullable=False),
)
"""A span of a request's people for one vendor. `due_at`: waiting, when it may be queued; queued or leased, when it is
taken for lost. `starts`: how often a worker took it up. `setbacks`: who has failed so far, grouped (domain.retry)."""

outcomes = Table(
    "outcomes",
    metadata,
    Column("request_id", BigInteger, primary_key=True),
    Column("vendor_id", SmallInteger, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("round", SmallInteger, primary_key=True),
    Column("attempts", SmallInteger, nullable=False),
    Column("outcome", OUTCOME, nullable=False),
    Column("settled_at", MOMENT, nullable=False),
    Column("reason", Text),
)
"""How each delivery ended; append-only, guarded by triggers. The highest round is the one that counts."""

tallies = Table(
    "tallies",
    metadata,
    Column("request_id", BigInteger, primary_key=True),
    Column("vendor_id", SmallInteger, primary_key=True),
    Column("outcome", OUTCOME, primary_key=True),
    Column("deliveries", Integer, nullable=False),
)
"""How many deliveries stand at each outcome, kept with the outcomes in one transaction: a status costs the same for ten
people and for a million."""
