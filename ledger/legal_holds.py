"""Legal holds: who is kept, why and until when; found again by fingerprints, which go when the hold ends."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from domain.legal_holds import Hold, longest
from domain.outcomes import Reason
from domain.suppression import Identifiers
from ledger.people.prints import KNOWN_OF_LINES


class Held(NamedTuple):
    """A hold as it is on record. `identifiers`: of which fields it knows the person, while it is in force."""

    id: int
    reason: str
    because: str
    until: datetime | None
    added_by: str
    added_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    """None: its time was over."""
    ended_because: str | None
    identifiers: Sequence[str]
    deliveries: int
    """How many are withheld by it now."""


def add(
    connection: Connection, person: Identifiers, reason: Reason, because: str, *, until: datetime | None, by: str
) -> int | None:
    """Add a hold, and return its number; None where `until` has passed by PostgreSQL's clock."""
    _take_turn(connection)
    fields, prints = zip(*sorted(person), strict=True)
    values = {
        "reason": reason.value,
        "because": because,
        "until": until,
        "by": by,
        "fields": list(fields),
        "prints": [a_print.hex() for a_print in prints],
    }
    found: int | None = connection.execute(_ADD, values).scalar_one_or_none()
    return found


def _take_turn(connection: Connection) -> None:
    """Those who add or end holds take turns until the caller commits: what waited for one may be kept by another, so
    two that ended at once would wait for each other."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})


_ONE_AT_A_TIME = 0x686F6C6473
"""("holds")"""
_ADD = text("""
    WITH added AS (
        INSERT INTO legal_holds (reason, because, until, added_by)
        SELECT :reason, :because, CAST(:until AS timestamptz), :by
        WHERE COALESCE(CAST(:until AS timestamptz) > now(), true)
        RETURNING id),
    known AS (
        INSERT INTO legal_hold_prints (print, field, hold_id)
        SELECT print, field, id
        FROM added CROSS JOIN unnest(CAST(:fields AS text[]), CAST(:prints AS uuid[])) AS given (field, print))
    SELECT id FROM added
""")


def every(connection: Connection, *, ended: bool = False) -> list[Held]:
    """The holds in force, the newest first; or those that have ended, too."""
    return [Held(*row) for row in connection.execute(_EVERY, {"ended": ended})]


_IN_FORCE = "(ended_at IS NULL AND COALESCE(until > now(), true))"
_EVERY = text(f"""
    SELECT id, reason, because, until, added_by, added_at, COALESCE(ended_at, CASE WHEN NOT {_IN_FORCE} THEN until END),
        ended_by, ended_because,
        ARRAY(SELECT DISTINCT field FROM legal_hold_prints WHERE hold_id = legal_holds.id ORDER BY field),
        (SELECT count(*) FROM withheld WHERE hold_id = legal_holds.id)
    FROM legal_holds WHERE :ended OR {_IN_FORCE} ORDER BY id DESC
""")


def end(connection: Connection, hold_id: int, by: str, because: str | None) -> bool:
    """Release a hold; False where there is none in force of this number. Waits for deliveries that are just being
    withheld by it."""
    _take_turn(connection)
    values = {"id": hold_id, "by": by, "because": because}
    ended = connection.execute(_END, values).rowcount == 1
    if ended:
        connection.execute(_FORGET, values)
    return ended


_END = text(f"""
    UPDATE legal_holds SET ended_at = now(), ended_by = :by, ended_because = :because
    WHERE id = :id AND {_IN_FORCE}
""")
_FORGET = text("DELETE FROM legal_hold_prints WHERE hold_id = :id")


def end_over(connection: Connection) -> int | None:
    """End one hold whose time is over, by PostgreSQL's clock; returns its number, None where there is none."""
    if not connection.execute(_ANY_OVER).scalar_one():
        return None
    _take_turn(connection)
    hold_id: int | None = connection.execute(_OVER).scalar_one_or_none()
    if hold_id is not None:
        connection.execute(_END_OVER, {"id": hold_id})
        connection.execute(_FORGET, {"id": hold_id})
    return hold_id


