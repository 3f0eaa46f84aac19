"""A B2CORE profile, and how the list of profiles is filtered, sorted and paged."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from sandbox.exchange import Call, RefusedError, has_strangers

BORN = "2021-01-01T00:00:00+00:00"
SORTABLE = ("createTime", "enabled", "firstName", "lastName", "middleName", "name", "profileId", "updateTime")
# The page's list says profileFirstName, its example filter[firstName]: both are accepted.
FILTERS = {name: name for name in ("enabled", "name", "uuid", "firstName", "lastName", "middleName")} | {
    f"profile{name}": name[0].lower() + name[1:] for name in ("FirstName", "LastName", "MiddleName")
}
FILTER = re.compile(r"filter\[(\w+)\]")


@dataclass(slots=True)
class Profile:
    profile_id: str
    user_id: str | None  # of the person seeded
    marks: frozenset[str]
    fields: dict[str, Any]
    contacts: dict[str, tuple[str, str]] = field(default_factory=dict)
    uuid: str | None = None
    gone_at: float | None = None  # monotonic seconds
    effects: int = 0
    deletions: int = 0
    grown: bool = False  # a contact was added meanwhile

    def is_gone(self, now: float) -> bool:
        return self.gone_at is not None and self.gone_at <= now


@dataclass(frozen=True, slots=True)
class Query:
    """The query parameters of a list; `filters` by the name of the profile's field."""

    filters: Mapping[str, str]
    sort_by: str | None
    descending: bool
    limit: int
    offset: int

    def select(self, profiles: list[Profile], wanted: Mapping[str, str]) -> list[Profile]:
        for name, value in wanted.items():
            profiles = [profile for profile in profiles if as_query(show(profile)[name]) == value]
        if self.sort_by is not None:
            name = self.sort_by
            profiles = sorted(profiles, key=lambda profile: str(show(profile)[name]))
        if self.descending:
            profiles = profiles[::-1]
        return profiles[self.offset : self.offset + self.limit]


def read_page(call: Call, refuse: Callable[[str], RefusedError], size: int) -> tuple[int, int]:
    """`limit` and `offset`; no page is longer than `size`."""
    given = read_pairs(call, refuse)
    limit, offset = given.get("limit", str(size)), given.get("offset", "0")
    if not (is_count(limit) and is_count(offset)):
        raise refuse("query")
    return min(int(limit), size), int(offset)


def read_pairs(call: Call, refuse: Callable[[str], RefusedError]) -> dict[str, str]:
    try:
        return dict(parse_qsl(call.query, keep_blank_values=True, strict_parsing=bool(call.query), errors="strict"))
    except ValueError:
        raise refuse("query") from None


def read_query(call: Call, refuse: Callable[[str], RefusedError]) -> Query:
    given = read_pairs(call, refuse)
    if "[" in call.query or "]" in call.query:
        call.note("brackets_not_encoded")
    filters = {found[1]: given.pop(name) for name in list(given) if (found := FILTER.fullmatch(name))}
    if has_strangers(given, ("limit", "offset", "sort_by", "sort_order")) or has_strangers(filters, FILTERS):
        call.note("unknown_query")  # ignored, as such APIs do: everyone is returned
    limit, offset = given.get("limit", "10"), given.get("offset", "0")
    sort_by = given.get("sort_by")
    if not (is_count(limit) and is_count(offset)) or (sort_by is not None and sort_by not in SORTABLE):
        raise refuse("query")
    known = {FILTERS[name]: value for name, value in filters.items() if name in FILTERS}
    return Query(known, sort_by, given.get("sort_order") == "desc", int(limit), int(offset))


def is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def as_query(value: object) -> str:
    """How a value reads in a filter: booleans are 1 and 0 (page's example)."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def show_contact(contact_id: str, profile: Profile) -> dict[str, Any]:
    key, value = profile.contacts[contact_id]
    return {
        "contactId": contact_id,
        "key": key,
        "value": value,
        "createTime": BORN,
        "updateTime": BORN,
        "uuid": None,
    }


def show(profile: Profile) -> dict[str, Any]:
    names = [profile.fields[name] for name in ("firstName", "middleName", "lastName")]
    return {
        "profileId": profile.profile_id,
        "contacts": [show_contact(contact_id, profile) for contact_id in profile.contacts],
        **profile.fields,
        "name": " ".join(name for name in names if name),
        "tags": [],
        "createTime": BORN,
        "updateTime": BORN,
        "uuid": profile.uuid,
    }
