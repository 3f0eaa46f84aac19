"""Keys and tokens of an identity provider, of every shape that JSON allows."""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from time import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key, KeySet, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from adapters.id_token import Denial, DeniedError, Expected, UnknownKeyError, email_of, usable_keys
from tests.examples import examples
from tests.table_rows import each_row

RSA, EC = RSAKey.generate_key(2048, {"kid": "a"}), ECKey.generate_key("P-256", {"kid": "b"})
KEYS = KeySet([RSA, EC])
GOOD = [dict(key.as_dict(private=False)) for key in (RSA, EC)]
EXPECTED = Expected("https://id.example", "us", "nonce")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["a", "b"])
JSON = st.recursive(SCALARS, lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=5), of, max_size=3))
NAMES = st.sampled_from(
    ["alg", "kid", "crit", "b64", "typ", "jwk", "x5c", "iss", "aud", "exp", "nonce", "email", "azp"]
)
ALGORITHMS = st.sampled_from(["RS256", "ES256", "PS256", "HS256", "none", "ES256K", "EdDSA"])


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("key", GOOD, ids=["RSA", "EC"])
@pytest.mark.parametrize(
    "change",
    [
        {"kty": "oct", "k": "aHVzaA"},
        {"kty": ["RSA"]},
        {"kty": None},
        {"kid": 7},
        {"use": ["sig"], "key_ops": ["verify"]},
        {"use": "other", "key_ops": []},
        {"n": 7, "x": 7},
        {"n": "", "x": ""},
        {"n": "+", "x": "+"},
        {"n": "AQAB", "x": "AQAB"},
        {"e": "AA", "crv": "P-999"},
        {"e": "", "crv": {}},
        {"n": urlsafe_b64encode(b"\xff" * 128).rstrip(b"=").decode(), "y": "AQAB"},
        {"n": urlsafe_b64encode(b"\xff" * 1100).rstrip(b"=").decode(), "y": None},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Key size should be")
def test_what_is_no_key_is_left_out(key: dict[str, Any], change: dict[str, Any]) -> None:
    assert [known.kid for known in usable_keys([key | change, *GOOD])] == ["a", "b"]


def test_no_key_that_we_could_sign_with_ourselves_is_taken() -> None:
    assert list(usable_keys([dict(OctKey.import_key("hush" * 8).as_dict())])) == []


def signed(claims: Any, key: Key = RSA, **header: Any) -> str:
    alg = "RS256" if isinstance(key, RSAKey) else "ES256"
    said = f"{encoded({'alg': alg, 'kid': key.kid} | header)}.{encoded(claims)}"
    return f"{said}.{encoded(JWSRegistry.algorithms[alg].sign(said.encode(), key))}"


def claims(**changed: Any) -> dict[str, Any]:
    """Those of a good token, but for these: without what is `...`, and so long from now what is a timedelta."""
    now, soon = timedelta(), timedelta(seconds=60)
    right = {"iss": "https://id.example", "aud": "us", "iat": now, "exp": soon, "nonce": "nonce", "sub": "1"}
    told = right | {"email": "Ann@shop.example", "email_verified": True} | changed
    return {
        name: time() + value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in told.items()
        if value is not ...
    }


@each_row(
    "changed",
    [
        {},
        {"aud": ["us"]},
        {"aud": ["us", "them"], "azp": "us"},
        {"azp": "us"},
        {"iat": timedelta(seconds=30), "exp": timedelta(seconds=-30)},  # clocks differ
        {"at_hash": 7, "auth_time": 1.5, "groups": [{}]},
    ],
    ids=str,
)
@each_row("key", [RSA, EC], ids=["RSA", "EC"])
def test_a_token_for_this_login_proves_an_address(key: Key, changed: dict[str, Any]) -> None:
    assert email_of(signed(claims(**changed), key, odd={}, x5c=["A" * 2000]), KEYS, EXPECTED) == "ann@shop.example"


@each_row(
    ("changed", "denial"),
    [
        ({"email": "ann"}, Denial.UNVERIFIED),
        ({"email": "ann@shop.example\0"}, Denial.UNVERIFIED),
        ({"email": "ann@shop.example\n"}, Denial.UNVERIFIED),
        ({"email": "\u212aann@shop.example"}, Denial.UNVERIFIED),  # in small letters, a k
        ({"email": f"ann@{'a' * 200}"}, Denial.UNVERIFIED),
        ({"email": ["ann@shop.example"]}, Denial.UNVERIFIED),
        ({"email": ...}, Denial.UNVERIFIED),
        ({"email_verified": False}, Denial.UNVERIFIED),
        ({"email_verified": "true"}, Denial.UNVERIFIED),
        ({"email_verified": 1}, Denial.UNVERIFIED),
        ({"email_verified": ...}, Denial.UNVERIFIED),
        ({"nonce": "other"}, Denial.CLAIMS),
        ({"nonce": ["nonce"]}, Denial.CLAIMS),
        ({"nonce": ...}, Denial.CLAIMS),
        ({"aud": "them"}, Denial.CLAIMS),
        ({"aud": ["them"]}, Denial.CLAIMS),
        ({"aud": []}, Denial.CLAIMS),
        ({"aud": ["us", "them"]}, Denial.CLAIMS),  # for whom of them?
        ({"aud": ["us", "them"], "azp": "them"}, Denial.CLAIMS),
        ({"azp": "them"}, Denial.CLAIMS),
        ({"aud": ...}, Denial.CLAIMS),
        ({"iss": "https://id.example/"}, Denial.CLAIMS),
        ({"iss": ["https://id.example"]}, Denial.CLAIMS),
        ({"iss": ...}, Denial.CLAIMS),
        ({"sub": ...}, Denial.CLAIMS),
        ({"exp": timedelta(seconds=-61)}, Denial.CLAIMS),
        ({"exp": "soon"}, Denial.CLAIMS),
        ({"exp": float("nan")}, Denial.CLAIMS),
        ({"exp": ...}, Denial.CLAIMS),
        ({"iat": timedelta(seconds=3600)}, Denial.CLAIMS),
        ({"iat": ...}, Denial.CLAIMS),
        ({"nbf": timedelta(seconds=3600)}, Denial.CLAIMS),
    ],
    ids=str,
)
def test_no_other_claims_do(changed: dict[str, Any], denial: Denial) -> None:
    with pytest.raises(DeniedError, match=f"^{denial}$"):
        email_of(signed(claims(**changed)), KEYS, EXPECTED)


ELSEWHERE = RSAKey.generate_key(2048, {"kid": "a"})


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(), ELSEWHERE),
        signed(claims(), ELSEWHERE, jwk=ELSEWHERE.as_dict(private=False)),
        signed(claims(), alg="ES256"),
        signed(claims(), kid="b"),  # the other's
        signed(claims(), alg="none").rpartition(".")[0] + ".",
        signed(claims(), alg="HS256"),
        signed(claims(), crit=["odd"], odd=1),
        signed("claims"),
        signed(claims()).replace(".", "..", 1),
        f"{encoded(b'[' * 5000)}.e30.AA",
        f"{encoded('alg')}.e30.AA",
        f"{signed(claims())}{'A' * 200_000}",
        "\ud800",
        "",
    ],
    ids=range(14),
)
def test_no_other_signature_does(token: str) -> None:
    with pytest.raises(DeniedError, match=f"^{Denial.TOKEN}$"):
        email_of(token, KEYS, EXPECTED)


@given(header=st.dictionaries(NAMES, JSON, max_size=4) | JSON, alg=ALGORITHMS, claims=JSON, signature=st.binary())
@settings(max_examples=examples(60), deadline=None, derandomize=True, database=None)
def test_no_token_is_a_crash(header: Any, alg: str, claims: Any, signature: bytes) -> None:
    if isinstance(header, dict):
        header = {"alg": alg, "kid": "a"} | header
    with pytest.raises(DeniedError):
        email_of(".".join(map(encoded, (header, claims, signature))), KEYS, EXPECTED)


@given(claims=st.dictionaries(NAMES, JSON) | JSON)
@settings(max_examples=examples(60), deadline=None, derandomize=True, database=None)
def test_no_claims_are_a_crash(claims: Any) -> None:
    with pytest.raises(DeniedError):
        email_of(signed(claims, EC), KEYS, EXPECTED)


def test_a_key_that_is_not_among_them_is_told_apart() -> None:
    for header in ({"kid": "c"}, {"kid": ""}):
        with pytest.raises(UnknownKeyError):
            email_of(signed(claims(), **header), KEYS, EXPECTED)