_IS_OVER = "FROM legal_holds WHERE ended_at IS NULL AND until <= now()"
_ANY_OVER = text(f"SELECT EXISTS (SELECT {_IS_OVER})")
_OVER = text(f"SELECT id {_IS_OVER} ORDER BY until LIMIT 1")
_END_OVER = text("UPDATE legal_holds SET ended_at = until WHERE id = :id")


def keeping(connection: Connection, request_id: int, lines: Sequence[int]) -> dict[int, Hold]:
    """By line, the hold that keeps a person of this request. These holds do not end before the caller commits."""
    if not lines:
        return {}
    values: dict[str, Any] = {"request_id": request_id, "lines": list(lines)}
    found: defaultdict[int, set[int]] = defaultdict(set)
    for line, hold_id in _share_a_print(connection, values):
        found[line].add(hold_id)
    if not found:  # usually
        return {}
    holds = _locked(connection, frozenset().union(*found.values()))
    people = _identifiers(connection, _PRINTS_OF_LINES, values | {"lines": sorted(found)})
    kept = {
        line: longest((holds[hold_id] for hold_id in hold_ids if hold_id in holds), people[line])
        for line, hold_ids in found.items()
    }
    return {line: hold for line, hold in kept.items() if hold is not None}


FEW = 200
"""So many people are looked up among all holds. Of more, the holds are looked up among them where these are fewer."""


def _share_a_print(connection: Connection, values: Mapping[str, Any]) -> Iterable[tuple[int, int]]:
    among = frozenset(values["lines"])
    if len(among) > FEW and connection.execute(_NUMBER_OF_PRINTS).scalar_one() < len(among):
        return [(line, hold) for line, hold in connection.execute(_PRINTS_IN_REQUEST, values) if line in among]
    return [(line, hold) for line, hold in connection.execute(_LINES_IN_PRINTS, values)]


_NUMBER_OF_PRINTS = text("SELECT count(*) FROM legal_hold_prints")
_PLACES = (("subjects", "user_print"), ("subjects", "email_print"), ("subjects", "phone_print"))
_PRINTS_IN_REQUEST = text(
    " UNION ".join(
        f"""
        SELECT also.line, kept.hold_id FROM legal_hold_prints AS kept CROSS JOIN LATERAL (
            SELECT line FROM {table} WHERE {column} = kept.print AND request_id = :request_id OFFSET 0) AS also
        """
        for table, column in (*_PLACES, ("other_identifiers", "print"))
    )
)
_LINES_IN_PRINTS = text(f"""
    SELECT DISTINCT known.line, kept.hold_id
    FROM ({KNOWN_OF_LINES}) AS known JOIN legal_hold_prints AS kept USING (print, field)
""")
_PRINTS_OF_LINES = text(f"SELECT line, field, print FROM ({KNOWN_OF_LINES}) AS known")
_LOCK = text(f"""
    SELECT id, reason, until FROM legal_holds
    WHERE id = ANY(CAST(:ids AS bigint[])) AND {_IN_FORCE} ORDER BY id FOR SHARE
""")
_PRINTS_OF_HOLDS = text(
    "SELECT hold_id, field, print FROM legal_hold_prints WHERE hold_id = ANY(CAST(:ids AS bigint[]))"
)


def _locked(connection: Connection, ids: Iterable[int]) -> Mapping[int, Hold]:
    values = {"ids": sorted(ids)}
    rows = connection.execute(_LOCK, values).all()
    identifiers = _identifiers(connection, _PRINTS_OF_HOLDS, values)
    return {row.id: Hold(row.id, Reason(row.reason), row.until, identifiers[row.id]) for row in rows}


def _identifiers(connection: Connection, statement: Any, values: Mapping[str, Any]) -> Mapping[int, Identifiers]:
    """By the first column, all fields and fingerprints."""
    found: defaultdict[int, set[tuple[str, bytes]]] = defaultdict(set)
    a_print: UUID
    for key, field, a_print in connection.execute(statement, values):
        found[key].add((field, a_print.bytes))
    return {key: frozenset(those) for key, those in found.items()}
