"""Insider's profiles, found by their identifiers, and what each call does to one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.people import Person

Named = tuple[str, str]
"""An identifier: its kind (`uuid`, `email`, `phone_number`, `custom.<name>`, `insider_id`) and its value."""

HELD: dict[str, Any] = {
    "email_optin": True,
    "gdpr_optin": True,
    "sms_optin": True,
    "whatsapp_optin": True,
    "name": "Sample",
    "surname": "Person",
    "birthday": "1993-03-12T00:00:00Z",
    "gender": "female",
    "age": 33,
    "language": "en_US",
    "country": "SG",
    "city": "Singapore",
}
PII = ("gender", "birthday", "name", "surname", "age", "city", "country")
"""What the anonymize call deletes besides the identifiers (public)."""


@dataclass(slots=True)
class Profile:
    insider_id: str
    identifiers: dict[str, str]
    user_id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    effects: int = 0
    refusals: int = 0
    created: bool = False
    """Created by an upsert: before, Insider knew nobody by this identifier."""

    def fact(self) -> dict[str, Any]:
        return {
            "key": self.insider_id,
            "user_id": self.user_id,
            "effects": self.effects,
            "refusals": self.refusals,
            "created": self.created,
            "identifiers": self.identifiers,
            "attributes": self.attributes,
            "custom": self.custom,
            # "True or empty = Insider may interact with the user" (page)
            "flags_on": [name for name, value in self.attributes.items() if name.endswith("_optin") and value],
            "may_interact": self.attributes.get("gdpr_optin") is not False,
        }

    def shown(self, names: list[str]) -> dict[str, Any]:
        """The profile call's answer: of what was asked for, what is held, and always the `iid`."""
        held: dict[str, Any] = {**self.attributes, **self.identifiers}
        held |= {f"c_{name}": value for name, value in self.custom.items()}
        if "gdpr_optin" in held:
            held["gdpr"] = held.pop("gdpr_optin")  # it is returned under this name (a third party's notes)
        wanted = {"gdpr" if name == "gdpr_optin" else name for name in names}
        return {**{name: held[name] for name in held if "*" in wanted or name in wanted}, "iid": self.insider_id}


class Profiles:
    """Every profile, found by each of its identifiers."""

    def __init__(self) -> None:
        self._profiles: dict[str, Profile] = {}
        self._index: dict[Named, Profile] = {}
        self._seeded: dict[str, list[Profile]] = {}
        self._made = 0

    def __iter__(self) -> Iterator[Profile]:
        return iter(list(self._profiles.values()))

    def find(self, named: Named) -> Profile | None:
        return self._index.get(named)

    def create(self, named: Named) -> Profile:
        """An upsert for somebody whom Insider does not know."""
        return self._keep(Profile(self._make_id(), {named[0]: named[1]}, created=True))

    def admit(self, person: Person, given: Mapping[str, Any], insider_id: str | None) -> None:
        """Hold this person's data, in one profile or in two."""
        for former in self._seeded.pop(person.user_id or "", []):
            self.forget(former)
        if "unknown" in person.marks:
            return
        own = {"uuid": person.user_id, "email": person.email, "phone_number": person.phone_number}
        others = dict(given)
        custom = {f"custom.{kind}": value for kind, value in others.pop("custom", {}).items()}
        identifiers = {kind: value for kind, value in (own | others | custom).items() if value}
        strong = {kind: identifiers[kind] for kind in identifiers if kind not in ("email", "phone_number")}
        weak = {kind: identifiers[kind] for kind in identifiers if kind not in strong}
        parts = [strong, weak] if "apart" in person.marks and strong and weak else [identifiers]
        for part in parts:
            profile = Profile(insider_id or self._make_id(), part, person.user_id, {**HELD, "list_id": [1, 2, 3]})
            profile.custom["custom_string_attribute"] = "value"
            profile.custom["custom_array_attribute"] = ["value1", "value2", "value3"]
            self._keep(profile)
            insider_id = None
            if person.user_id:
                self._seeded.setdefault(person.user_id, []).append(profile)

    def forget(self, profile: Profile) -> None:
        self._profiles.pop(profile.insider_id, None)
        for named in [("insider_id", profile.insider_id), *profile.identifiers.items()]:
            self._unlink(profile, named)

    def anonymize(self, profile: Profile) -> None:
        """Remove the identifiers and all PII, and keep the profile."""
        for kind in list(profile.identifiers):
            self._unlink(profile, (kind, profile.identifiers.pop(kind)))
        for name in PII:
            profile.attributes.pop(name, None)

    def drop_identifier(self, profile: Profile, kind: str) -> None:
        """Remove one identifier, unless it is the last: that one stays, and nothing says so (public)."""
        if kind in profile.identifiers and len(profile.identifiers) > 1:
            self._unlink(profile, (kind, profile.identifiers.pop(kind)))

    def _make_id(self) -> str:
        self._made += 1
        return f"insider-{self._made}"

    def _keep(self, profile: Profile) -> Profile:
        self._profiles[profile.insider_id] = profile
        self._index["insider_id", profile.insider_id] = profile
        for named in profile.identifiers.items():
            self._index.setdefault(named, profile)
        return profile

    def _unlink(self, profile: Profile, named: Named) -> None:
        if self._index.get(named) is profile:
            del self._index[named]
