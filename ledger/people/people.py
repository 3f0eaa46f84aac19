"""People on their way into the ledger, sealed and fingerprinted, by COPY; and opened again, a block at a time."""

import struct
from array import array
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import blake2b
from io import BytesIO
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any, LiteralString, NamedTuple

import psycopg
from pydantic_core import to_json
from sqlalchemy import Connection, text

from domain.accounts import meant_by, vendor_of
from domain.crowds import MANY_REPEAT, Crowd
from domain.folding import fold, fold_email, fold_identifier
from domain.other_identifiers import other_identifiers
from domain.requests import Subject
from ledger.contexts import session_context, subject_context
from ledger.limits import unhurried
from ledger.people.crowds import Suspicion, crowds_among, crowds_in
from ledger.sealing import PRINT_BYTES, Fingerprinter, SealingKey

_BLOCK = 250
"""People that are sealed and sent together: enough to hide what each sending costs."""
_BLOCK_BYTES = 262_144
_DROPPED_AT_ONCE = 10_000
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_COPY_TRAILER = struct.pack("!h", -1)
_SUBJECT_HEAD = struct.Struct("!hiqiii")  # columns; length, request_id; length, line; length of what was sealed
_SESSION_HEAD = struct.Struct("!hiqiiihi")  # the same with a vendor_id between
_OTHER_HEAD = struct.Struct("!hiqiii")  # columns; length, request_id; length, line; length of the kind
_PRINT_HEAD = struct.pack("!i", PRINT_BYTES)
_NULL = struct.pack("!i", -1)


class Counted(NamedTuple):
    """What was taken in: lines read, those among them that repeat another one, a digest of all of it, and the crowds
    among them."""

    lines: int
    repeats: Sequence[int]
    digest: bytes
    crowds: tuple[Crowd, ...] = ()

    @property
    def people(self) -> int:
        """How many there are without the repeated ones."""
        return self.lines - len(self.repeats)


class Prints:
    """Fingerprints people as they pass, and digests the whole; `lines` is how many have passed."""

    def __init__(self, fingerprinter: Fingerprinter) -> None:
        self.fingerprinter = fingerprinter
        self.lines = 0
        self._digest = blake2b(digest_size=32)
        self._whole = fingerprinter.printer(b"whole")
        self._user_id = fingerprinter.printer(b"user_id")
        self._email = fingerprinter.printer(b"email")
        self._phone = fingerprinter.printer(b"phone_number")

    def of(self, subject: Subject) -> tuple[bytes, bytes | None, bytes | None, bytes | None]:
        """The prints of a whole person, user_id, e-mail and phone number: `whole` and `identifiers` at once."""
        user_id, email = subject.get("user_id"), subject.get("email")
        phone, vendors = subject.get("phone_number"), subject.get("vendors")
        if user_id and not user_id.isascii():
            user_id = fold_identifier(user_id)
        if email:
            email = fold_email(email)
        folded = _folded("vendors", vendors) if vendors else None
        whole = self._whole(to_json([user_id or None, email or None, phone, folded]))
        self.lines += 1
        self._digest.update(whole)
        return (
            whole,
            self._user_id(user_id.encode()) if user_id else None,
            self._email(email.encode()) if email else None,
            self._phone(phone.encode()) if phone else None,
        )

    def whole(self, subject: Subject) -> bytes:
        """The print of everything given of one person: equal for two lines that say the same."""
        return self.of(subject)[0]

    def identifiers(self, subject: Subject) -> tuple[bytes | None, bytes | None, bytes | None]:
        """The prints of user_id, e-mail and phone number."""
        user_id, email, phone = subject.get("user_id"), subject.get("email"), subject.get("phone_number")
        return (
            self._user_id(fold_identifier(user_id).encode()) if user_id else None,
            self._email(fold_email(email).encode()) if email else None,
            self._phone(phone.encode()) if phone else None,
        )

    def others(self, subject: Subject) -> list[tuple[str, bytes]]:
        """Kind and print of each identifier that only a vendor's block gives; nearly always none."""
        found = sorted(other_identifiers(subject)) if subject.get("vendors") else []
        return [(kind, self._other(kind, value.encode())) for kind, value in found]

    def _other(self, kind: str, value: bytes) -> bytes:
        match kind:
            case "user_id":
                return self._user_id(value)
            case "email":
                return self._email(value)
            case "phone_number":
                return self._phone(value)
        return self.fingerprinter.print_of(b"other", kind.encode() + b"\0" + value)

    def digest(self) -> bytes:
        """Keyed digest of all lines so far, in order."""
        return self.fingerprinter.print_of(b"content", self._digest.digest())


