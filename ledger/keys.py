"""The keys in the ledger, wrapped by the master keys."""

from sqlalchemy import Connection, text

from ledger.sealing import Fingerprinter, MasterKeys, SealingKey

_FINGERPRINTS = "fingerprints"


def fingerprinter(connection: Connection, masters: MasterKeys) -> Fingerprinter:
    """The fingerprinter of this ledger. Its key is made on first use and outlives every change of master key.

    Raises ledger.sealing.UnsealError where none of `masters` wrapped it.
    """
    context = _FINGERPRINTS.encode()
    fresh = masters.seal(SealingKey.generate().raw, context)
    connection.execute(_KEEP, {"purpose": _FINGERPRINTS, "wrapped": fresh})
    wrapped = connection.execute(_FIND, {"purpose": _FINGERPRINTS}).scalar_one()
    return Fingerprinter(masters.open(wrapped, context))


def check_keys(connection: Connection, masters: MasterKeys) -> None:
    """Raises ledger.sealing.UnsealError where none of `masters` wrapped this ledger's keys."""
    wrapped = connection.execute(_FIND, {"purpose": _FINGERPRINTS}).scalar()
    if wrapped is not None:
        masters.open(wrapped, _FINGERPRINTS.encode())


_KEEP = text("INSERT INTO keys (purpose, wrapped) VALUES (:purpose, :wrapped) ON CONFLICT DO NOTHING")
_FIND = text("SELECT wrapped FROM keys WHERE purpose = :purpose")
