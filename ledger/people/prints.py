"""Keyed fingerprints of people: of everything given of one, and of each identifier by which people are found."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic_core import to_json

from domain.folding import fold, fold_email, fold_identifier
from domain.other_identifiers import other_identifiers
from domain.requests import Kind, Subject
from domain.suppression import Identifiers
from ledger.sealing import Fingerprinter

KNOWN_OF_LINES = """
    SELECT people.line, own.field, own.print
    FROM subjects AS people CROSS JOIN LATERAL (
        VALUES ('user_id', user_print), ('email', email_print), ('phone_number', phone_print)) AS own (field, print)
    WHERE people.request_id = :request_id AND people.line = ANY(CAST(:lines AS integer[])) AND own.print IS NOT NULL
    UNION ALL
    SELECT line, kind, print FROM other_identifiers
    WHERE request_id = :request_id AND line = ANY(CAST(:lines AS integer[]))
"""
"""A query: line, field and fingerprint of every identifier of these people of a request."""


class PrintsOfOne(NamedTuple):
    """The fingerprints of a whole person, and of the identifiers that are given."""

    whole: bytes
    user_id: bytes | None
    email: bytes | None
    phone_number: bytes | None


class PrintsOfMany(NamedTuple):
    """The same for many, by column."""

    whole: list[bytes]
    user_id: list[bytes | None]
    email: list[bytes | None]
    phone_number: list[bytes | None]

    def each(self) -> Iterator[PrintsOfOne]:
        """One by one."""
        return map(PrintsOfOne, *self)


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

    def of(self, subject: Subject) -> PrintsOfOne:
        """The fingerprints of one person: `whole` and `identifiers` at once."""
        return next(self.of_all([subject]).each())

    def of_all(self, subjects: Sequence[Subject]) -> PrintsOfMany:
        """The same for many, in order. Computed by column, which takes a tenth less time."""
        user_ids = [fold_identifier(user_id) if (user_id := subject.get("user_id")) else None for subject in subjects]
        emails = [fold_email(email) if (email := subject.get("email")) else None for subject in subjects]
        phones = [subject.get("phone_number") for subject in subjects]
        vendors = [_folded("vendors", given) if (given := subject.get("vendors")) else None for subject in subjects]
        user_ids = [
            user_id if user_id is None or user_id.isascii() else fold_identifier(user_id) for user_id in user_ids
        ]
        print_whole, print_user_id, print_email, print_phone = self._whole, self._user_id, self._email, self._phone
        wholes = [print_whole(to_json(given)) for given in zip(user_ids, emails, phones, vendors, strict=True)]
        self.lines += len(wholes)
        self._digest.update(b"".join(wholes))
        return PrintsOfMany(
            wholes,
            [print_user_id(user_id.encode()) if user_id else None for user_id in user_ids],
            [print_email(email.encode()) if email else None for email in emails],
            [print_phone(phone.encode()) if phone else None for phone in phones],
        )

    def whole(self, subject: Subject) -> bytes:
        """The fingerprint of everything given of one person: equal for two identical lines."""
        return self.of(subject).whole

    def identifiers(self, subject: Subject) -> tuple[bytes | None, bytes | None, bytes | None]:
        """The prints of user_id, e-mail and phone number."""
        user_id, email, phone = subject.get("user_id"), subject.get("email"), subject.get("phone_number")
        return (
            self._user_id(fold_identifier(user_id).encode()) if user_id else None,
            self._email(fold_email(email).encode()) if email else None,
            self._phone(phone.encode()) if phone else None,
        )

    def others(self, subject: Subject) -> list[tuple[str, bytes]]:
        """Kind and fingerprint of each identifier that only a vendor's block gives; usually none."""
        found = sorted(other_identifiers(subject)) if subject.get("vendors") else []
        return [(kind, self._other(kind, value.encode())) for kind, value in found]

    def all_of(self, subject: Subject) -> list[tuple[str, bytes]]:
        """Kind and fingerprint of each identifier of a person."""
        own = zip(("user_id", "email", "phone_number"), self.identifiers(subject), strict=True)
        return [*((name, a_print) for name, a_print in own if a_print), *self.others(subject)]

    def every(self, subject: Subject) -> Identifiers:
        """All identifiers of a person by all keys, as the suppression list knows them."""
        return frozenset(one for each in self._by(self.fingerprinter.every) for one in each.all_of(subject))

    def to_look_for(self, subject: Subject) -> list[tuple[bytes | None, bytes | None, bytes | None]]:
        """`identifiers` by each key under which somebody who can be read may be found."""
        return [each.identifiers(subject) for each in self._by(self.fingerprinter.of_readable)]

    def besides(self, kind: Kind) -> list["Prints"]:
        """By the older keys by which the people of a new request of this kind are to be found too: those by which
        others are found alone; of an opt-in every one, as erasures of people who were forgotten can be found by no
        other."""
        return self._by(one for one in self.fingerprinter.older if one.everybodys or kind is Kind.OPT_IN)

    def _by(self, keys: Iterable[Fingerprinter]) -> list["Prints"]:
        return [self if one is self.fingerprinter else Prints(one) for one in keys]

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
    """The same JSON with every object's keys sorted and texts folded by their field; None for nothing."""
    if isinstance(value, dict):
        return {key: _folded(key, value[key]) for key in sorted(value)} or None
    return fold(name, value) if isinstance(value, str) else value
