"""How many deliveries of a request ended how, by vendor: counted where outcomes are recorded, in the same statement."""


def counting(changes: str, *, unless: str = "false") -> str:
    """A statement that adds to the tallies. `changes`: a query for request_id, vendor_id, outcome and by how many there
    are more. In one order, so that two that count the same do not lock each other out."""
    return f"""
        INSERT INTO tallies (request_id, vendor_id, outcome, deliveries)
        SELECT request_id, vendor_id, outcome, sum(change)
        FROM ({changes}) AS changes (request_id, vendor_id, outcome, change)
        WHERE NOT {unless}
        GROUP BY request_id, vendor_id, outcome ORDER BY request_id, vendor_id, outcome
        ON CONFLICT (request_id, vendor_id, outcome)
            DO UPDATE SET deliveries = tallies.deliveries + excluded.deliveries
    """
