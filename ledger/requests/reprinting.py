"""Replaces the fingerprint key, in steps, while work goes on.

While people are fingerprinted anew, everybody can be found by the older key: those who are done, and those who come,
have their fingerprints by it among `other_identifiers`. Once all are done, everybody can be found by the newer key, and
those by the older one are deleted. So two wishes of one person always share a key.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, text

from domain.requests import Kind, Subject
from ledger.contexts import session_context
from ledger.data_keys import wrapped_key
from ledger.keys import open_key
from ledger.lines import next_line
from ledger.master_keys import check_master_keys
from ledger.people.opening import open_block
from ledger.people.prints import Prints
from ledger.people.rows import OTHERS
from ledger.requests.references import print_of_reference, reference_of
from ledger.sealing import Fingerprinter, MasterKeys, UnsealError

STEP = 2_000
"""People fingerprinted anew in one transaction."""
Position = tuple[int, int]
"""Up to and including this line (request, line)."""


class Step(NamedTuple):
    """What one step did: how many people have been fingerprinted anew, and how many cannot be read any more."""

    people: int
    unreadable: int


def reprint(connection: Connection, masters: MasterKeys, prints: Fingerprinter) -> Step | None:
    """Fingerprint the next people anew; None where nobody is left. `prints`: as it is in this transaction. Two
    processes take turns.

    Who cannot be read any more keeps the fingerprints by the older key, until their request's are deleted. Raises
    ledger.sealing.UnsealError where a master key is only missing here.
    """
    at = connection.execute(_AT).one_or_none()
    if at is None:  # another process has done the last of them meanwhile
        return None
    after = (at.at_request, at.at_line)
    last = next_line(connection, after, at.to_request + 1, STEP)
    if last is None:
        return None
    connection.execute(_AS_REPRINTING)
    span = _span(after, last) | {"old": prints.older[0].number}
    people: dict[int, list[Any]] = defaultdict(list)
    connection.execute(_LOCK, span)  # before their people, as everywhere
    # In a second statement: a key that was replaced while we waited (`resealing`) would be the older one in the first.
    requests = connection.execute(_REQUESTS, span).all()
    for row in connection.execute(_PEOPLE, span):
        people[row.request_id].append(row)
    sessions = _sessions(connection, span)
    connection.execute(_MARK_OLD, span)
    done: list[tuple[int, int, Kind, Subject]] = []
    unreadable: list[Position] = []
    new = Prints(prints)
    for request in requests:
        rows = people.pop(request.id, [])
        try:
            opened = _opened(request, rows, sessions, masters)
        except UnsealError:  # it is forgotten, or its master key was given up
            unreadable += [(row.request_id, row.line) for row in rows]
        else:
            _reprint_names(connection, request, masters, prints)
            done += [(request.id, line, Kind(request.kind), subject) for line, subject in opened.items()]
    _write(connection, done, new)
    if unreadable:
        check_master_keys(connection, masters)
        ids, lines = (list(column) for column in zip(*unreadable, strict=True))
        connection.execute(_MOVE_UNREADABLE, span | {"ids": ids, "lines": lines})
        connection.execute(_CLEAR_UNREADABLE, {"ids": ids, "lines": lines})
    connection.execute(_ADVANCE, span)
    return Step(len(done), len(unreadable))


def _span(after: Position, last: Position) -> dict[str, Any]:
    return {"request": after[0], "after": after[1], "last_request": last[0], "last": last[1]}


def _sessions(connection: Connection, span: Mapping[str, Any]) -> Mapping[Position, Sequence[Any]]:
    found: dict[Position, list[Any]] = defaultdict(list)
    for row in connection.execute(_SESSIONS, span):
        found[row.request_id, row.line].append(row)
    return found


def _opened(
    request: Any, rows: Sequence[Any], sessions: Mapping[Position, Sequence[Any]], masters: MasterKeys
) -> dict[int, Subject]:
    """These people of a request by line, with the sessions that are not used yet: a block with one may hold identifiers
    too. Raises UnsealError."""
    if request.data_key is None:
        raise UnsealError("it is forgotten")
    key = open_key(masters, request.public_id, request.data_key)
    rows = [row for row in rows if row.sealed]  # else forgotten, though others of the request are not
    subjects = open_block(key, request.id, [(row.line, row.sealed) for row in rows])
    opened = {row.line: subject for row, subject in zip(rows, subjects, strict=True)}
    for line, subject in opened.items():
        for one in sessions.get((request.id, line), ()):
            block = from_json(key.open(one.sealed, session_context(request.id, line, one.vendor_id)))
            subject["vendors"] = {**(subject.get("vendors") or {}), one.name: block}
    return opened


def _reprint_names(connection: Connection, request: Any, masters: MasterKeys, prints: Fingerprinter) -> None:
    reference = reference_of(connection, request.public_id, masters)
    if reference is not None:
        values = {"id": request.id, "print": print_of_reference(prints, reference)}
        connection.execute(_REPRINT_REFERENCE, values)


def _write(connection: Connection, done: Iterable[tuple[int, int, Kind, Subject]], new: Prints) -> None:
    people, others = [], []
    for request_id, line, kind, subject in done:
        place: dict[str, Any] = {"request_id": request_id, "line": line}
        user, email, phone = (a_print.hex() if a_print else None for a_print in new.identifiers(subject))
        people.append(place | {"whole": new.whole(subject).hex(), "user": user, "email": email, "phone": phone})
        others += [place | {"kind": name, "print": one.hex(), "key": None} for name, one in new.others(subject)]
        for older in new.besides(kind):
            number = older.fingerprinter.number
            others += [place | {"kind": name, "print": one.hex(), "key": number} for name, one in older.all_of(subject)]
    if people:
        connection.execute(_WRITE, {"people": to_json(people).decode()})
    if others:
        connection.execute(_WRITE_OTHERS, {"others": to_json(others).decode()})


_AT = text("SELECT at_request, at_line, to_request FROM keys WHERE state = 'reprinting' FOR NO KEY UPDATE")
_AS_REPRINTING = text("SET LOCAL consent.reprinting = 'on'")
_IN_SPAN = """
    (request_id, line) > (:request, :after) AND (request_id, line) <= (:last_request, :last)
    AND request_id >= :request AND request_id <= :last_request
