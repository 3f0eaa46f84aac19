"""People as rows of the ledger, sealed and fingerprinted: for a COPY of many, and for one statement with few."""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from itertools import chain, repeat
from typing import IO, Any

from pydantic_core import to_json

from domain.accounts import meant_by, vendor_of
from domain.blocks import in_blocks
from domain.requests import Subject
from ledger.contexts import session_context, subject_context, subject_contexts
from ledger.people.crowds import Suspicion
from ledger.people.prints import Prints, PrintsOfOne
from ledger.sealing import PRINT_BYTES, SealingKey

_BLOCK = 250
"""People sealed and sent together: enough to make the cost of each sending negligible."""
_SUBJECT_HEAD = struct.Struct("!hiqiii")  # columns; length, request_id; length, line; length of what was sealed
_SESSION_HEAD = struct.Struct("!hiqiiihi")  # the same with a vendor_id between
_OTHER_HEAD = struct.Struct("!hiqiii")  # columns; length, request_id; length, line; length of the kind
_KEY = struct.Struct("!ih")
_PRINT_HEAD = struct.pack("!i", PRINT_BYTES)
_NULL = struct.pack("!i", -1)


@dataclass
class Writer:
    """Turns people into rows of PostgreSQL's binary COPY, sessions aside."""

    request_id: int
    key: SealingKey
    prints: Prints
    besides: Sequence[Prints] = ()
    """By older keys: how these people are to be found too, beside those who are found by them alone."""
    session_vendors: Mapping[str, int] = field(default_factory=dict)
    """By name, the ids of vendors whose block in a subject is a session."""
    sessions: IO[bytes] = field(default_factory=BytesIO, repr=False)
    others: IO[bytes] = field(default_factory=BytesIO, repr=False)
    """Identifiers that only vendors' blocks give, as rows for COPY too: few people have any."""
    suspicion: Suspicion | None = field(default=None, repr=False)
    """Counts the people given by `rows`."""
    lines: Counter[bytes] = field(default_factory=Counter, repr=False)
    """Counts identical lines of the people given by `records`."""

    def rows(self, people: Iterable[Subject]) -> Iterator[bytes]:
        """Rows of the columns PERSON, many together."""
        suspicion = self.suspicion = Suspicion()
        first = 1
        for block in in_blocks(people, _BLOCK):
            yield self._packed(range(first, first + len(block)), block, suspicion)
            first += len(block)

    def _packed(self, lines: range, block: list[Subject], suspicion: Suspicion) -> bytes:
        # Few people have a vendor's block, and a needless call costs a thirtieth of a person.
        plains = [
            to_json(self._without_sessions(line, subject) if "vendors" in subject else subject)
            for line, subject in zip(lines, block, strict=True)
        ]
        sealed = self.key.seal_all(plains, subject_contexts(self.request_id, lines))
        prints = self.prints.of_all(block)
        suspicion.see(prints)
        pack, request_id = _SUBJECT_HEAD.pack, self.request_id
        heads = [pack(7, 8, request_id, 4, line, len(one)) for line, one in zip(lines, sealed, strict=True)]
        fields = (field for column in prints for field in _print_fields(column))
        rows = b"".join(chain.from_iterable(zip(heads, sealed, *fields)))  # noqa: B905 - what repeats has no length
        for line, subject in zip(lines, block, strict=True):
            if "vendors" in subject or self.besides:
                self._keep_others(line, subject)
        return rows

    def records(self, people: Sequence[Subject]) -> list[dict[str, Any]]:
        """The same for an INSERT by `json_to_recordset`, without repeated people."""
        records = []
        for line, (subject, prints) in enumerate(zip(people, self.prints.of_all(people).each(), strict=True), start=1):
            self.lines[prints.whole] += 1
            if self.lines[prints.whole] == 1:
                records.append(self.record(line, subject, prints))
                self._keep_others(line, subject)
        return records

    def others_of(self, line: int, subject: Subject) -> list[dict[str, Any]]:
        """The identifiers that only vendors' blocks give of one of them, and those by older keys, for an INSERT like
        `records`."""
        return [
            {"request_id": self.request_id, "line": line, "kind": kind, "print": a_print.hex(), "key": key}
            for kind, a_print, key in self._others(subject)
        ]

    def _others(self, subject: Subject) -> Iterator[tuple[str, bytes, int | None]]:
        yield from ((kind, a_print, None) for kind, a_print in self.prints.others(subject))
        for older in self.besides:
            yield from ((kind, a_print, older.fingerprinter.number) for kind, a_print in older.all_of(subject))

    def _keep_others(self, line: int, subject: Subject) -> None:
        for kind, a_print, key in self._others(subject):
            name = kind.encode()
            self.others.write(_OTHER_HEAD.pack(5, 8, self.request_id, 4, line, len(name)) + name)
            self.others.write(_PRINT_HEAD + a_print + (_NULL if key is None else _KEY.pack(2, key)))

    def record(self, line: int, subject: Subject, prints: PrintsOfOne) -> dict[str, Any]:
        """One of them."""
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


def _print_fields(column: Sequence[bytes | None]) -> Sequence[Iterable[bytes]]:
    """A column of prints as columns of pieces of COPY: lengths and prints."""
    given = [a_print for a_print in column if a_print is not None]
    if len(given) == len(column):  # usually
        return repeat(_PRINT_HEAD), given
    return ([_NULL if a_print is None else _PRINT_HEAD + a_print for a_print in column],)


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
"""The columns of a person, in `Writer`'s order."""
PEOPLE = f"json_to_recordset(CAST(:people AS json)) AS people ({', '.join(map(' '.join, _PERSON_TYPES.items()))})"
"""A FROM that reads the JSON of `Writer.records`."""
OTHERS = """
    json_to_recordset(CAST(:others AS json))
        AS others (request_id bigint, line integer, kind text, print uuid, key smallint)
"""
"""What `Writer.others_of` gives, likewise."""


def bytea(raw: bytes) -> str:
    """Bytes in the form that PostgreSQL reads from JSON."""
    return f"\\x{raw.hex()}"
