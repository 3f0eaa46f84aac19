"""Keys and tokens of an identity provider, of every shape that JSON allows."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from adapters.id_token import DeniedError, Expected, UnknownKeyError, email_of, usable_keys

RSA, EC = RSAKey.generate_key(2048, {"kid": "a"}), ECKey.generate_key("P-256", {"kid": "b"})
GOOD = [dict(key.as_dict(private=False)) for key in (RSA, EC)]
EXPECTED = Expected("https://id.example", "us", "nonce")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["a", "b"])
JSON = st.recursive(SCALARS, lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=5), of, max_size=3))
NAMES = st.sampled_from(
    ["alg", "kid", "crit", "b64", "typ", "jwk", "x5c", "iss", "aud", "exp", "nonce", "email", "azp"]
)
ALGORITHMS = st.sampled_from(["RS256", "ES256", "PS256", "HS256", "none", "ES256K", "EdDSA"])


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


@given(header=st.dictionaries(NAMES, JSON, max_size=4) | JSON, alg=ALGORITHMS, claims=JSON, signature=st.binary())
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_no_token_is_a_crash(header: Any, alg: str, claims: Any, signature: bytes) -> None:
    if isinstance(header, dict):
        header = {"alg": alg, "kid": "a"} | header
    with pytest.raises(DeniedError):
        email_of(".".join(map(encoded, (header, claims, signature))), KeySet([RSA, EC]), EXPECTED)


@given(claims=st.dictionaries(NAMES, JSON) | JSON)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_no_claims_are_a_crash(claims: Any) -> None:
    said = f"{encoded({'alg': 'ES256', 'kid': 'b'})}.{encoded(claims)}"
    signature = JWSRegistry.algorithms["ES256"].sign(said.encode(), EC)
    with pytest.raises(DeniedError):
        email_of(f"{said}.{encoded(signature)}", KeySet([RSA, EC]), EXPECTED)


def test_a_key_that_is_not_among_them_is_told_apart() -> None:
    with pytest.raises(UnknownKeyError):
        email_of(f"{encoded({'alg': 'RS256', 'kid': 'c'})}.e30.AA", KeySet([RSA, EC]), EXPECTED)


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
