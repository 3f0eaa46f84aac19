"""Settings that hold secrets: taken in every form that people have them in, or refused by name and never quoted."""

import base64
import json
import os
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from adapters.standard_webhooks import sign
from config.settings import Settings, SettingsError
from intake.producer import seal
from ledger.sealing import MasterKeys
from tasks.sealed import ProducerKeys

AWKWARD = bytes([0xFB, 0xFF, 0xBE])
"""Of which every character differs between the two alphabets."""
KEYS = [AWKWARD * 10 + b"ab", b"\x00" * 32, bytes(range(32))]
SECRETS = [(AWKWARD * 22)[:size] for size in (24, 25, 26, 32, 48, 63, 64)]
MOST_SECRETS = 5
"""Of a resolver at a time."""
AROUND = ["{}", " {} ", "{}\n", "\r\n{}\r\n", '"{}"', "'{}'", ' "{} "\n', "\ufeff{}"]
BASE64: list[Callable[[bytes], str]] = [
    lambda raw: base64.b64encode(raw).decode(),
    lambda raw: base64.urlsafe_b64encode(raw).decode(),
    lambda raw: base64.b64encode(raw).decode().rstrip("="),
    lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
    lambda raw: wrapped(base64.b64encode(raw).decode(), 64),
    lambda raw: wrapped(base64.b64encode(raw).decode(), 76),
]
HEX: list[Callable[[bytes], str]] = [bytes.hex, lambda raw: raw.hex().upper()]


def wrapped(text: str, at: int) -> str:
    return "\n".join(text[place : place + at] for place in range(0, len(text), at))


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONSENT_")]:
        monkeypatch.delenv(name)


def forms_of(
    raws: list[bytes], spellings: list[Callable[[bytes], str]], prefix: str = ""
) -> Iterator[tuple[bytes, str]]:
    for raw, spell, around in product(raws, spellings, AROUND):
        yield raw, around.format(prefix + spell(raw))


def signs_like(secrets: tuple[SecretStr, ...], raw: bytes) -> bool:
    """Whether the convention's own library, given the bytes in the form it documents, accepts our signature."""
    letter = sign("msg_1", b"{}", secrets, datetime.now(UTC))
    return Webhook(f"whsec_{base64.b64encode(raw).decode()}").verify(b"{}", letter.headers) == {}


def receivers(*secrets: str) -> str:
    """The setting of as many receivers, each with one secret."""
    named = ("crm", *(f"crm{number}" for number in range(2, len(secrets) + 1)))
    return json.dumps(
        {
            name: {"url": "https://crm.example/hook", "secrets": [secret]}
            for name, secret in zip(named, secrets, strict=True)
        }
    )


def test_keys_are_taken_in_every_form() -> None:
    for raw, text in forms_of(KEYS, BASE64 + HEX):
        sealed = MasterKeys([raw]).seal(b"plain", b"")
        assert MasterKeys.parse(text).open(sealed, b"") == b"plain", text
        assert ProducerKeys.parse(text).public == ProducerKeys.parse(base64.b64encode(raw).decode()).public, text


def test_producers_seal_to_a_key_in_every_form() -> None:
    private = bytes(range(32, 64))
    keys = ProducerKeys.parse(private.hex())
    public = b64decode(str(keys.public))
    for _, text in forms_of([public], BASE64 + HEX):
        assert keys.open(seal({"kind": "opt_out"}, text)) == b'{"kind": "opt_out"}', text


@pytest.mark.parametrize("text", ["", "no key", "AAAA", "A" * 40, f"{'00' * 32},{'11' * 32}", None])
def test_producers_are_told_what_is_no_key_to_seal_to(text: Any) -> None:
    with pytest.raises(ValueError, match=r"public_key is not one key of 32 bytes.*consent producer-key"):
        seal({"kind": "opt_out"}, text)


@pytest.mark.parametrize("around", AROUND)
def test_lists_of_keys_are_taken_with_quotes_around_them(around: str) -> None:
    listed = around.format(", ".join([BASE64[3](KEYS[0]), HEX[0](KEYS[1]), BASE64[0](KEYS[2])]))
    masters = MasterKeys.parse(listed)
    for raw in KEYS:
        assert masters.open(MasterKeys([raw]).seal(b"plain", b""), b"") == b"plain"


def test_signing_secrets_are_taken_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_RESOLVER__URL", "https://crm.example/people")
    forms = list(forms_of(SECRETS, BASE64, "whsec_"))
    for first in range(0, len(forms), MOST_SECRETS):
        raws, texts = zip(*forms[first : first + MOST_SECRETS], strict=True)
        monkeypatch.setenv("CONSENT_WEBHOOKS__RECEIVERS", receivers(*texts))
        monkeypatch.setenv("CONSENT_RESOLVER__SECRETS", json.dumps(texts))
        settings = Settings.load()
        taken = zip(raws, settings.webhooks.receivers.values(), settings.resolver.secrets, strict=True)
        for raw, receiver, secret in taken:
            assert signs_like(receiver.secrets, raw)
            assert signs_like((secret,), raw)


