"""The keys in the ledger, wrapped by the master keys."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, text

from ledger.contexts import key_context
from ledger.key_numbers import CHANGES, FINGERPRINTS
from ledger.master_keys import check_master_keys, note_newest
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey, UnsealError


def fingerprinter(connection: Connection, masters: MasterKeys) -> Fingerprinter:
    """The fingerprinter of this ledger. Its key is made on first use and outlives every change of master key. A
    submission asks for it first, so this notes which master key seals. A look-up asks for it in the same transaction:
    the keys do not change before that ends.

    Raises ledger.sealing.UnsealError where none of `masters` wrapped it.
    """
    found = connection.execute(_FIND).all()
    if not found:
        fresh = masters.seal(SealingKey.generate().raw, FINGERPRINTS.encode())
        connection.execute(_KEEP, {"purpose": FINGERPRINTS, "wrapped": fresh})
        found = connection.execute(_FIND).all()
    newest, *older = (
        Fingerprinter(
            masters.open(row.wrapped, row.purpose.encode()),
            row.number,
            everybodys=row.state in (None, "reprinting", "held"),
        )
        for row in found
    )
    note_newest(connection, masters)
    if not older:
        return replace(newest, changes=found[0].changes)
    return replace(newest, older=tuple(older), reprinting=found[1].state == "reprinting", changes=found[0].changes)


def are_current(connection: Connection, prints: Fingerprinter) -> bool:
    """Whether the keys are still those of this fingerprinter. They do not change before the transaction ends."""
    changes = connection.execute(text(f"SELECT {CHANGES}")).scalar()
    return changes is None or changes == prints.changes


def open_key(masters: MasterKeys, public_id: UUID, wrapped: bytes) -> SealingKey:
    """The data key of a request. Raises ledger.sealing.UnsealError."""
    return SealingKey(masters.open(wrapped, key_context(public_id)))


def key_unless_given_up(
    connection: Connection, masters: MasterKeys, public_id: UUID, wrapped: bytes
) -> SealingKey | None:
    """The same; None where its master key was given up, so that nobody can read its people any more. Raises
    ledger.sealing.UnsealError where a master key is only missing here."""
    try:
        return open_key(masters, public_id, wrapped)
    except UnsealError:
        check_master_keys(connection, masters)
        return None


def check_keys(connection: Connection, masters: MasterKeys) -> None:
    """Return where `masters` open all that is wrapped in this ledger.

    Raises ledger.sealing.UnsealError; of its kinds, ledger.master_keys.MissingKeyError where one is missing besides.
    """
    check_master_keys(connection, masters)
    for row in connection.execute(_FIND):
        masters.open(row.wrapped, row.purpose.encode())


_KEEP = text("INSERT INTO keys (purpose, wrapped) VALUES (:purpose, :wrapped) ON CONFLICT DO NOTHING")
_FIND = text(f"""
    SELECT purpose, wrapped, number, changes, state FROM keys
    WHERE purpose LIKE '{FINGERPRINTS}%' AND state IS DISTINCT FROM 'leaving' ORDER BY number DESC
""")
