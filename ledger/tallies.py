"""How many deliveries of a request have which outcome, by vendor: counted in the statement that records outcomes."""


def counting(changes: str, *, unless: str = "false") -> str:
    """A statement that adds to the tallies. `changes`: a query for request_id, vendor_id, outcome and the number to
    add. Rows are ordered, so that two such statements do not deadlock."""
    return f"""
        INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
        SELECT request_id, vendor_id, outcome, sum(change)
        FROM ({changes}) AS changes (request_id, vendor_id, outcome, change)
        WHERE NOT {unless}
        GROUP BY request_id, vendor_id, outcome ORDER BY request_id, vendor_id, outcome
        ON CONFLICT (request_id, vendor_id, outcome)
            DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
    """
