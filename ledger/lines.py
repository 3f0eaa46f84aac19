"""The lines of people, in steps over many requests."""

from sqlalchemy import Connection, text


def next_line(connection: Connection, after: tuple[int, int], past_request: int, step: int) -> tuple[int, int] | None:
    """The last of the next `step` lines (request, line) before `past_request`; None where there are none."""
    values = {"request": after[0], "after": after[1], "past": past_request, "step": step}
    row = connection.execute(_NEXT, values).one_or_none()
    return (row.request_id, row.line) if row else None


_NEXT = text("""
    SELECT request_id, line
    FROM (SELECT request_id, line FROM subjects
          WHERE (request_id, line) > (:request, :after) AND request_id >= :request AND request_id < :past
          ORDER BY request_id, line LIMIT :step) AS next
    ORDER BY request_id DESC, line DESC LIMIT 1
""")
