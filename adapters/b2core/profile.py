"""A person's profile at B2CORE during a conversation: what is known of it, the next step, how lists are read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
from pydantic_core import from_json, to_json

from adapters.contract import Answer, Person, UnreadableError, Verdict
from adapters.reading import read_json
from adapters.triage import NO_SEGMENT
from domain.outcomes import Reason

MOST_CONTACTS = 1_000
"""After so many deletions in one conversation the rest waits for the next: somebody may be adding contacts
meanwhile."""
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a person's profile at this point of the conversation."""

    profile_id: str = field(default="", repr=False)  # "" until found by uuid
    uuid: str = field(default="", repr=False)
    contacts: tuple[str, ...] = field(default=(), repr=False)  # listed and still to be deleted
    deleted: tuple[str, ...] = field(default=(), repr=False)  # deleted so far, as the vendor says
    met: bool = False  # the vendor showed it in this conversation, so a 404 now means that it is gone
    taken: bool = False  # its deletion was accepted for later (202)

    def as_text(self) -> str:
        """What `read_profile` reads: enough to look again later."""
        return to_json([self.profile_id, self.uuid, self.deleted, self.taken]).decode()


def read_profile(text: str) -> Profile:
    """Read a profile that was stored between two looks at it."""
    profile_id, uuid, deleted, taken = from_json(text)
    return Profile(profile_id, uuid, deleted=tuple(deleted), met=True, taken=taken)


def at_of(person: Person) -> Profile:
    """What is known of the profile by now."""
    if isinstance(person.carry, str):
        return read_profile(person.carry)
    at: Profile = person.carry or person.key
    return at


def path_of(step: str, at: Profile) -> str:
    """The path and query of a step, below `/profiles`."""
    if not at.profile_id:
        # Ask for more than one, to notice an ignored filter or a duplicate uuid. Encode the brackets: proxies refuse
        # them.
        return f"?limit=10&filter%5Buuid%5D={quote(at.uuid, safe='')}"
    profile = "/" + quote(at.profile_id, safe="")
    if step == "contacts":
        return f"{profile}/contacts"
    return f"{profile}/contacts/{quote(at.contacts[0], safe='')}" if step == "contact" else profile


def after_list(at: Profile, listed: Sequence[str]) -> Answer:
    """What follows a list of contacts. It may be one page of many: after a page is deleted, the list is read again from
    its beginning. Pages move up as contacts go, so no offset is needed, and a vendor may ignore it."""
    at = replace(at, contacts=tuple(one for one in dict.fromkeys(listed) if one not in at.deleted), met=True)
    if listed and not at.contacts:
        return look_again(at, "contacts")  # the vendor still shows what it said was deleted
    if len(at.deleted) >= MOST_CONTACTS:
        return Answer(Verdict.RETRY, Reason.BUSY)
    return Answer(Verdict.PROCEED, step="contact" if at.contacts else "profile", carry=at)


def after_contact(at: Profile) -> Answer:
    """After a contact was deleted: the next contact of this page, or a look for more."""
    at = replace(at, contacts=at.contacts[1:], deleted=(*at.deleted, at.contacts[0]))
    return Answer(Verdict.PROCEED, step="contact" if at.contacts else "contacts", carry=at)


def look_again(at: Profile, step: str) -> Answer:
    """The vendor is not done yet: look again at `step`."""
    return Answer(Verdict.WAITING, Reason.PENDING_AT_VENDOR, step=step, carry=at.as_text())


def is_same_uuid(theirs: object, ours: str) -> bool:
    """Whether the vendor's uuid is the one that we asked for."""
    if not isinstance(theirs, str):
        return False
    # A UUID may come back in the other case (RFC 9562 4). Any other id must be equal.
    return theirs == ours or (bool(UUID.fullmatch(ours)) and theirs.lower() == ours.lower())


def read_rows(response: httpx.Response) -> list[dict[str, Any]]:
    """The list of objects in an answer. Raises UnreadableError."""
    rows = read_json(response)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableError("an array of objects was expected")
    return rows


def read_id(row: dict[str, Any], name: str) -> str:
    """An id that can be a segment of a path. Raises UnreadableError."""
    value = row.get(name)
    if not isinstance(value, str) or value in NO_SEGMENT:
        raise UnreadableError("a row without its id")
    return value
