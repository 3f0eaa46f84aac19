"""The requests that a person may be in: those of volumes still written to, and of ended volumes whose filter
(`ledger.filter_building`) does not exclude the person."""

from collections.abc import Iterable
from itertools import pairwise

from sqlalchemy import Connection, text

Range = tuple[int, int]
"""Requests from the first number up to, but not including, the second one."""
Prints = tuple[bytes | None, bytes | None, bytes | None]
"""The fingerprints of a person's user_id, e-mail and phone number."""


def ranges_with(connection: Connection, prints: Prints) -> list[Range]:
    """The requests among which somebody with one of these fingerprints can be, in order. Consecutive volumes form one
    range. About one volume in some thousands is named although nobody is in it."""
    user, email, phone = (a_print.hex() if a_print else None for a_print in prints)
    found = connection.execute(_MAY_HOLD, {"user": user, "email": email, "phone": phone})
    return joined((row.first_request, row.past_request) for row in found)


def joined(ranges: Iterable[Range], most: int | None = None) -> list[Range]:
    """Ranges in order. Those that touch are joined, then the nearest, until there are `most`."""
    found = list(ranges)
    while len(found) > 1:
        gap, place = min((after[0] - before[1], place) for place, (before, after) in enumerate(pairwise(found)))
        if gap and (most is None or len(found) <= most):
            break
        found[place : place + 2] = [(found[place][0], found[place + 1][1])]
    return found


_SOUGHT = "(VALUES (CAST(:user AS uuid)), (CAST(:email AS uuid)), (CAST(:phone AS uuid))) AS sought (print)"
# The block is a scalar, so that it is looked up by its key, and never joined with all blocks. A volume that is only
# prepared ahead holds nobody.
_MAY_HOLD = text(f"""
    SELECT first_request, past_request FROM volumes
    WHERE dropped_at IS NULL AND first_request <= (SELECT last_value FROM requests_id_seq) AND (
        filter_blocks IS NULL
        OR EXISTS (
            SELECT FROM {_SOUGHT}
            WHERE print IS NOT NULL AND COALESCE((
                SELECT filter_may_hold(bits, print) FROM person_filters
                WHERE person_filters.filter = volumes.filter AND block = filter_block(print, filter_blocks)), true))
        OR EXISTS (
            SELECT FROM {_SOUGHT} JOIN late_prints USING (print) WHERE late_prints.volume = volumes.id))
    ORDER BY first_request
""")