def _folded(name: str, value: Any) -> Any:
    """The same JSON with every object's keys in order and texts folded by their field; None for nothing."""
    if isinstance(value, dict):
        return {key: _folded(key, value[key]) for key in sorted(value)} or None
    return fold(name, value) if isinstance(value, str) else value


@dataclass
class Writer:
    """Turns people into rows of PostgreSQL's binary COPY, sessions aside."""

    request_id: int
    key: SealingKey
    prints: Prints
    session_vendors: Mapping[str, int] = field(default_factory=dict)
    """By name, the ids of vendors whose block in a subject is a session."""
    sessions: IO[bytes] = field(default_factory=BytesIO, repr=False)
    others: IO[bytes] = field(default_factory=BytesIO, repr=False)
    """Identifiers that only vendors' blocks give, as rows of COPY too: few people have any."""
    suspicion: Suspicion | None = field(default=None, repr=False)
    """Of the people given by `rows`."""
    lines: Counter[bytes] = field(default_factory=Counter, repr=False)
    """Of the people given by `records`: how many lines say the same."""

    def rows(self, people: Iterable[Subject]) -> Iterator[bytes]:
        numbered = enumerate(people, start=1)
        suspicion = self.suspicion = Suspicion()
        while block := list(islice(numbered, _BLOCK)):
            yield self._packed(block, suspicion)

    def _packed(self, block: list[tuple[int, Subject]], suspicion: Suspicion) -> bytes:
        plains = [to_json(self._without_sessions(line, subject)) for line, subject in block]
        contexts = [subject_context(self.request_id, line) for line, _ in block]
        prints = [self.prints.of(subject) for _, subject in block]
        suspicion.see(prints)
        pieces: list[bytes] = []
        for (line, subject), sealed, (whole, user_id, email, phone) in zip(
            block, self.key.seal_all(plains, contexts), prints, strict=True
        ):
            pieces += (
                _SUBJECT_HEAD.pack(7, 8, self.request_id, 4, line, len(sealed)),
                sealed,
                _PRINT_HEAD,
                whole,
                _NULL if user_id is None else _PRINT_HEAD + user_id,
                _NULL if email is None else _PRINT_HEAD + email,
                _NULL if phone is None else _PRINT_HEAD + phone,
            )
            if subject.get("vendors"):  # few have any, and a call for nothing costs one person in thirty
                self._keep_others(line, subject)
        return b"".join(pieces)

    def records(self, people: Iterable[Subject]) -> list[dict[str, Any]]:
        """The same for an INSERT by `json_to_recordset`, without those who repeat another one."""
        records = []
        for line, subject in enumerate(people, start=1):
            prints = self.prints.of(subject)
            self.lines[prints[0]] += 1
            if self.lines[prints[0]] == 1:
                records.append(self.record(line, subject, prints))
                self._keep_others(line, subject)
        return records

    def other_records(self, people: Sequence[Subject], lines: Container[int]) -> list[dict[str, Any]]:
        """The identifiers that only vendors' blocks give of the people on these lines, for an INSERT like `records`."""
        numbered = enumerate(people, start=1)
        return [other for line, subject in numbered if line in lines for other in self.others_of(line, subject)]

    def others_of(self, line: int, subject: Subject) -> list[dict[str, Any]]:
        """The same of one of them."""
        return [
            {"request_id": self.request_id, "line": line, "kind": kind, "print": a_print.hex()}
            for kind, a_print in self.prints.others(subject)
        ]

    def _keep_others(self, line: int, subject: Subject) -> None:
        for kind, a_print in self.prints.others(subject):
            name = kind.encode()
            self.others.write(_OTHER_HEAD.pack(4, 8, self.request_id, 4, line, len(name)) + name)
            self.others.write(_PRINT_HEAD + a_print)

    def record(
        self, line: int, subject: Subject, prints: tuple[bytes, bytes | None, bytes | None, bytes | None]
    ) -> dict[str, Any]:
        """One of them; `prints` is what `Prints.of` gives."""
        plain = to_json(self._without_sessions(line, subject))
        sealed = self.key.seal(plain, subject_context(self.request_id, line))
        hexed = (a_print.hex() if a_print else None for a_print in prints)
        return dict(zip(_PERSON_TYPES, (self.request_id, line, bytea(sealed), *hexed), strict=True))

    def _without_sessions(self, line: int, subject: Subject) -> Subject:
        vendors = subject.get("vendors")
        if not vendors:
            return subject
        for vendor, vendor_id in self.session_vendors.items():
            block = meant_by(vendor, vendors)
            if block is not None:
                sealed = self.key.seal(to_json(block), session_context(self.request_id, line, vendor_id))
                head = _SESSION_HEAD.pack(4, 8, self.request_id, 4, line, 2, vendor_id, len(sealed))
                self.sessions.write(head + sealed)
        return {**subject, "vendors": {name: block for name, block in vendors.items() if name not in self._kept_apart}}

    @cached_property
    def _kept_apart(self) -> frozenset[str]:
        """The blocks that are sessions: those of the accounts, and that of each vendor for all of its accounts."""
        return frozenset([*self.session_vendors, *map(vendor_of, self.session_vendors)])


