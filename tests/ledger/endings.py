"""Requests whose deliveries have ended, written into the ledger without any worker."""

from sqlalchemy import text

from tests.ledger.conftest import Desk


def end(
    desk: Desk,
    outcome: str,
    reason: str | None,
    ids: list[int] | None = None,
    vendor: str | None = None,
    *,
    upto: int | None = None,
) -> None:
    """Every delivery of these requests that has no outcome yet ends like this; `upto`: only of people up to a line."""
    values = {"outcome": outcome, "reason": reason, "ids": ids, "vendor": vendor, "upto": upto}
    with desk.engine.begin() as connection:
        for statement in (
            """CREATE TEMPORARY TABLE ended ON COMMIT DROP AS
               SELECT requests.id AS request_id, vendors.id AS vendor_id, line, requests.kind
               FROM requests JOIN vendors ON vendors.id = ANY(vendor_ids) JOIN subjects ON request_id = requests.id
               WHERE (CAST(:ids AS bigint[]) IS NULL OR requests.id = ANY(CAST(:ids AS bigint[])))
                   AND (CAST(:vendor AS text) IS NULL OR vendors.name = :vendor)
                   AND (CAST(:upto AS integer) IS NULL OR line <= :upto)
                   AND NOT EXISTS (SELECT FROM outcomes WHERE outcomes.request_id = requests.id
                       AND outcomes.vendor_id = vendors.id AND outcomes.line = subjects.line)""",
            """INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
               SELECT request_id, vendor_id, line, 1, 1, CAST(:outcome AS outcome), :reason FROM ended""",
            """INSERT INTO tallies SELECT request_id, vendor_id, CAST(:outcome AS outcome), count(*) FROM ended
               GROUP BY 1, 2""",
            """UPDATE chunks SET state = 'closed' FROM ended
               WHERE chunks.request_id = ended.request_id AND chunks.vendor_id = ended.vendor_id""",
        ):
            connection.execute(text(statement), values)
    with desk.engine.begin() as connection:
        connection.execute(
            text("""
            UPDATE requests SET closed_at = now(), status = CASE WHEN EXISTS (
                SELECT FROM tallies WHERE request_id = requests.id AND deliveries > 0
                    AND outcome IN ('unreachable', 'refused', 'needs_action', 'exhausted'))
                THEN CAST('completed_with_exceptions' AS request_status) ELSE 'completed' END
            WHERE status = 'running' AND NOT EXISTS (
                SELECT FROM chunks WHERE request_id = requests.id AND state <> 'closed')""")
        )
