"""Insider: delete attributes and upsert users, up to 1,000 a call; read, delete or anonymize a profile, one a call
(insider.txt; all but the attribute deletion: CONTRACTS.md)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from sandbox.contract import Bucket, OneAccess
from sandbox.exchange import Answer, Call, RefusedError, answer_json, has_strangers, wait_headers
from sandbox.people import Person
from sandbox.traffic import Window
from sandbox.vendors.insider_profiles import Profile, Profiles
from sandbox.vendors.insider_users import UnfitError, check_erasure, check_upsert, is_boolean, read_names

DELETE, UPSERT = "/api/user/v1/attribute/delete", "/api/user/v1/upsert"
PROFILE, DELETE_PROFILE = "/api/user/v1/profile", "/api/user/v1/delete"
ANONYMIZE, ANONYMIZE_BY_ID = "/api/user/v1/anonymize", "/api/contact/v1/anonymize"
BATCHES, LONERS = (DELETE, UPSERT), (PROFILE, DELETE_PROFILE, ANONYMIZE, ANONYMIZE_BY_ID)
MAX_USERS, MAX_BYTES = 1_000, 5_000_000
PROFILE_UNITS = 2.5
FLAGS = frozenset({"email_optin", "sms_optin", "whatsapp_optin", "gdpr_optin"})
NOBODY = "no such user for these identifiers: no data"


@dataclass(frozen=True, repr=False)
class InsiderAccount:
    """The credentials that Insider issues."""

    partner_name: str = "sandbox"
    request_token: str = "sandbox-insider-request-token"
    identifiers: str = "uuid,email,phone_number,custom"
    """The identifiers that the partner's identity resolution uses; others are ignored."""

    def settings(self) -> Mapping[str, str]:
        return {"PARTNER_NAME": self.partner_name, "REQUEST_TOKEN": self.request_token}


