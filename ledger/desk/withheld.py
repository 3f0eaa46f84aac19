"""What waits for the end of a legal hold, by vendor and by why it is kept."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text


class Withheld(NamedTuple):
    """Deliveries at a vendor that are withheld for one reason. `until`: when the first of their holds ends by itself;
    None: none of them does."""

    vendor: str
    reason: str
    deliveries: int
    requests: int
    until: datetime | None


def groups(
    connection: Connection,
    *,
    request_id: int | None = None,
    vendor_id: int | None = None,
    reason: str | None = None,
) -> list[Withheld]:
    """What is withheld in all requests, or in one; what ends first comes first."""
    values = {"request_id": request_id, "vendor_id": vendor_id, "reason": reason}
    return [Withheld(*row) for row in connection.execute(_GROUPS, values)]


_GROUPS = text("""
    SELECT vendors.name, reason, count(*), count(DISTINCT request_id), min(until)
    FROM withheld JOIN legal_holds ON legal_holds.id = hold_id JOIN vendors ON vendors.id = vendor_id
    WHERE (CAST(:request_id AS bigint) IS NULL OR request_id = :request_id)
        AND (CAST(:vendor_id AS smallint) IS NULL OR vendor_id = :vendor_id)
        AND (CAST(:reason AS text) IS NULL OR reason = :reason)
    GROUP BY vendors.name, reason ORDER BY min(until) NULLS LAST, vendors.name, reason
""")