def add_people(
    connection: Connection,
    request_id: int,
    people: Iterable[Subject],
    *,
    key: SealingKey,
    prints: Prints,
    session_vendors: Mapping[str, int],
) -> Counted:
    """Write people to the ledger as they come, sealed, in constant memory; identical ones are kept once.

    `session_vendors` (name to id): vendors whose block in a subject is a session, sealed apart. Whatever `people`
    raises leaves the caller's transaction to be rolled back.
    """
    with SpooledTemporaryFile(max_size=4_000_000) as sessions, SpooledTemporaryFile(max_size=4_000_000) as others:
        writer = Writer(request_id, key, prints, session_vendors, sessions, others)
        rest = iter(people)
        begin = list(islice(rest, FEW + 1))
        if len(begin) <= FEW:
            records = writer.records(begin)
            crowds = crowds_among(records, writer.lines)
            connection.execute(_INSERT_SUBJECTS, {"people": to_json(records).decode()})
            repeats = repeated_lines(prints.lines, records)
        else:
            unhurried(connection)  # a file takes as long as whoever sends it
            _copy(connection, _COPY_SUBJECTS, writer.rows(chain(begin, rest)))
        for statement, rows in ((_COPY_SESSIONS, sessions), (_COPY_OTHERS, others)):
            if rows.tell():
                rows.seek(0)
                _copy(connection, statement, iter(partial(rows.read, _BLOCK_BYTES), b""))
    if len(begin) > FEW:
        repeats, repeated = _drop_duplicates(connection, request_id)
        crowds = crowds_in(connection, request_id, prints.lines - len(repeats), writer.suspicion)
        crowds += [repeated] if repeated else []
    return Counted(prints.lines, repeats, prints.digest(), tuple(crowds))


