"""Who of one request shares an identifier with people of other requests: one look-up for each of theirs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, TextClause, text

from ledger.kept_plans import unseen

PRINTS = ("user_print", "email_print", "phone_print")
"""The columns by which people are compared."""
IN_ALL = 20_000
"""At most so many other deliveries are compared with those of one chunk."""
SCANNED = 256
"""Beside very many other requests, read this many deliveries for each of a person's identifiers."""


def theirs_in_mine(connection: Connection, values: Mapping[str, Any]) -> list[Any] | None:
    """Rows of (line, request, line there, identifier) for the people on these `lines` of `request_id`, and those of the
    requests `others`; None where very many of ours share a print: then each of ours has to be looked up."""
    return _all_or_none(connection, _THEIRS_IN_MINE, values)


def theirs_in_all_of_mine(connection: Connection, values: Mapping[str, Any]) -> list[Any] | None:
    """The same for all people of `request_id`."""
    return _all_or_none(connection, _THEIRS_IN_ALL_OF_MINE, values)


def _all_or_none(connection: Connection, statement: TextClause, values: Mapping[str, Any]) -> list[Any] | None:
    rows = connection.execute(statement, {**values, "scanned": SCANNED, "in_all": IN_ALL}).all()
    if len(rows) >= IN_ALL or any(row.total >= SCANNED for row in rows):
        return None
    return [row[:4] for row in rows]


def _looking_up(others: str, mine: str) -> TextClause:
    return text(
        f"""
    WITH theirs AS MATERIALIZED (
        SELECT request_id, line, {", ".join(PRINTS)} FROM subjects WHERE request_id = ANY({others}))
    """
        + " UNION ALL ".join(
            f"""
        SELECT also.line, theirs.request_id AS other_id, theirs.line AS other_line, '{name}' AS by, also.total
        FROM theirs CROSS JOIN LATERAL (
            SELECT line, count(*) OVER () AS total
            FROM (SELECT line FROM subjects
                  WHERE {name} = theirs.{name} AND request_id = :request_id LIMIT :scanned) AS scanned) AS also
        WHERE also.total >= :scanned OR {mine}
        """
            for name in PRINTS
        )
        + " LIMIT :in_all"
    )


_THEIRS_IN_MINE = _looking_up("CAST(:others AS bigint[])", "also.line = ANY(CAST(:lines AS integer[]))")
_THEIRS_IN_ALL_OF_MINE = _looking_up(unseen("others", "bigint"), "true")
