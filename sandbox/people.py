"""The people the vendors hold: subject records in the shape submitters send, read for seeding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# A person is marked by `"marks": [...]` in the record or by a user_id that starts with `<mark>-`, so that the
# same file can be seeded here and submitted there.
MARKS = {
    "apart": "Insider: one profile by uuid, another one by e-mail and phone number",
    "unknown": "Insider: no profile at all",
    "loyalty": "Akinon: profile-with-loyalty answers 202 and sends a code",
    "expired": "Akinon: the session given has ended",
    "stalecsrf": "Akinon: the csrf token given is outdated, a GET tells the new one",
    "nocookie": "Akinon: a GET tells no csrf token, /csrf_token/ does, in its body",
    "tokencookie": "Akinon: a GET tells no csrf token, /csrf_token/ does, in a cookie",
    "notoken": "Akinon: neither a GET nor /csrf_token/, which is not there, tells a csrf token",
    "older": "Akinon: an older shop, whose profiles have no whatsapp_allowed",
    "required": "Akinon: the shop requires a date of birth and a gender (USER_REQUIRED_FIELDS)",
    "pending": "B2CORE: deletion answers 202 and takes a while",
    "manycontacts": "B2CORE: sixty contacts, more than a page lists",
    "latecontact": "B2CORE: another contact is added while the first is being deleted",
    "conflict": "B2CORE: deletion and update answer 409",
}


@dataclass(frozen=True, slots=True)
class Person:
    """One person to be known to every vendor."""

    user_id: str | None
    email: str | None
    phone_number: str | None
    overrides: Mapping[str, Mapping[str, Any]]
    marks: frozenset[str] = field(default=frozenset())

    def given(self, vendor: str, name: str) -> Any:
        return self.overrides.get(vendor, {}).get(name)


def read_person(record: object) -> Person:
    """One subject record; raises ValueError that names the field, never the value."""
    if not isinstance(record, dict):
        raise ValueError("a person must be a JSON object")
    for name in ("user_id", "email", "phone_number"):
        if record.get(name) is not None and not isinstance(record[name], str):
            raise ValueError(f"{name} must be a string")
    overrides = record.get("vendors", {})
    if not isinstance(overrides, dict) or not all(isinstance(each, dict) for each in overrides.values()):
        raise ValueError("vendors must be an object of objects")
    marks = set(record.get("marks", []))
    if not marks <= set(MARKS):
        raise ValueError(f"marks must be among {', '.join(MARKS)}")
    user_id = record.get("user_id")
    if user_id and user_id.split("-")[0] in MARKS and "-" in user_id:
        marks.add(user_id.split("-")[0])
    return Person(user_id, record.get("email"), record.get("phone_number"), overrides, frozenset(marks))
