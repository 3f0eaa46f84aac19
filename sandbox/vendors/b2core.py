"""B2CORE IB profiles and their contacts, one a call (b2core.txt; /tokens, 202 and 409: CONTRACTS.md)."""

import base64
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.exchange import Answer, Call, RefusedError, answer_json, has_strangers, read_bearer, wait_headers
from sandbox.people import Person
from sandbox.vendors.b2core_profiles import Profile, read_page, read_query, show, show_contact

TOKEN_PREFIX = "sandbox-b2core-issued-"
UPDATABLE = ("enabled", "firstName", "lastName", "middleName", "countryNumericCode", "uuid")


@dataclass(frozen=True, repr=False)
class B2CoreAccount:
    """The credentials that B2CORE issues: a token that does not expire, and a client for tokens that do."""

    token: str = "sandbox-b2core-token"
    client_id: str = "sandbox-b2core-client"
    client_secret: str = "sandbox-b2core-secret"

    def settings(self) -> Mapping[str, str]:
        return {"TOKEN": self.token}


class B2Core:
    """Deletion is usually immediate, for some people later (202), for some refused (409)."""

    name: ClassVar = "b2core"
    limit: ClassVar = 6_000
    roomy: ClassVar = 30_000
    account: ClassVar = B2CoreAccount
    marks: ClassVar[Mapping[str, str]] = {
        "pending": "deletion answers 202 and takes a while",
        "manycontacts": "sixty contacts, more than a page lists",
        "latecontact": "another contact is added while the first is being deleted",
        "conflict": "deletion and update answer 409",
    }
    faults: ClassVar[Mapping[str, Mapping[str, float]]] = {}

    def __init__(self, account: B2CoreAccount) -> None:
        self._account = account
        self.clear()

    def clear(self) -> None:
        self._profiles: dict[str, Profile] = {}
        self._by_uuid: dict[str, dict[str, Profile]] = {}
        self._tokens: dict[str, float] = {}  # token to its end, in monotonic seconds
        self._issued = self._made = self._expired = 0
        self._revoked = self._client_revoked = False

    def answer(self, call: Call) -> Answer:
        match call.segments(refuse):
            case ["tokens"]:
                return self._issue(call)
            case ["profiles"]:
                self._authorize(call, "GET")
                return self._list(call)
            case ["profiles", profile_id]:
                self._authorize(call, "GET", "PUT", "PATCH", "DELETE")
                return self._serve_profile(call, self._find(call, profile_id))
            case ["profiles", profile_id, "contacts"]:
                self._authorize(call, "GET")
                return self._list_contacts(call, self._find(call, profile_id))
            case ["profiles", profile_id, "contacts", contact_id]:
                self._authorize(call, "GET", "DELETE")
                return self._serve_contact(call, self._find(call, profile_id), contact_id)
            case ["profile", _]:  # one heading of the page has it, none of its examples
                raise RefusedError(fail(404, "Not found"), "singular_path")
        raise RefusedError(fail(404, "Not found"), "path")

    def _issue(self, call: Call) -> Answer:
        if call.method != "POST":
            raise RefusedError(fail(405, "Method not allowed"), "method")
        known = f"{self._account.client_id}:{self._account.client_secret}"
        expected = "Basic " + base64.b64encode(known.encode()).decode()
        correct = call.headers.get("Authorization") == expected
        if not correct or self._client_revoked:
            raise RefusedError(fail(401, "Invalid client"), None if correct else "client_credentials")
        if call.json_object(refuse) != {"grant_type": "client_credentials"}:
            raise refuse("grant_type")
        token = TOKEN_PREFIX + secrets.token_hex(16)
        self._tokens[token] = call.now + call.plan.token_life_s
        self._issued += 1
        life_ms = int(call.plan.token_life_s * 1000)  # "The token lifespan in milliseconds"
        return answer_json(200, {"token_type": "Bearer", "access_token": token, "expires_in": life_ms})

    def _authorize(self, call: Call, *methods: str) -> None:
        if call.method not in methods:
            raise RefusedError(fail(405, "Method not allowed"), "method")
        token = read_bearer(call.headers) or ""
        static = token == self._account.token
        if token in self._tokens and self._tokens[token] <= call.now:
            self._expired += 1
        elif token in self._tokens or (static and not self._revoked):
            return
        ours = static or token.startswith(TOKEN_PREFIX)
        raise RefusedError(fail(401, "Unauthorized"), None if ours else "bearer_token")

    def _find(self, call: Call, profile_id: str) -> Profile:
        profile = self._profiles.get(profile_id)
        if profile is None or profile.is_gone(call.now):
            raise RefusedError(fail(404, "Profile not found"))
        return profile

    def _list(self, call: Call) -> Answer:
        query = read_query(call, refuse)
        wanted = {} if call.fault is not None and call.fault.kind == "ignored_filter" else dict(query.filters)
        by_uuid = "uuid" in wanted
        pool = self._by_uuid.get(wanted.pop("uuid"), {}) if by_uuid else self._profiles
        found = [profile for profile in pool.values() if not profile.is_gone(call.now)]
        return answer_json(200, [show(profile) for profile in query.select(found, wanted)])

    def _list_contacts(self, call: Call, profile: Profile) -> Answer:
        # The page promises "all available user contacts that correspond to the query parameters": a page of them.
        limit, offset = read_page(call, refuse, call.plan.contacts_page)
        listed = list(profile.contacts)[offset : offset + limit]
        return answer_json(200, [show_contact(contact_id, profile) for contact_id in listed])

    def _serve_profile(self, call: Call, profile: Profile) -> Answer:
        if call.method == "GET":
            return answer_json(200, show(profile))
        changes = self._read_changes(call) if call.method != "DELETE" else {}
        self._resist(call, profile)
        profile.effects += 1
        if call.method == "DELETE":
            late = "pending" in profile.marks
            profile.deletions += 1
            if profile.gone_at is None:
                profile.gone_at = call.now + (call.plan.pending_s if late else 0.0)
            return Answer(202) if late else Answer(200)
        if "uuid" in changes:
            self._index(profile, changes.pop("uuid"))
        profile.fields.update(changes)
        return answer_json(200, show(profile))

    def _read_changes(self, call: Call) -> dict[str, Any]:
        changes = call.json_object(refuse)
        if has_strangers(changes, UPDATABLE):
            raise refuse("unknown_field")
        for name, value in changes.items():
            fits = isinstance(value, bool) if name == "enabled" else value is None or isinstance(value, str)
            if not fits or (isinstance(value, str) and len(value) > 255):
                raise refuse("field_type")
        return changes

    def _serve_contact(self, call: Call, profile: Profile, contact_id: str) -> Answer:
        if contact_id not in profile.contacts:
            raise RefusedError(fail(404, "Contact not found"))
        if call.method == "GET":
            return answer_json(200, show_contact(contact_id, profile))
        self._resist(call, profile)
        del profile.contacts[contact_id]
        profile.effects += 1
        if "latecontact" in profile.marks and not profile.grown:
            profile.grown = True
            profile.contacts[self._make_id()] = ("email", "late@example.org")
        return Answer(200)

    def _resist(self, call: Call, profile: Profile) -> None:
        if "conflict" in profile.marks or call.is_poison(profile.user_id, profile.uuid, profile.profile_id):
            raise RefusedError(fail(409, "Conflict"))

    def _index(self, profile: Profile, uuid: str | None) -> None:
        self._by_uuid.get(profile.uuid or "", {}).pop(profile.profile_id, None)
        profile.uuid = uuid
        if uuid:
            self._by_uuid.setdefault(uuid, {})[profile.profile_id] = profile

    def _make_id(self) -> str:
        self._made += 1
        return f"{self._made:024x}"

    def admit(self, person: Person) -> None:
        for former in list(self._by_uuid.pop(person.user_id or "", {}).values()):
            self._profiles.pop(former.profile_id, None)
        profile_id = person.given(self.name, "profile_id") or self._make_id()
        fields = {"countryNumericCode": "840", "enabled": True}
        fields |= {"firstName": "Mary", "middleName": "Jane", "lastName": "Smith"}
        profile = Profile(profile_id, person.user_id, person.marks, fields)
        profile.contacts[self._make_id()] = ("email", person.email or "client@example.org")
        profile.contacts[self._make_id()] = ("phone", person.phone_number or "+9876543210")
        if "manycontacts" in person.marks:
            profile.contacts |= {self._make_id(): ("email", f"client{n}@example.org") for n in range(58)}
        self._profiles[profile_id] = profile
        self._index(profile, person.user_id)

    def facts(self, now: float) -> Iterator[dict[str, Any]]:
        for profile in list(self._profiles.values()):
            gone = profile.is_gone(now)
            yield {
                "key": profile.profile_id,
                "user_id": profile.user_id,
                "uuid": profile.uuid,
                "effects": profile.effects,
                "exists": not gone,
                "pending": profile.gone_at is not None and not gone,
                "deletions": profile.deletions,  # how often deletion was asked for
                "enabled": profile.fields["enabled"],
                # The page does not say that deleting a profile deletes its contacts, so here it does not.
                "contacts": [key for key, _ in profile.contacts.values()],
            }

    @staticmethod
    def is_in_effect(kind: str, fact: Mapping[str, Any]) -> bool:
        return not (fact["exists"] or fact["contacts"]) if kind == "erasure" else not fact["enabled"]

    def condition(self) -> dict[str, Any]:
        return {
            "revoked": self._revoked,
            "client_revoked": self._client_revoked,
            "tokens_issued": self._issued,
            "calls_with_an_expired_token": self._expired,
        }

    def revoke(self, whole_client: bool) -> None:
        self._revoked = True
        self._tokens.clear()
        self._client_revoked = self._client_revoked or whole_client

    def mend(self) -> None:
        self._revoked = self._client_revoked = False

    def is_metered(self, path: str) -> bool:
        return path != "/tokens"

    def reject_rate(self, reset_ms: int, retry_after_s: int | None) -> Answer:
        return answer_json(429, {"status": 429, "message": "Too many requests"}, wait_headers(retry_after_s))

    def break_down(self) -> Answer:
        return fail(500, "Internal server error")


SERVES = B2Core


def fail(status: int, message: str) -> Answer:
    return answer_json(status, {"status": status, "message": message})


def refuse(rule: str) -> RefusedError:
    return RefusedError(fail(400, f"Bad request: {rule}"), rule)
