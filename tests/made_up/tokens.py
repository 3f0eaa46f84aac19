"""A vendor whose tokens end, are renewed by a refresh token that changes, and say where the API is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from adapters.contract import Answer, Call, Person, Token, Verdict
from adapters.reading import read_base_url, read_bearer, read_object
from adapters.writing import form_request, json_request
from domain.outcomes import Reason
from tests.made_up.vendor import BASE_URL, MadeUp

LOGIN = "https://login.madeup.example/token"


@dataclass(frozen=True)
class TokenVendor(MadeUp):
    """Authenticates and renews."""

    def login(self) -> httpx.Request:
        return form_request("POST", LOGIN, {"grant_type": "client_credentials"})

    def renew(self, renewal: SecretStr) -> httpx.Request:
        form = {"grant_type": "refresh_token", "refresh_token": renewal.get_secret_value()}
        return form_request("POST", LOGIN, form)

    def read_token(self, response: httpx.Response) -> Token | Answer:
        token = read_bearer(response)
        if isinstance(token, Token):
            told = read_object(response).get("instance_url")
            token.base_url = read_base_url(told, self.settings.base_url, within="madeup.example")
        return token

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        keys = [person.key for person in people]
        return json_request("POST", f"{self.settings.base_url}/erase?dry=a%2Fb", {"keys": keys})

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            return [Answer(Verdict.REAUTHENTICATE, Reason.BAD_CREDENTIALS)] * len(people)
        return [Answer(Verdict.APPLIED)] * len(people)


@dataclass
class TokenServer:
    """The vendor itself. Every token is good at the host that came with it."""

    life_s: float = 3600.0
    renews: bool = True
    rotates: bool = True
    instance_url: str = "https://eu7.madeup.example/api/v9"
    logins: int = 0
    renewals: list[str] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    _issued: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == LOGIN:
            return self._token(dict(part.split("=") for part in request.content.decode().split("&")))
        known = request.headers.get("authorization", "").removeprefix("Bearer ") in self.good
        at_home = str(request.url).startswith(f"{self.instance_url}/") and not str(request.url).startswith(BASE_URL)
        return httpx.Response(200 if known and at_home and request.headers["host"] == request.url.host else 401)

    def _token(self, form: dict[str, str]) -> httpx.Response:
        if form["grant_type"] == "refresh_token":
            self.renewals.append(form["refresh_token"])
            if not self.renews or form["refresh_token"] != self._refresh_token:
                return httpx.Response(400, json={"error": "invalid_grant"})
        else:
            self.logins += 1
        self._issued += 1
        self.good.add(f"token-{self._issued}")
        body = {"access_token": f"token-{self._issued}", "expires_in": self.life_s, "instance_url": self.instance_url}
        if self.rotates or form["grant_type"] != "refresh_token":
            self._refresh_token = f"refresh-{self._issued}"
            body["refresh_token"] = self._refresh_token
        return httpx.Response(200, content=json.dumps(body))
