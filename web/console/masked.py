"""The people of a request as pages show them: masked, or as they are for who has asked."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from domain.masking import masked
from domain.requests import Subject
from ledger.desk.history import people_at
from ledger.requests.references import reference_of
from ledger.sealing import MasterKeys, UnsealError
from ledger.session import Connection


class Opened(NamedTuple):
    """What is sealed of a request: people by line, and what its submitter calls it."""

    people: Mapping[int, Subject]
    reference: str | None
    readable: bool = True
    """False where these master keys do not open it: one was given up. Everything else of the request is known."""

    def __repr__(self) -> str:
        return "Opened()"


def opened(connection: Connection, masters: MasterKeys, request_id: UUID, lines: Sequence[int]) -> Opened:
    """The people on these lines of a request, and its reference."""
    try:
        people = people_at(connection, masters, request_id, lines)
        return Opened(people, reference_of(connection, request_id, masters))
    except UnsealError:
        return Opened({}, None, readable=False)


class Shown(NamedTuple):
    """What is shown of a person: names of fields and their texts. `known`: there is somebody to show."""

    fields: tuple[tuple[str, str], ...]
    known: bool

    def __repr__(self) -> str:
        return "Shown()"


NAMES = {"user_id": "user id", "email": "e-mail", "phone_number": "phone"}


def shown(person: Subject | None, *, unmasked: bool) -> Shown:
    """A person's own identifiers, and which vendors have one of their own for them."""
    if person is None:
        return Shown((), known=False)
    fields = []
    for name, said in NAMES.items():
        value = person.get(name)
        if isinstance(value, str):
            fields.append((said, value if unmasked else masked(name, value)))
    vendors = person.get("vendors")
    if vendors and not fields:
        fields.append(("known at", ", ".join(sorted(vendors))))
    return Shown(tuple(fields), known=True)
