"""By what Insider knows a person: one identifier, or all that may lead to a profile."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from pydantic_core import to_json

from adapters.insider.settings import InsiderIdentifiers, Unifiers
from domain.requests import Subject

OWN_FIELDS = MappingProxyType({"uuid": "user_id", "email": "email", "phone_number": "phone_number"})
Key = tuple[str, ...]
"""("insider_id", …), ("uuid", …), ("custom", name, …), ("email", …) or ("phone_number", …)."""


@dataclass(frozen=True, slots=True)
class Known:
    """Every identifier by which a person is looked for, the strongest first."""

    keys: tuple[Key, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile of the vendor's: the identifier that found it, and its own id where the vendor told it."""

    key: Key = field(repr=False)
    insider_id: str = field(default="", repr=False)

    @property
    def name(self) -> Key:
        """How a record names it: by its own id nobody can be made who is not there."""
        return ("insider_id", self.insider_id) if self.insider_id else self.key


@dataclass(frozen=True, slots=True)
class Search:
    """How far the search for a person's profiles has come."""

    left: tuple[Key, ...] = field(repr=False)
    """Identifiers still to be asked about."""
    found: tuple[Profile, ...] = field(default=(), repr=False)
    asked: bool = False
    """Whether the vendor took one of the identifiers at least."""

    def next(self, *, asked: bool, profile: Profile | None = None) -> "Search":
        """After an answer about the first of `left`. Two identifiers may find one profile."""
        known = profile is None or any(profile.name == other.name for other in self.found)
        found = self.found if known or profile is None else (*self.found, profile)
        return Search(self.left[1:], found, self.asked or asked)


def strongest(known: InsiderIdentifiers, subject: Subject, order: Sequence[str]) -> Key | None:
    """The one identifier by which a person is addressed without looking."""
    if known.insider_id is not None:
        return ("insider_id", known.insider_id)
    if known.identifiers is not None and (key := next(_given(known.identifiers, order), None)):
        return key
    for sort in order:  # a large request comes by here for each of its people
        field_of_ours = OWN_FIELDS.get(sort)
        if field_of_ours and (value := subject.get(field_of_ours)):
            return sort, str(value)
    return None


def every(known: InsiderIdentifiers, subject: Subject, order: Sequence[str]) -> tuple[Key, ...]:
    """All identifiers that are known of a person and may find a profile: those of the vendor's block and our own."""
    keys: list[Key] = [("insider_id", known.insider_id)] if known.insider_id is not None else []
    sources = [source for source in (known.identifiers, _own(subject)) if source is not None]
    keys += [key for sort in order for source in sources for key in _given(source, [sort])]
    return tuple(dict.fromkeys(keys))


def fields_of(order: Sequence[str]) -> tuple[str, ...]:
    """The fields of a person in which those identifiers are given, and Insider's own id."""
    given = [OWN_FIELDS[sort] for sort in order if sort in OWN_FIELDS]
    return (*given, "vendors.insider.insider_id", *(f"vendors.insider.identifiers.{sort}" for sort in order))


def comparable(key: Key) -> tuple[str, str]:
    """An identifier as (kind, value); a uuid is our user_id."""
    kind = ".".join(key[:-1])
    return ("user_id" if kind == "uuid" else kind), key[-1]


def named(key: Key) -> bytes:
    """The part of a record that says who it is."""
    match key:
        case ("insider_id", value):
            return b'"insider_id":%b' % to_json(value)  # beside `identifiers`, not in it
        case ("custom", name, value):
            return b'"identifiers":%b' % to_json({"custom": {name: value}})
        case (name, value):
            return b'"identifiers":{"%b":%b}' % (name.encode(), to_json(value))
    raise ValueError("not a key of ours")


def _own(subject: Subject) -> Unifiers:
    return Unifiers.model_construct(
        uuid=subject.get("user_id"), email=subject.get("email"), phone_number=subject.get("phone_number"), custom={}
    )


def _given(known: Unifiers, order: Sequence[str]) -> Iterator[Key]:
    """What is known, in order; what identity resolution does not have would be ignored, and is left out."""
    for sort in order:
        name, _, custom = sort.partition(".")
        if name == "custom":
            yield from (("custom", one, value) for one, value in known.custom.items() if custom in ("", one))
        elif value := getattr(known, name):
            yield (name, value)