"""
_LOCK = text("SELECT id FROM requests WHERE id >= :request AND id <= :last_request ORDER BY id FOR SHARE")
_REQUESTS = text(f"""
    SELECT id, public_id, {wrapped_key()} AS data_key, CAST(kind AS text) AS kind FROM requests
    WHERE id >= :request AND id <= :last_request ORDER BY id
""")
_PEOPLE = text(f"SELECT request_id, line, sealed FROM subjects WHERE {_IN_SPAN} ORDER BY 1, 2 FOR NO KEY UPDATE")
_SESSIONS = text(f"""
    SELECT request_id, line, vendor_id, name, sealed FROM sessions JOIN vendors ON vendors.id = vendor_id
    WHERE {_IN_SPAN}
""")
_MARK_OLD = text(f"UPDATE other_identifiers SET key = :old WHERE {_IN_SPAN} AND key IS NULL")
_WRITE = text("""
    UPDATE subjects
    SET whole_print = given.whole, user_print = given.user, email_print = given.email, phone_print = given.phone
    FROM json_to_recordset(CAST(:people AS json)) AS given
        (request_id bigint, line integer, whole uuid, "user" uuid, email uuid, phone uuid)
    WHERE subjects.request_id = given.request_id AND subjects.line = given.line
""")
_WRITE_OTHERS = text(f"""
    INSERT INTO other_identifiers (request_id, line, kind, print, key)
    SELECT request_id, line, kind, print, key FROM {OTHERS}
    ON CONFLICT (request_id, line, kind, print) DO UPDATE SET key = excluded.key
""")
_REPRINT_REFERENCE = text("UPDATE request_references SET print = CAST(:print AS uuid) WHERE request_id = :id")
_THOSE = """
    unnest(CAST(:ids AS bigint[]), CAST(:lines AS integer[])) AS those (request_id, line)
"""
_MOVE_UNREADABLE = text(f"""
    INSERT INTO other_identifiers (request_id, line, kind, print, key)
    SELECT subjects.request_id, subjects.line, own.kind, own.print, :old
    FROM subjects JOIN {_THOSE} USING (request_id, line)
    CROSS JOIN LATERAL (VALUES ('user_id', user_print), ('email', email_print), ('phone_number', phone_print))
        AS own (kind, print)
    WHERE own.print IS NOT NULL
    ON CONFLICT (request_id, line, kind, print) DO UPDATE SET key = excluded.key
""")
_CLEAR_UNREADABLE = text(f"""
    UPDATE subjects SET user_print = NULL, email_print = NULL, phone_print = NULL FROM {_THOSE}
    WHERE subjects.request_id = those.request_id AND subjects.line = those.line
""")
_ADVANCE = text("UPDATE keys SET at_request = :last_request, at_line = :last WHERE state = 'reprinting'")