NO_KEYS = [
    "topsecret",
    "topsecret!" * 4,
    "tøpsecret" * 5,
    BASE64[0](KEYS[0])[:-4],
    BASE64[2](KEYS[0])[:-1],
    BASE64[2](KEYS[0]) + "==",
    HEX[0](KEYS[0])[:-2],
    HEX[0](KEYS[0])[:-1] + "g",
    "0x" + HEX[0](KEYS[0]),
    BASE64[0](KEYS[0] + b"x"),
    *(between.join([BASE64[0](KEYS[0])] * 2) for between in ("", " ", "\n", ";")),
    *(between.join([BASE64[2](KEYS[0])] * 2) for between in ("", " ", "\n", ";")),
]
NO_SECRETS = [
    "",
    "whsec_",
    "whsec_topsecret!" * 4,
    "topsecret-without-its-prefix-is-none",
    *("whsec_" + BASE64[2]((AWKWARD * 22)[:size]) for size in (1, 16, 23, 65, 66)),
    *(f"whsec_{HEX[0]((AWKWARD * 22)[:size])}" for size in (49, 64)),
    "whsec_" + BASE64[0](SECRETS[1])[:-1],
    *(between.join(["whsec_" + BASE64[2](SECRETS[0])] * 2) for between in ("", " ", "\n", ",")),
    "whsec_" + " ".join([BASE64[2](SECRETS[0])] * 2),
]


@pytest.mark.parametrize("parse", [MasterKeys.parse, ProducerKeys.parse])
def test_what_is_no_key_is_refused_by_its_position(parse: Callable[[str], object]) -> None:
    good, name = BASE64[1](KEYS[2]), "master" if parse == MasterKeys.parse else "producer"
    told = " is not 32 bytes in base64 or hexadecimal"
    for text in [*NO_KEYS, ""]:
        with pytest.raises(ValueError, match=f"^{name} key 2{told}$") as raised:
            parse(f"{good},{text}")
        assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_what_is_no_secret_is_refused_by_setting_and_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in NO_SECRETS:
        for variable, value, place in (
            ("CONSENT_WEBHOOKS__RECEIVERS", receivers(text), ".crm.secrets[0]"),
            ("CONSENT_RESOLVER__SECRETS", json.dumps([text]), "[0]"),
        ):
            monkeypatch.setenv(variable, value)
            with pytest.raises(SettingsError) as told:
                Settings.load()
            monkeypatch.delenv(variable)
            said = str(told.value)
            assert said.startswith(f"{variable}{place}: "), said
            assert "whsec_ and 24 to 64 random bytes in base64" in said
            assert "topsecret" not in said
            assert all(word not in said for word in text.removeprefix("whsec_").split())


OPAQUE = {
    "CONSENT_ALGONOMY__CLIENT_SECRET": {"CONSENT_ALGONOMY__CLIENT_ID": "c"},
    "CONSENT_B2CORE__CLIENT_SECRET": {
        "CONSENT_B2CORE__BASE_URL": "https://b2core.example",
        "CONSENT_B2CORE__CLIENT_ID": "c",
    },
    "CONSENT_B2CORE__TOKEN": {"CONSENT_B2CORE__BASE_URL": "https://b2core.example"},
    "CONSENT_DFINERY__API_TOKEN": {},
    "CONSENT_INSIDER__REQUEST_TOKEN": {"CONSENT_INSIDER__PARTNER_NAME": "p"},
    "CONSENT_OIDC__CLIENT_SECRET": {
        "CONSENT_OIDC__ISSUER": "https://id.example",
        "CONSENT_OIDC__CLIENT_ID": "c",
        "CONSENT_OIDC__REDIRECT_URL": "https://consent.example/v1/session/oidc/callback",
    },
}


@pytest.mark.parametrize("variable", OPAQUE)
@pytest.mark.parametrize("around", AROUND)
def test_what_was_pasted_along_with_a_vendors_secret_is_refused(
    variable: str, around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be any text, so nothing is taken off it."""
    for name, value in (OPAQUE[variable] | {variable: around.format("topsecret")}).items():
        monkeypatch.setenv(name, value)
    if around == "{}":
        Settings.load()
        return
    with pytest.raises(SettingsError) as told:
        Settings.load()
    assert str(told.value).startswith(f"{variable}: ")
    assert "topsecret" not in str(told.value)
