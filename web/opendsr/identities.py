"""Which OpenDSR identities find a person, and the people that a list of identities means."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from domain.folding import fold
from domain.refused_values import problem_of
from domain.requests import Email, Identifier, Phone, Subject, Text
from tasks.subjects import Fault

MOST_IDENTITIES = 50

FIELDS = {
    "controller_customer_id": "user_id",
    "email": "email",
    "phone_number": "phone_number",
    "mobile_number": "phone_number",
    "phone_number_2": "phone_number",
    "phone_number_3": "phone_number",
}
"""Identity type to our identifier of a person. The specification has none for phone numbers: these are the names of
mParticle's widely used extension, and `phone_number`."""

SUPPORTED = ("email", "controller_customer_id")
"""What discovery lists: those of the specification's own types that are used."""
_USED = ", ".join(FIELDS)

UNUSED = frozenset(
    {
        "android_advertising_id",
        "android_id",
        "fire_advertising_id",
        "ios_advertising_id",
        "ios_vendor_id",
        "microsoft_advertising_id",
        "microsoft_publisher_id",
        "roku_advertising_id",
        "roku_publisher_id",
        "roku_publishing_id",  # its name on mParticle's page
    }
)
"""Types of the specification (section 5.1) by which none of our vendors knows anybody: accepted, reported, and not
used."""


class Identity(NamedTuple):
    """One identity as given. `place`: its path in the body, safe to show; `value_place`: the path of its value."""

    type: str
    value: str
    place: str
    value_place: str

    def __repr__(self) -> str:
        return f"Identity(place={self.place})"


class IdentityError(Exception):
    """These identities find nobody. `faults`: what to change, and where."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("unusable identities")
        self.faults = faults


def subjects_of(given: Iterable[Identity]) -> tuple[tuple[Subject, ...], tuple[str, ...]]:
    """The people to look for, and the types of identities that are of no use.

    A person of ours has one identifier of each sort. Of several (two e-mail addresses), the second ones make a second
    person to look for, so that none is left out. Raises IdentityError.
    """
    found: dict[str, dict[str, str]] = {"user_id": {}, "email": {}, "phone_number": {}}
    unused: set[str] = set()
    faults: list[Fault] = []
    for number, identity in enumerate(given, start=1):
        if number > MOST_IDENTITIES:
            raise IdentityError([Fault("subject_identities", f"has more than {MOST_IDENTITIES} identities")])
        if not identity.value.strip() and (identity.type in FIELDS or identity.type in UNUSED):
            unused.add(identity.type)  # it says nothing, but the others may
            continue
        try:
            value = _VALUES[FIELDS.get(identity.type, "")].validate_python(identity.value)
        except ValidationError as error:
            said = problem_of(error.errors(include_input=False, include_url=False)[0])
            faults.append(Fault(identity.value_place, said))
            continue
        if identity.type in FIELDS:
            field = FIELDS[identity.type]
            found[field].setdefault(fold(field, value), value)
        elif identity.type in UNUSED:
            unused.add(identity.type)
        else:
            faults.append(Fault(identity.place, f"is of no known type; used are {_USED}"))
    if not faults and not any(found.values()):
        faults.append(Fault("subject_identities", f"nobody can be found: give one of {_USED}"))
    if faults:
        raise IdentityError(faults)
    return tuple(_people(found)), tuple(sorted(unused))


_VALUES: dict[str, TypeAdapter[str]] = {
    "user_id": TypeAdapter(Identifier),
    "email": TypeAdapter(Email),
    "phone_number": TypeAdapter(Phone),
    "": TypeAdapter(Text),
}


def _people(found: dict[str, dict[str, str]]) -> Iterable[Subject]:
    columns = {field: list(values.values()) for field, values in found.items()}
    for place in range(max(map(len, columns.values()))):
        subject: Subject = {}
        if place < len(columns["user_id"]):
            subject["user_id"] = columns["user_id"][place]
        if place < len(columns["email"]):
            subject["email"] = columns["email"][place]
        if place < len(columns["phone_number"]):
            subject["phone_number"] = columns["phone_number"][place]
        yield subject
