"""The keys in the ledger, wrapped by the master keys."""

from sqlalchemy import Connection, text

from ledger.master_keys import check_master_keys, note_newest
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey

FINGERPRINTS = "fingerprints"
"""The purpose, in `keys`, of the key that fingerprints people."""


def fingerprinter(connection: Connection, masters: MasterKeys) -> Fingerprinter:
    """The fingerprinter of this ledger. Its key is made on first use and outlives every change of master key. Whoever
    submits asks for it first, so this notes which master key seals.

    Raises ledger.sealing.UnsealError where none of `masters` wrapped it.
    """
    context = FINGERPRINTS.encode()
    fresh = masters.seal(SealingKey.generate().raw, context)
    connection.execute(_KEEP, {"purpose": FINGERPRINTS, "wrapped": fresh})
    wrapped = connection.execute(_FIND, {"purpose": FINGERPRINTS}).scalar_one()
    found = Fingerprinter(masters.open(wrapped, context))
    note_newest(connection, masters)
    return found


def check_keys(connection: Connection, masters: MasterKeys) -> None:
    """Return where `masters` open all that is wrapped in this ledger.

    Raises ledger.sealing.UnsealError; of its kinds, ledger.master_keys.MissingKeyError where one is missing besides.
    """
    check_master_keys(connection, masters)
    wrapped = connection.execute(_FIND, {"purpose": FINGERPRINTS}).scalar()
    if wrapped is not None:
        masters.open(wrapped, FINGERPRINTS.encode())


_KEEP = text("INSERT INTO keys (purpose, wrapped) VALUES (:purpose, :wrapped) ON CONFLICT DO NOTHING")
_FIND = text("SELECT wrapped FROM keys WHERE purpose = :purpose")
