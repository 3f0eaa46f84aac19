"""Reads the facts of an answer from the ledger."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from uuid import UUID

from adapters.registry import adapter_named
from answers.facts import Deed, Ending, Evidence, Facts, Recipient
from answers.masking import shown_in_part
from domain.by_hand import ByHand
from domain.regulations import Regulation
from domain.requests import Kind
from ledger import by_hand
from ledger.desk import endings, history
from ledger.desk.endings import Closing, Ended
from ledger.desk.status import Status
from ledger.evidence.references import reference_of
from ledger.sealing import MasterKeys, UnsealError
from ledger.session import Connection

MOST_DEEDS = 100
NOBODY_BY_HAND: Mapping[str, ByHand] = MappingProxyType({})


class NoAnswerError(Exception):
    """There is no answer about this person. The message says why, and what can be told instead."""


class NoSuchPersonError(NoAnswerError):
    """Nobody stands on this line."""

    def __init__(self) -> None:
        super().__init__("nobody stands on this line of the request; an export of it names its lines")


FORGOTTEN = (
    "the people of this request are forgotten: their identifiers have been destroyed, so nobody can say who was on "
    "which line. The answer for the whole request still tells how many were what"
)
UNREADABLE = (
    "the people of this request cannot be read with these master keys: give the keys that it was sealed under "
    "(CONSENT_MASTER_KEYS). The answer for the whole request works without them"
)


def facts_of(connection: Connection, public_id: UUID, *, deeds: bool) -> Facts | None:
    """The facts of a request, without anybody's identifiers; None where there is no such request."""
    found = endings.status_and_closing(connection, public_id)
    if found is None:
        return None
    status, closing = found
    ended = endings.endings_of(connection, closing.id, status)
    return _facts(connection, status, closing, ended, deeds=deeds)


def facts_of_person(
    connection: Connection, masters: MasterKeys, public_id: UUID, line: int, *, deeds: bool
) -> Facts | None:
    """The facts of the person on this line; None where there is no such request. Raises NoAnswerError where the person
    cannot be read."""
    found = endings.status_and_closing(connection, public_id)
    if found is None:
        return None
    status, closing = found
    if closing.forgotten or status.dropped:
        raise NoAnswerError(FORGOTTEN)
    try:
        person = history.people_at(connection, masters, public_id, [line]).get(line)
    except UnsealError:
        raise NoAnswerError(UNREADABLE) from None
    ended = endings.endings_of_person(connection, closing.id, line)
    if person is None:  # forgotten, though others of the request still wait, or never there
        raise NoAnswerError(FORGOTTEN) if ended else NoSuchPersonError
    facts = _facts(connection, status, closing, ended, deeds=deeds)
    return replace(facts, people=1, line=line, person=shown_in_part(person, title_of))


def title_of(vendor: str, by_hand: Mapping[str, ByHand] = NOBODY_BY_HAND) -> str:
    """The name of a recipient as a person reads it: the company, with the account where there are several; `by_hand`:
    those without an API."""
    if vendor in by_hand:
        return by_hand[vendor].title
    adapter = adapter_named(vendor)
    _, _, account = vendor.partition("@")
    title = vendor if adapter is None else adapter.card.recipient or adapter.card.title
    return f"{title} ({account})" if account and adapter is not None else title


def _recipients(ended: list[Ended], titles: Callable[[str], str]) -> tuple[Recipient, ...]:
    by_vendor: dict[str, list[Ending]] = {}
    for one in ended:
        by_vendor.setdefault(one.vendor, []).append(Ending(*one[1:]))
    found = []
    for vendor, their in by_vendor.items():
        adapter = adapter_named(vendor)
        found.append(Recipient(vendor, titles(vendor), adapter.card if adapter is not None else None, tuple(their)))
    return tuple(found)


def _facts(connection: Connection, status: Status, closing: Closing, ended: list[Ended], *, deeds: bool) -> Facts:
    titles = partial(title_of, by_hand=by_hand.recipients(connection))
    notes = history.notes_of(connection, status.request_id, MOST_DEEDS + 1) if deeds else []
    return Facts(
        request_id=status.request_id,
        kind=Kind(status.kind),
        status=status.status,
        regulation=Regulation(status.regulation),
        people=status.subjects,
        asked_at=status.asked_at,
        received_at=status.received_at,
        due_at=status.due_at,
        as_of=status.now,
        recipients=_recipients(ended, titles),
        closed_at=closing.closed_at,
        extended_from=closing.extended_from,
        due_reason=status.due_reason,
        submitted_by=status.submitted_by,
        confirmed_by=status.confirmed_by,
        deeds=tuple(
            Deed(note.at, note.by, note.deed, titles(note.vendor) if note.vendor else None, note.because)
            for note in reversed(notes[:MOST_DEEDS])
        ),
        more_deeds=len(notes) > MOST_DEEDS,
        forgotten=closing.forgotten or status.dropped,
        evidence=_evidence(connection, status, closing),
    )


def _evidence(connection: Connection, status: Status, closing: Closing) -> Evidence | None:
    found = reference_of(connection, closing.id, status.request_id)
    return Evidence(found.log, found.entry, b64encode(found.root).decode()) if found is not None else None
