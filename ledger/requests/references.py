"""What submitters call their requests: sealed under the request's data key, and found by a keyed fingerprint."""

from uuid import UUID

from sqlalchemy import Connection, text

from domain.references import comparable
from ledger.contexts import reference_context
from ledger.keys import open_key
from ledger.sealing import Fingerprinter, MasterKeys, SealingKey


def print_of_reference(fingerprinter: Fingerprinter, reference: str) -> str:
    """A reference as requests are found by it, in hexadecimal."""
    return fingerprinter.print_of(b"reference", comparable(reference).encode()).hex()


def prints_of_reference(fingerprinter: Fingerprinter, reference: str) -> list[str]:
    """The same by each key that requests may be found by."""
    return [print_of_reference(one, reference) for one in fingerprinter.of_readable]


def add_reference(
    connection: Connection,
    request_id: int,
    public_id: UUID,
    reference: str,
    *,
    key: SealingKey,
    fingerprinter: Fingerprinter,
) -> None:
    """Keep what a new request is called, with it or not at all."""
    sealed = key.seal(reference.encode(), reference_context(public_id))
    connection.execute(
        _ADD, {"id": request_id, "sealed": sealed, "print": print_of_reference(fingerprinter, reference)}
    )


def reference_of(connection: Connection, public_id: UUID, masters: MasterKeys) -> str | None:
    """What a request is called; None where nothing was said, or it is forgotten. Raises
    ledger.sealing.UnsealError."""
    row = connection.execute(_OF, {"public_id": public_id}).one_or_none()
    if row is None:
        return None
    key = open_key(masters, public_id, row.data_key)
    return key.open(row.sealed, reference_context(public_id)).decode()


_ADD = text("INSERT INTO request_references (request_id, sealed, print) VALUES (:id, :sealed, CAST(:print AS uuid))")
_OF = text("""
    SELECT sealed, wrapped AS data_key
    FROM requests JOIN request_references ON request_references.request_id = id
    JOIN data_keys ON data_keys.request_id = id
    WHERE public_id = :public_id
""")
