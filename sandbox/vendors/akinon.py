"""Akinon user profiles: one person a call, in that person's own session (akinon.txt)."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sandbox.contract import OneAccess
from sandbox.exchange import Answer, Call, RefusedError, answer_json, has_strangers, wait_headers
from sandbox.people import Person

PLAIN, LOYALTY, TOKEN = "/users/profile/", "/users/profile-with-loyalty/", "/csrf_token/"
FLAGS = ("email_allowed", "sms_allowed", "whatsapp_allowed", "call_allowed")
REQUIRED = (
    *("id", "first_name", "last_name", *FLAGS),
    *("email", "phone", "gender", "language_code", "attributes", "date_joined"),
)
OPTIONAL = ("avatar", "date_of_birth", "genders")
NULLABLE = ("avatar", "date_of_birth", "gender")
"""Fields that may be null without asking the person; a null `phone` would send them a code."""


@dataclass(slots=True)
class Account:
    id: int
    user_id: str | None
    email: str
    phone: str | None
    marks: frozenset[str]
    flags: dict[str, bool | None] = field(default_factory=lambda: dict.fromkeys(FLAGS, True))
    fields: dict[str, str | None] = field(
        default_factory=lambda: {"avatar": "/media/face.png", "date_of_birth": "1990-01-31", "gender": "female"}
    )
    sessions: list[str] = field(default_factory=list)
    codes_sent: int = 0
    effects: int = 0


@dataclass(slots=True)
class Session:
    account: Account
    csrf_token: str


@dataclass(frozen=True, repr=False)
class AkinonAccount:
    """The shop's settings."""

    session_cookie: str = "sessionid"
    sms_code: str = "123456"

    def settings(self) -> Mapping[str, str]:
        return {"SESSION_COOKIE": self.session_cookie}


