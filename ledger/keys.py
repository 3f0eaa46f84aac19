"""The keys kept in the ledger, wrapped by the master keys."""

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from ledger import tables
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey

_FINGERPRINTS = "fingerprints"


def fingerprinter(connection: Connection, masters: MasterKeys) -> Fingerprinter:
    """The fingerprinter of this ledger; its key is made on first use and outlives every change of master key.

    Raises ledger.sealing.UnsealError where none of `masters` wrapped it.
    """
    context = _FINGERPRINTS.encode()
    connection.execute(
        insert(tables.keys)
        .values(
            purpose=_FINGERPRINTS,
            wrapped=masters.seal(SealingKey.generate().raw, context),
            created_at=func.now(),
        )
        .on_conflict_do_nothing()
    )
    wrapped = connection.execute(
        select(tables.keys.c.wrapped).where(tables.keys.c.purpose == _FINGERPRINTS)
    ).scalar_one()
    return Fingerprinter(masters.open(wrapped, context))