class Insider(OneAccess):
    """One rate limit for both batch operations, one for each of the others. An upsert creates users that do not
    exist."""

    name: ClassVar = "insider"
    limit: ClassVar = 25_000
    roomy: ClassVar = 25_000
    account: ClassVar = InsiderAccount
    marks: ClassVar[Mapping[str, str]] = {
        "apart": "one profile by uuid, another one by e-mail and phone number",
        "unknown": "no profile at all",
    }
    faults: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "harsh": {"partial": 0.01}
    }  # a user that is refused stays refused: only in harsh runs
    buckets: ClassVar[Mapping[str, Bucket]] = {
        # At 1,000 units a minute, looking up a few hundred people takes minutes.
        "profile": Bucket(1_000, "PROFILE_UNITS_PER_MINUTE", PROFILE_UNITS, roomy=150_000),
        "delete": Bucket(10_000, "DELETIONS_PER_MINUTE"),
        "anonymize": Bucket(500, "ANONYMIZATIONS_PER_MINUTE"),
    }

    def __init__(self, account: InsiderAccount) -> None:
        self._account = account
        self.clear()

    def clear(self) -> None:
        self._profiles = Profiles()
        self._read = Window(self.buckets["profile"].limit, units=PROFILE_UNITS)
        self._revoked = False

    def bucket_of(self, path: str) -> str:
        names = {PROFILE: "profile", DELETE_PROFILE: "delete", ANONYMIZE: "anonymize", ANONYMIZE_BY_ID: "anonymize"}
        return names.get(path, "")

    def answer(self, call: Call) -> Answer:
        if call.path not in BATCHES + LONERS:
            raise RefusedError(say(404, "Not found."), "path")
        if call.method != "POST":
            raise RefusedError(say(405, "Method not allowed."), "method")
        self._authorize(call)
        if len(call.body) > MAX_BYTES:
            raise refuse("body_bytes")
        payload = call.json_object(refuse)
        if call.path in LONERS:
            return self._serve_one(call, payload)
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
        if partner != self._account.partner_name:
            raise RefusedError(
                say(400, "Partner is invalid."),
                "partner_case" if partner != partner.lower() else "partner_name",
            )
        known = call.headers.get("X-REQUEST-TOKEN") == self._account.request_token
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
        # A poisoned record fails the whole call, and the message names nobody: the sender has to bisect.
        if any(call.is_poison(named[1], self._user_id(named)) for named in fit.values()):
            raise RefusedError(say(400, "The given data was invalid."))
        for n in pick_victims(call, sorted(fit)):
            errors[f"users.{n}.identifiers"] = ["The user could not be processed."]
            if profile := self._profiles.find(fit.pop(n)):
                profile.refusals += 1
        for n, named in fit.items():
            profile = self._profiles.find(named) or (self._profiles.create(named) if call.path == UPSERT else None)
            if profile is not None:
                apply(profile, users[n])
                profile.effects += 1
                for kind in ("email", "phone_number") if call.path == DELETE else ():
                    if kind in users[n].get("whole", []):
                        self._profiles.drop_identifier(profile, kind)
        if call.path == DELETE and not errors:
            return answer_json(200, {})
        # A count of 0 is left out (public: the sample of a failure).
        successful = {"count": len(fit)} if fit else {}
        fail = {"count": len(users) - len(fit), "errors": errors} if errors else {}
        return answer_json(200, {"data": {"successful": successful, "fail": fail}})

    def _check(self, user: object, call: Call) -> tuple[str, str]:
        """The identifier that a user entry is about; raises UnfitError."""
        if not isinstance(user, dict):
            raise UnfitError("", "user_not_an_object")
        named = self._named(user, call)
        (check_erasure if call.path == DELETE else check_upsert)(user)
        if call.path == DELETE and named[0] in user.get("whole", []):
            call.note("deletes_the_identifier_it_names")
        if call.path == UPSERT and named[0] == "insider_id" and self._profiles.find(named) is None:
            raise UnfitError(".insider_id", None)  # only Insider makes these ids, so nobody is created
        return named

    def _named(self, user: dict[str, Any], call: Call) -> tuple[str, str]:
        """The identifier that counts: those that identity resolution does not use are ignored. Raises UnfitError."""
        enabled = self._account.identifiers.split(",")
        known = ("insider_id", *enabled)
        names = [each for each in read_names(user, call) if each[0] in known or each[0].split(".")[0] in known]
        if not names:
            raise UnfitError(".identifiers", None)
        return next((each for each in names if self._profiles.find(each)), names[0])

    def _serve_one(self, call: Call, payload: dict[str, Any]) -> Answer:
        """Read, delete or anonymize one profile."""
        fields = ("identifiers", "insider_id", *(("attributes", "events", "quota") if call.path == PROFILE else ()))
        if has_strangers(payload, fields):
            raise refuse("unknown_field")
        if (call.path == ANONYMIZE_BY_ID) is not ("insider_id" in payload) and call.path != PROFILE:
            raise refuse("name_the_user_one_way")
        if call.path == PROFILE and not (payload.get("attributes") or payload.get("events")):
            raise refuse("attributes_or_events_required")
        try:
            named = self._named(payload, call)
        except UnfitError as unfit:
            raise RefusedError(answer_json(400, {"error": "no valid identifier: bad request"}), unfit.rule) from None
        if call.is_poison(named[1], self._user_id(named)):
            raise RefusedError(answer_json(400, {"error": "bad request"}))
        profile = self._profiles.find(named)
        if call.path == DELETE_PROFILE:
            if profile is not None:
                self._profiles.forget(profile)
            return answer_json(200, {})
        quota = self._quota(call, payload) if call.path == PROFILE else {}
        if profile is None:
            return answer_json(404, {"error": NOBODY, **quota})
        if call.path == PROFILE:
            return answer_json(200, {"attributes": profile.shown(payload.get("attributes", [])), **quota})
        self._profiles.anonymize(profile)
        profile.effects += 1
        return answer_json(200, {})

    def _quota(self, call: Call, payload: dict[str, Any]) -> dict[str, Any]:
        self._read.admit(call.now)
        if payload.get("quota") is not True:
            return {}
        return {"quota": {"cost": PROFILE_UNITS, "used": self._read.used, "total": self._read.limit}}

    def _user_id(self, named: tuple[str, str]) -> str | None:
        profile = self._profiles.find(named)
        return profile.user_id if profile else None

    def admit(self, person: Person) -> None:
        given = person.given(self.name, "identifiers") or {}
        self._profiles.admit(person, given, person.given(self.name, "insider_id"))

    def facts(self, now: float) -> Iterator[dict[str, Any]]:
        for profile in self._profiles:
            yield profile.fact()

    @staticmethod
    def is_in_effect(kind: str, fact: Mapping[str, Any]) -> bool:
        attributes, may_write = fact["attributes"], FLAGS - {"gdpr_optin"}
        silent = not any(attributes.get(flag) for flag in may_write)
        return not fact["may_interact"] and (attributes.keys() <= FLAGS if kind == "erasure" else silent)

    def reject_rate(self, reset_ms: int, retry_after_s: int | None) -> Answer:
        return answer_json(429, {"error": "rejected: too many requests"}, wait_headers(retry_after_s))

    def break_down(self) -> Answer:
        return say(500, "The request processing has failed because of an unknown error.")


SERVES = Insider


def say(status: int, message: str) -> Answer:
    return answer_json(status, {"success": False, "message": message})


def refuse(rule: str) -> RefusedError:
    return RefusedError(say(400, f"The given data was invalid: {rule}."), rule)


def pick_victims(call: Call, numbers: list[int]) -> list[int]:
    """Up to a tenth of the users of the call, when the `partial` fault strikes."""
    if call.fault is None or call.fault.kind != "partial" or not numbers:
        return []
    random = Random(call.fault.luck)
    return random.sample(numbers, random.randint(1, max(1, len(numbers) // 10)))


def erase(profile: Profile, user: dict[str, Any]) -> None:
    """Delete as the page implies: `gdpr_optin` in `whole` leaves it empty, which means consent again."""
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