def repeated_lines(lines: int, records: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    """Which of so many lines `Writer.records` has left out."""
    return sorted({*range(1, lines + 1)} - {record["line"] for record in records}) if len(records) < lines else ()


FEW = 1_000
"""Up to so many people take one statement; more take a COPY, which costs two more round trips and then is faster."""
_PERSON_TYPES = {
    "request_id": "bigint",
    "line": "integer",
    "sealed": "bytea",
    "whole_print": "uuid",
    "user_print": "uuid",
    "email_print": "uuid",
    "phone_print": "uuid",
}
PERSON = ", ".join(_PERSON_TYPES)
"""The columns of a person, in the order in which `Writer` gives them."""
PEOPLE = f"json_to_recordset(CAST(:people AS json)) AS people ({', '.join(map(' '.join, _PERSON_TYPES.items()))})"
"""What `Writer.records` gives, as JSON, in a FROM."""
OTHERS = """
    json_to_recordset(CAST(:others AS json)) AS others (request_id bigint, line integer, kind text, print uuid)
"""
"""What `Writer.other_records` gives, likewise."""


def bytea(raw: bytes) -> str:
    """As PostgreSQL reads bytes in JSON."""
    return f"\\x{raw.hex()}"


_INSERT_SUBJECTS = text(f"INSERT INTO subjects ({PERSON}) SELECT {PERSON} FROM {PEOPLE}")
_COPY_SUBJECTS = f"COPY subjects ({PERSON}) FROM STDIN (FORMAT binary)"
_COPY_SESSIONS = "COPY sessions (request_id, line, vendor_id, sealed) FROM STDIN (FORMAT binary)"
_COPY_OTHERS = "COPY other_identifiers (request_id, line, kind, print) FROM STDIN (FORMAT binary)"


def _copy(connection: Connection, statement: LiteralString, blocks: Iterable[bytes]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - for the type checker: session.connect chose the driver
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_COPY_HEADER)
        for block in blocks:
            copy.write(block)
        copy.write(_COPY_TRAILER)


def _drop_duplicates(connection: Connection, request_id: int) -> tuple[Sequence[int], Crowd | None]:
    """The lines that were dropped, and the crowd among those that say the same."""
    dropped = array("i")
    crowds = lines_of_crowds = most = 0
    # A cursor in the server: a file may say the same a million times.
    streaming = {"stream_results": True, "max_row_buffer": _DROPPED_AT_ONCE}
    repeated = connection.execute(_REPEATED, {"request_id": request_id}, execution_options=streaming)
    for rows in repeated.partitions(_DROPPED_AT_ONCE):
        lines = [row.line for row in rows]
        connection.execute(_DROP_SUBJECTS, {"request_id": request_id, "lines": lines})
        connection.execute(_DROP_SESSIONS, {"request_id": request_id, "lines": lines})
        connection.execute(_DROP_OTHERS, {"request_id": request_id, "lines": lines})
        dropped.extend(lines)
        for _, place in rows:
            if place >= MANY_REPEAT:
                crowds += place == MANY_REPEAT
                lines_of_crowds += MANY_REPEAT if place == MANY_REPEAT else 1
                most = max(most, place)
    return dropped, Crowd("line", crowds, lines_of_crowds, most) if crowds else None


# Asked before it is deleted: as one statement it is a join, and of people just copied in the planner knows nothing. It
# takes them for one, and sorts all of them again for each of them.
_REPEATED = text("""
    SELECT line, place
    FROM (SELECT line, row_number() OVER (PARTITION BY whole_print ORDER BY line) AS place
          FROM subjects WHERE request_id = :request_id) AS repeated
    WHERE place > 1
""")
_DROP_SUBJECTS = text("""
    DELETE FROM subjects WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
""")
_DROP_SESSIONS = text("""
    DELETE FROM sessions WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
""")
_DROP_OTHERS = text("""
    DELETE FROM other_identifiers WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
""")
