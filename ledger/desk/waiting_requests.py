"""Which requests have deliveries at a vendor that need a person."""

from uuid import UUID

from sqlalchemy import Connection, text

from ledger.data_keys import readable
from ledger.rounds import LATEST
from ledger.unsettled import waits


def waiting_at(connection: Connection, vendor_id: int, most: int) -> list[UUID]:
    """Requests, `most` at most and the oldest first, with deliveries at this vendor that need a person, or wait for the
    end of a legal hold."""
    return list(connection.execute(_WAITING, {"vendor_id": vendor_id, "most": most}).scalars())


_WAITING = text(f"""
    SELECT requests.public_id, requests.id
    FROM outcomes JOIN requests ON requests.id = outcomes.request_id
    WHERE vendor_id = :vendor_id AND {waits("outcomes")} AND requests.status <> 'cancelled' AND {LATEST}
        AND {readable("outcomes")}
    UNION SELECT requests.public_id, requests.id
    FROM withheld JOIN requests ON requests.id = request_id
    WHERE vendor_id = :vendor_id AND requests.status <> 'cancelled'
    ORDER BY id LIMIT :most
""")


def unreachable_at(connection: Connection, vendor_id: int, most: int) -> list[UUID]:
    """Requests, `most` at most and the oldest first, with people who cannot be found at this vendor, which nobody has
    accepted. It costs the requests that have not ended well, however many people they have."""
    return list(connection.execute(_UNREACHABLE, {"vendor_id": vendor_id, "most": most}).scalars())


_UNREACHABLE = text(f"""
    SELECT requests.public_id
    FROM requests JOIN tallies ON tallies.request_id = requests.id
    WHERE status IN ('unconfirmed', 'running', 'completed_with_exceptions')
        AND vendor_id = :vendor_id AND outcome = 'unreachable' AND deliveries > 0 AND {waits("tallies")}
        AND EXISTS (SELECT FROM data_keys WHERE data_keys.request_id = requests.id)
    ORDER BY requests.id LIMIT :most
""")
