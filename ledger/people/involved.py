"""The requests that a person is in, found by fingerprints."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from domain.file_lines import FileLines
from ledger.data_keys import keeps
from ledger.person_filters import Prints, Range, ranges_with


class Involved(NamedTuple):
    """A request that a person is in, and its state at each vendor."""

    request_id: UUID
    kind: str
    status: str
    received_at: datetime
    line: int
    file_line: int | None
    vendors: dict[str, str]


def requests_of(connection: Connection, *by_key: Prints) -> list[Involved]:
    """The requests with a person who has one of these fingerprints, given by each key, oldest first.

    Volumes that cannot hold the person are not read.
    """
    found = {(one.request_id, one.line): one for prints in by_key for one in _found_by(connection, prints)}
    return sorted(found.values(), key=lambda one: (one.received_at, one.line)) if len(by_key) > 1 else [*found.values()]


def _found_by(connection: Connection, prints: Prints) -> list[Involved]:
    user, email, phone = (a_print.hex() if a_print else None for a_print in prints)
    found: list[Involved] = []
    for within in ranges_with(connection, prints):
        found += [
            Involved(
                row.public_id,
                row.kind,
                row.status,
                row.received_at,
                row.line,
                FileLines.unpacked(row.file_lines).of(row.line),
                row.vendors,
            )
            for row in connection.execute(_involved(within), {"user": user, "email": email, "phone": phone})
        ]
    return found


@lru_cache(maxsize=64)
def _involved(within: Range) -> TextClause:
    """The bounds are part of the statement, so that it is planned for the volumes between them alone, also when
    PostgreSQL keeps its plan."""
    bounds = f"request_id >= {within[0]:d} AND request_id < {within[1]:d}"
    return text(f"""
        SELECT requests.public_id, CAST(requests.kind AS text), CAST(requests.status AS text), requests.received_at,
            same.line, requests.file_lines,
            jsonb_object_agg(vendors.name, COALESCE(CAST(latest.outcome AS text), 'pending')) AS vendors
        FROM (
            SELECT request_id, line FROM subjects WHERE user_print = CAST(:user AS uuid) AND {bounds}
            UNION
            SELECT request_id, line FROM subjects WHERE email_print = CAST(:email AS uuid) AND {bounds}
            UNION
            SELECT request_id, line FROM subjects WHERE phone_print = CAST(:phone AS uuid) AND {bounds}) AS same
        -- OFFSET 0: looked up one by one, not joined with all requests there are
        CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.id = same.request_id OFFSET 0) AS requests
        JOIN vendors ON vendors.id = ANY(requests.vendor_ids) AND {keeps("same")} -- else forgotten
        LEFT JOIN LATERAL (
            SELECT outcome FROM outcomes
            WHERE outcomes.request_id = requests.id AND outcomes.vendor_id = vendors.id AND outcomes.line = same.line
                AND {bounds}
            ORDER BY round DESC LIMIT 1) AS latest ON true
        GROUP BY requests.id, requests.public_id, requests.kind, requests.status, requests.received_at,
            requests.file_lines, same.line
        ORDER BY requests.id, same.line
    """)