class Akinon(OneAccess):
    """A Django storefront: the session identifies the person, the CSRF token shows that it is really them."""

    name: ClassVar = "akinon"
    limit: ClassVar = 6_000
    roomy: ClassVar = 20_000
    account: ClassVar = AkinonAccount
    marks: ClassVar[Mapping[str, str]] = {
        "loyalty": "profile-with-loyalty answers 202 and sends a code",
        "expired": "the session given has ended",
        "stalecsrf": "the csrf token given is outdated, a GET tells the new one",
        "nocookie": "a GET tells no csrf token, /csrf_token/ does, in its body",
        "tokencookie": "a GET tells no csrf token, /csrf_token/ does, in a cookie",
        "notoken": "neither a GET nor /csrf_token/, which is not there, tells a csrf token",
        "older": "an older shop, whose profiles have no whatsapp_allowed",
        "required": "the shop requires a date of birth and a gender (USER_REQUIRED_FIELDS)",
    }
    faults: ClassVar[Mapping[str, Mapping[str, float]]] = {}

    def __init__(self, account: AkinonAccount) -> None:
        self._account = account
        self.clear()

    def clear(self) -> None:
        self._people: dict[str, Account] = {}
        self._sessions: dict[str, Session] = {}
        self._made = 0
        self._revoked = False

    def answer(self, call: Call) -> Answer:
        if call.path + "/" in (PLAIN, LOYALTY, TOKEN):
            location = {"Location": f"/{self.name}{call.path}/"}
            raise RefusedError(Answer(301, headers=location), "trailing_slash")
        if call.path == TOKEN:
            return self._tell_token(call)
        if call.path not in (PLAIN, LOYALTY):
            raise RefusedError(detail(404, "Not found."), "path")
        if call.method not in ("GET", "PUT", "PATCH"):
            raise RefusedError(detail(405, "Method not allowed."), "method")
        cookies = read_cookies(call)
        session = self._authenticate(call, cookies)
        if call.method == "GET":
            told = not session.account.marks & {"nocookie", "tokencookie", "notoken"}
            cookie = csrf_cookie(session.csrf_token) if told else {}
            return answer_json(200, self._show(session.account, call.path), cookie)
        self._check_csrf(call, session, cookies)
        return self._write(call, session.account)

    def _tell_token(self, call: Call) -> Answer:
        """Public: "Step 1: Get CSRF Token", before any request that is no GET; guests get one too."""
        if call.method != "GET":
            raise RefusedError(detail(405, "Method not allowed."), "method")
        session = self._sessions.get(read_cookies(call).get(self._account.session_cookie, ""))
        token = session.csrf_token if session else secrets.token_hex(16)
        marks = session.account.marks if session else frozenset()
        if "notoken" in marks:  # Django's own page: this address is no API
            return Answer(404, b"<!doctype html><h1>Not Found</h1>", {"Content-Type": "text/html; charset=utf-8"})
        if "tokencookie" in marks:
            return Answer(204, headers=csrf_cookie(token))
        return answer_json(200, {"csrf_token": token}, {} if "nocookie" in marks else csrf_cookie(token))

    def _authenticate(self, call: Call, cookies: dict[str, str]) -> Session:
        given = cookies.get(self._account.session_cookie)
        session = self._sessions.get(given or "")
        if session is None or self._revoked:
            answer = detail(401, "Authentication credentials were not provided.")
            raise RefusedError(answer, None if given else "session_cookie")
        return session

    def _check_csrf(self, call: Call, session: Session, cookies: dict[str, str]) -> None:
        header, cookie = call.headers.get("X-CSRFToken"), cookies.get("csrftoken")
        if not header or not cookie:
            raise forbid("CSRF token missing.", "csrf_missing")
        if header != cookie:
            raise forbid("CSRF token incorrect.", "csrf_header_is_not_the_cookie")
        if header != session.csrf_token:
            foreign = any(each.csrf_token == header for each in self._sessions.values())
            raise forbid("CSRF token incorrect.", "csrf_of_another_session" if foreign else None)
        referer = urlsplit(call.headers.get("Referer", ""))
        if referer.scheme not in ("http", "https") or referer.netloc != call.headers.get("Host"):
            raise forbid("Referer checking failed.", "referer")

    def _write(self, call: Call, account: Account) -> Answer:
        payload = call.json_object(refuse)
        verifies = ("code", "resend") if call.path == LOYALTY else ()
        if has_strangers(payload, (*REQUIRED, *OPTIONAL, *verifies)):
            raise refuse("unknown_field")
        if call.method == "PUT":
            call.note("put_instead_of_patch")
            if has_strangers((*REQUIRED, *verifies), payload):
                raise refuse("required_field")
        cleared = {name: None for name in NULLABLE if name in payload and payload[name] is None}
        if has_strangers(payload, (*FLAGS, *verifies, *cleared)):
            call.note("more_than_the_flags")
        flags = {name: payload[name] for name in account.flags if name in payload}  # an older shop ignores the others
        for name, value in flags.items():
            if not isinstance(value, bool) and not (name == "call_allowed" and value is None):
                raise refuse("flag_type")
        if call.is_poison(account.user_id, account.email):
            raise RefusedError(answer_json(400, {"non_field_errors": ["The profile cannot be updated."]}))
        if "required" in account.marks and not cleared.keys().isdisjoint(("date_of_birth", "gender")):
            raise RefusedError(answer_json(400, {name: ["This field may not be null."] for name in cleared}))
        if call.path == LOYALTY:
            self._verify(call, account, payload)
        if flags or cleared:
            account.flags.update(flags)
            account.fields.update(cleared)
            account.effects += 1
        return answer_json(200, self._show(account, call.path))

    def _verify(self, call: Call, account: Account, payload: dict[str, Any]) -> None:
        code = payload.get("code")
        if not isinstance(payload.get("resend", False), bool) or not isinstance(code, str | None):
            raise refuse("verification")
        if "loyalty" not in account.marks or code == self._account.sms_code:
            return
        if code:
            raise RefusedError(answer_json(400, {"code": ["The code is wrong."]}))
        account.codes_sent += 1
        # "Verification code sent for phone confirmation": nothing has changed
        raise RefusedError(Answer(202), "second_code" if account.codes_sent > 1 else None)

    def _show(self, account: Account, path: str) -> dict[str, Any]:
        profile: dict[str, Any] = {
            "id": account.id,
            "first_name": "Sample",
            "last_name": "Person",
            **account.flags,
            **account.fields,
            "email": account.email,
            "phone": account.phone,
            "language_code": "tr-tr",
            "attributes": {},
            "date_joined": "2021-01-01T00:00:00Z",
        }
        return profile | {"code": None, "resend": False} if path == LOYALTY else profile

    def admit(self, person: Person) -> None:
        self._made += 1
        email = person.email or f"person-{self._made}@example.org"
        account = Account(self._made, person.user_id, email, person.phone_number, person.marks)
        if "older" in person.marks:
            del account.flags["whatsapp_allowed"]
        key = person.user_id or email
        self._end_sessions(key)
        self._people[key] = account
        session_id = person.given(self.name, "session_id")
        if session_id:
            csrf_token = person.given(self.name, "csrf_token")
            if csrf_token is None or "stalecsrf" in person.marks:
                csrf_token = secrets.token_hex(16)
            self._sign_in(account, session_id, csrf_token)
            if "expired" in person.marks:
                self._end_sessions(key)

    def renew_session(self, key: str, session_id: str, csrf_token: str) -> bool:
        """Sign the person in afresh, ending former sessions; False when no user_id or email is `key`."""
        account = self._people.get(key)
        if account is None:
            return False
        self._end_sessions(key)
        self._sign_in(account, session_id, csrf_token)
        return True

    def _sign_in(self, account: Account, session_id: str, csrf_token: str) -> None:
        account.sessions.append(session_id)
        self._sessions[session_id] = Session(account, csrf_token)

    def _end_sessions(self, key: str) -> None:
        if account := self._people.get(key):
            for session_id in account.sessions:
                self._sessions.pop(session_id, None)
            account.sessions.clear()

    def facts(self, now: float) -> Iterator[dict[str, Any]]:
        for account in list(self._people.values()):
            yield {
                "key": str(account.id),
                "user_id": account.user_id,
                "effects": account.effects,
                "email": account.email,
                "phone": account.phone,
                "flags": account.flags,
                "fields": account.fields,
                "codes_sent": account.codes_sent,
            }

    @staticmethod
    def is_in_effect(kind: str, fact: Mapping[str, Any]) -> bool:
        return not any(fact["flags"].values()) and not (kind == "erasure" and any(fact["fields"].values()))

    def condition(self) -> dict[str, Any]:
        return {"revoked": self._revoked, "sessions": 0 if self._revoked else len(self._sessions)}

    def reject_rate(self, reset_ms: int, retry_after_s: int | None) -> Answer:
        return answer_json(429, {"detail": "Request was throttled."}, wait_headers(retry_after_s))

    def break_down(self) -> Answer:
        # Django's own error page is HTML.
        return Answer(500, b"<h1>Server Error (500)</h1>", {"Content-Type": "text/html; charset=utf-8"})


SERVES = Akinon


def detail(status: int, message: str) -> Answer:
    return answer_json(status, {"detail": message})


def csrf_cookie(token: str) -> dict[str, str]:
    return {"Set-Cookie": f"csrftoken={token}; Path=/; SameSite=Lax"}


def forbid(message: str, rule: str | None) -> RefusedError:
    return RefusedError(detail(403, f"CSRF Failed: {message}"), rule)


def refuse(rule: str) -> RefusedError:
    return RefusedError(answer_json(400, {"non_field_errors": [f"Invalid data: {rule}."]}), rule)


def read_cookies(call: Call) -> dict[str, str]:
    pairs = [part.strip().partition("=")[::2] for part in call.headers.get("Cookie", "").split(";") if part.strip()]
    cookies = dict(pairs)
    if len(cookies) != len(pairs):
        raise refuse("cookie_repeated")
    return cookies
