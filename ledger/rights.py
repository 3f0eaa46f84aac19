"""What the programs, and those who only read, may do with each table and function of the ledger.

Every table and every function that the migrations make is in exactly one of these lists; a test compares them.
"""

from typing import NamedTuple

APPENDED = frozenset(
    {
        "outcomes",
        "successions",
        "notes",
        "audit_entries",
        "audit_batches",
        "log_tiles",
        "log_timestamps",
        "signing_keys",
        "outcome_trees",
        "outcome_tiles",
    }
)
"""The programs only read and add rows."""
OF_THE_OWNER = frozenset({"log_head", "log_pending", "log_entries", "log_checkpoints", "volumes", "alembic_version"})
"""The programs only read: triggers and functions of the owner write."""
CHANGED = frozenset(
    {
        "api_keys",
        "audit_due",
        "chunks",
        "data_keys",
        "deeds",
        "devices",
        "draft_blocks",
        "drafts",
        "forgetting",
        "guesses",
        "keys",
        "late_prints",
        "legal_hold_prints",
        "logins",
        "master_keys",
        "opendsr_requests",
        "other_identifiers",
        "outbox",
        "person_filters",
        "rechecks",
        "request_references",
        "requests",
        "resolver",
        "retention_periods",
        "sent_lately",
        "sessions",
        "settling",
        "spared_lines",
        "spent",
        "steps",
        "subjects",
        "suppression",
        "tallies",
        "trees_due",
        "turns",
        "users",
        "vendor_answers",
        "vendors",
        "webhooks",
        "withheld",
    }
)
"""The programs read, add, change and delete rows."""
ENDED = frozenset({"legal_holds", "restores"})
"""The programs read and add rows, and end them, which a trigger watches; nobody deletes any."""
PROTECTED = APPENDED | OF_THE_OWNER
"""The evidence of what was done: only the owner may change or delete it."""
TABLES = PROTECTED | CHANGED | ENDED
HIDDEN = frozenset(
    {
        "api_keys",
        "data_keys",
        "devices",
        "draft_blocks",
        "drafts",
        "keys",
        "logins",
        "master_keys",
        "sessions",
        "spent",
        "users",
    }
)
"""Tables that the reader may not read: keys, and what lets somebody in."""
COLUMNS_CHANGED = {"volumes": ("filter", "filter_blocks")}
"""Columns that the programs change in a table that is otherwise the owner's."""
SEQUENCES = frozenset({"person_filters_id"})
"""Those that belong to no column of a table."""

CALLED = frozenset(
    {
        "turn_over_volumes",
        "drop_volume",
        "drop_volume_part",
        "drop_audit_entries",
        "drop_outcome_hashes",
        "note_what_comes_late",
        "take_log_head",
        "append_log",
        "keep_checkpoint_at",
    }
)
"""Functions with the owner's rights that the programs call. Each checks by itself whether it may be done."""
INNER = frozenset(
    {
        "forget_from_deed",
        "keep_volume_ahead",
        "log_audit_batch",
        "log_dropped_audit_entries",
        "log_forgotten",
        "log_key",
        "log_legal_hold",
        "log_master_key",
        "log_new_requests",
        "log_notes",
        "log_outcomes",
        "log_people_forgotten",
        "log_request",
        "log_restore",
        "log_resurrection",
        "log_retention",
        "log_timestamp",
        "log_vendor",
        "log_wrapped_key",
        "note_audit_entries",
        "open_volume",
        "tree_due",
    }
)
"""Functions that only the owner, triggers and other functions run. As a trigger of a temporary table, one of the log's
would write entries about things that never happened."""
OPEN = frozenset(
    {
        "as_received",
        "canonical_json",
        "counts_of",
        "filter_block",
        "filter_may_hold",
        "forget_from_closing",
        "hold_new_vendor",
        "keep_audit_batch",
        "keep_audit_entry",
        "keep_checkpoint",
        "keep_legal_hold",
        "keep_outcome_tile",
        "keep_restore",
        "log_audit_entry",
        "log_roots",
        "log_utc",
        "mark_settling",
        "note_late_prints",
        "note_other_prints",
        "note_run",
        "received_json",
        "refuse_change",
        "tell_opendsr_begun",
        "tell_status",
        "volume_parts",
    }
)
"""Functions that do nothing but what their caller may do."""
FUNCTIONS = CALLED | INNER | OPEN


class Right(NamedTuple):
    """A privilege on a table, as PostgreSQL names it."""

    table: str
    privilege: str


def _rights(tables: frozenset[str], *privileges: str) -> frozenset[Right]:
    return frozenset(Right(table, privilege) for table in tables for privilege in privileges)


OF_PROGRAMS = (
    _rights(TABLES, "SELECT")
    | _rights(APPENDED | CHANGED | ENDED, "INSERT")
    | _rights(CHANGED | ENDED, "UPDATE")
    | _rights(CHANGED, "DELETE")
)
OF_READERS = _rights(TABLES - HIDDEN, "SELECT")
