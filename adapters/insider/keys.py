"""How Insider identifies a person: by one identifier, or by all that may lead to a profile."""

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
    """Every identifier that a person is looked up by, the strongest first."""

    keys: tuple[Key, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile at the vendor: the identifier that found it, and its own id where the vendor gave one."""

    key: Key = field(repr=False)
    insider_id: str = field(default="", repr=False)

    @property
    def name(self) -> Key:
        """How a record names it. By its own id no profile can be created."""
        return ("insider_id", self.insider_id) if self.insider_id else self.key


@dataclass(frozen=True, slots=True)
class Search:
    """The progress of the search for a person's profiles."""

    left: tuple[Key, ...] = field(repr=False)
    """Identifiers still to ask about."""
    found: tuple[Profile, ...] = field(default=(), repr=False)
    asked: bool = False
    """Whether the vendor accepted at least one of the identifiers."""

    def next(self, *, asked: bool, profile: Profile | None = None) -> "Search":
        """The progress after an answer about the first of `left`. Two identifiers may find one profile."""
        known = profile is None or any(profile.name == other.name for other in self.found)
        found = self.found if known or profile is None else (*self.found, profile)
        return Search(self.left[1:], found, self.asked or asked)


def strongest(known: InsiderIdentifiers, subject: Subject, order: Sequence[str]) -> Key | None:
    """The one identifier that addresses a person without a lookup."""
    if known.insider_id is not None:
        return ("insider_id", known.insider_id)
    if known.identifiers is not None and (key := next(_given(known.identifiers, order), None)):
        return key
    for sort in order:  # called for each person of a large request
        field_of_ours = OWN_FIELDS.get(sort)
        if field_of_ours and (value := subject.get(field_of_ours)):
            return sort, str(value)
    return None


def every(known: InsiderIdentifiers, subject: Subject, order: Sequence[str]) -> tuple[Key, ...]:
    """All known identifiers of a person that may find a profile: those of the vendor's block and our own."""
    keys: list[Key] = [("insider_id", known.insider_id)] if known.insider_id is not None else []
    sources = [source for source in (known.identifiers, _own(subject)) if source is not None]
    keys += [key for sort in order for source in sources for key in _given(source, [sort])]
    return tuple(dict.fromkeys(keys))


def fields_of(order: Sequence[str]) -> tuple[str, ...]:
    """The fields of a person with those identifiers, and with Insider's own id."""
    given = [OWN_FIELDS[sort] for sort in order if sort in OWN_FIELDS]
    return (*given, "vendors.insider.insider_id", *(f"vendors.insider.identifiers.{sort}" for sort in order))


def comparable(key: Key) -> tuple[str, str]:
    """An identifier as (kind, value). A uuid is our user_id."""
    kind = ".".join(key[:-1])
    return ("user_id" if kind == "uuid" else kind), key[-1]


def named(key: Key) -> bytes:
    """The part of a record that names the profile."""
    match key:
        case ("insider_id", value):
            return b'"insider_id":%b' % to_json(value)  # beside `identifiers`, not inside
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
    """The known identifiers, in order, without those that identity resolution does not use: they would be ignored."""
    for sort in order:
        name, _, custom = sort.partition(".")
        if name == "custom":
            yield from (("custom", one, value) for one, value in known.custom.items() if custom in ("", one))
        elif value := getattr(known, name):
            yield (name, value)
