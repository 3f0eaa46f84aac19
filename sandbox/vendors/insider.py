"""Insider: delete attributes and upsert users, up to 1,000 a call (insider.txt; upsert: CONTRACTS.md)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

from sandbox.accounts import Accounts
from sandbox.exchange import Answer, Call, RefusedError, answer_json, has_strangers
from sandbox.people import Person
from sandbox.vendors.insider_users import UnfitError, check_erasure, check_upsert, is_boolean, read_names

DELETE, UPSERT = "/api/user/v1/attribute/delete", "/api/user/v1/upsert"
MAX_USERS, MAX_BYTES = 1_000, 5_000_000
HELD: dict[str, Any] = {
    "email_optin": True,
    "gdpr_optin": True,
    "sms_optin": True,
    "name": "Sample",
    "surname": "Person",
    "birthday": "1993-03-12T00:00:00Z",
    "gender": "female",
    "age": 33,
    "language": "en_US",
    "country": "SG",
    "city": "Singapore",
}


@dataclass(slots=True)
class Profile:
    insider_id: str
    identifiers: dict[str, str]
    user_id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    effects: int = 0
    refusals: int = 0


class Insider:
    """One rate limit for both operations; an upsert creates users that do not exist."""

    name: ClassVar = "insider"
    limit: ClassVar = 25_000

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.clear()

    def clear(self) -> None:
        self._profiles: dict[str, Profile] = {}
        self._index: dict[tuple[str, str], Profile] = {}
        self._seeded: dict[str, Profile] = {}
        self._made = 0
        self._revoked = False

    def answer(self, call: Call) -> Answer:
        if call.path not in (DELETE, UPSERT):
            raise RefusedError(say(404, "Not found."), "path")
        if call.method != "POST":
            raise RefusedError(say(405, "Method not allowed."), "method")
        self._authorize(call)
        if len(call.body) > MAX_BYTES:
            raise refuse("body_bytes")
        payload = call.json_object(refuse)
        if has_strangers(payload, ("users",) if call.path == DELETE else ("users", "skip_hook")):
            raise refuse("unknown_field")
        if not is_boolean(payload.get("skip_hook", True)):
            raise refuse("skip_hook")
        users = payload.get("users")
        if not isinstance(users, list) or not users:
            raise refuse("users_required")
        if len(users) > MAX_USERS:
            raise refuse("batch_size")
        return self._process(call, users)

    def _authorize(self, call: Call) -> None:
        partner = call.headers.get("X-PARTNER-NAME", "")
        if partner != self._accounts.insider_partner_name:
            raise RefusedError(
                say(400, "Partner is invalid."),
                "partner_case" if partner != partner.lower() else "partner_name",
            )
        known = call.headers.get("X-REQUEST-TOKEN") == self._accounts.insider_request_token
        if self._revoked or not known:
            message = "Access Denied. You do not have sufficient access to perform this action."
            raise RefusedError(say(403, message), None if known else "request_token")

    def _process(self, call: Call, users: list[Any]) -> Answer:
        apply = erase if call.path == DELETE else upsert
        fit: dict[int, tuple[str, str]] = {}
        errors: dict[str, list[str]] = {}
        for n, user in enumerate(users):
            try:
                fit[n] = self._check(user, call)
            except UnfitError as unfit:
                errors[f"users.{n}{unfit.place}"] = ["The given data is invalid."]
                if unfit.rule:
                    call.note(unfit.rule)
        # A poisoned record spoils the whole call and the message names nobody: the sender has to bisect.
        if any(call.is_poison(named[1], self._user_id(named)) for named in fit.values()):
            raise RefusedError(say(400, "The given data was invalid."))
        for n in pick_victims(call, sorted(fit)):
            errors[f"users.{n}.identifiers"] = ["The user could not be processed."]
            if profile := self._index.get(fit.pop(n)):
                profile.refusals += 1
        for n, named in fit.items():
            profile = self._index.get(named) or (self._create(named) if call.path == UPSERT else None)
            if profile is not None:
                apply(profile, users[n])
                profile.effects += 1
        if call.path == DELETE and not errors:
            return answer_json(200, {})
        # A count of 0 is left out (public: the sample of a failure).
        successful = {"count": len(fit)} if fit else {}
        fail = {"count": len(users) - len(fit), "errors": errors} if errors else {}
        return answer_json(200, {"data": {"successful": successful, "fail": fail}})

    def _check(self, user: object, call: Call) -> tuple[str, str]:
        """Who the user entry is about, as a key of the index; raises UnfitError."""
        if not isinstance(user, dict):
            raise UnfitError("", "user_not_an_object")
        names = read_names(user, call)
        named = next((each for each in names if each in self._index), names[0])
        (check_erasure if call.path == DELETE else check_upsert)(user)
        if call.path == UPSERT and named[0] == "insider_id" and named not in self._index:
            raise UnfitError(".insider_id", None)  # only Insider makes these, so there is nobody to create
        return named

    def _user_id(self, named: tuple[str, str]) -> str | None:
        profile = self._index.get(named)
        return profile.user_id if profile else None

    def _make_id(self) -> str:
        self._made += 1
        return f"insider-{self._made}"

    def _create(self, named: tuple[str, str]) -> Profile:
        return self._keep(Profile(self._make_id(), {named[0]: named[1]}))

    def _keep(self, profile: Profile) -> Profile:
        self._profiles[profile.insider_id] = profile
        self._index["insider_id", profile.insider_id] = profile
        for named in profile.identifiers.items():
            self._index.setdefault(named, profile)
        return profile

    def _forget(self, profile: Profile) -> None:
        self._profiles.pop(profile.insider_id, None)
        for named in [("insider_id", profile.insider_id), *profile.identifiers.items()]:
            if self._index.get(named) is profile:
                del self._index[named]

    def admit(self, person: Person) -> None:
        own = {"uuid": person.user_id, "email": person.email, "phone_number": person.phone_number}
        given = dict(person.given(self.name, "identifiers") or {})
        custom = {f"custom.{kind}": value for kind, value in given.pop("custom", {}).items()}
        identifiers = {kind: value for kind, value in (own | given | custom).items() if value}
        insider_id = person.given(self.name, "insider_id") or self._make_id()
        profile = Profile(insider_id, identifiers, person.user_id, {**HELD, "list_id": [1, 2, 3]})
        profile.custom["custom_string_attribute"] = "value"
        profile.custom["custom_array_attribute"] = ["value1", "value2", "value3"]
        if person.user_id:
            if former := self._seeded.get(person.user_id):
                self._forget(former)
            self._seeded[person.user_id] = profile
        self._keep(profile)

    def facts(self, now: float) -> Iterator[dict[str, Any]]:
        for profile in list(self._profiles.values()):
            yield {
                "key": profile.insider_id,
                "user_id": profile.user_id,
                "effects": profile.effects,
                "refusals": profile.refusals,
                "identifiers": profile.identifiers,
                "attributes": profile.attributes,
                "custom": profile.custom,
                # "True or empty = Insider may interact with the user" (page)
                "may_interact": profile.attributes.get("gdpr_optin") is not False,
            }

    def condition(self) -> dict[str, Any]:
        return {"revoked": self._revoked}

    def revoke(self, whole_client: bool) -> None:
        self._revoked = True

    def mend(self) -> None:
        self._revoked = False

    def is_metered(self, path: str) -> bool:
        return True

    def reject_rate(self, reset_ms: int, retry_after_s: int | None) -> Answer:
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        return answer_json(429, {"error": "rejected: too many requests"}, headers)

    def break_down(self) -> Answer:
        return say(500, "The request processing has failed because of an unknown error.")


def say(status: int, message: str) -> Answer:
    return answer_json(status, {"success": False, "message": message})


def refuse(rule: str) -> RefusedError:
    return RefusedError(say(400, f"The given data was invalid: {rule}."), rule)


def pick_victims(call: Call, numbers: list[int]) -> list[int]:
    """Up to a tenth of the users of the call, when it is struck by the `partial` fault."""
    if call.fault is None or call.fault.kind != "partial" or not numbers:
        return []
    random = Random(call.fault.luck)
    return random.sample(numbers, random.randint(1, max(1, len(numbers) // 10)))


def erase(profile: Profile, user: dict[str, Any]) -> None:
    """Delete as the page implies: `gdpr_optin` in `whole` leaves it empty, which gives consent back."""
    custom = user.get("custom", {})
    for held, part in ((profile.attributes, user), (profile.custom, custom)):
        for name in part.get("whole", []):
            held.pop(name, None)
        for name, values in part.get("partial", {}).items():
            if isinstance(held.get(name), list):
                held[name] = [value for value in held[name] if value not in values]


def upsert(profile: Profile, user: dict[str, Any]) -> None:
    for name, value in user["attributes"].items():
        if name == "custom":
            profile.custom |= value
        elif name == "list_id":  # arrays are appended to (public)
            profile.attributes[name] = list(dict.fromkeys([*profile.attributes.get(name, []), *value]))
        else:
            profile.attributes[name] = value
