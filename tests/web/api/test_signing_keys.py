"""The public keys of evidence, for everybody."""

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from evidence import checkpoint
from evidence.keys import SigningKey, read_public_keys
from ledger.evidence import sequencer
from web.app import create_app
from web.context import Context

OLD, NEW = SigningKey(b"o" * 32), SigningKey(b"n" * 32)


def test_every_key_that_has_signed_is_published_without_a_key(context: Context, engine: Engine) -> None:
    for key in (OLD, NEW):
        with engine.begin() as connection:
            sequencer.advance(connection, key, "consent.example/log")
    with TestClient(create_app(context)) as client:
        answer = client.get("/.well-known/consent-worker/keys")
    assert answer.status_code == 200
    found = answer.json()["keys"]
    assert [read_public_keys(one["pem"]) for one in found] == [[NEW.public], [OLD.public]]
    assert [read_public_keys(one["vkey"]) for one in found] == [[NEW.public], [OLD.public]]
    assert [one["fingerprint"] for one in found] == [NEW.public.fingerprint, OLD.public.fingerprint]
    with engine.connect() as connection:
        newest = sequencer.newest_checkpoint(connection)
    assert newest is not None
    assert checkpoint.verified(newest.signed, read_public_keys(found[0]["vkey"])).origin == found[0]["name"]


def test_before_anything_is_signed_there_are_none(context: Context) -> None:
    with TestClient(create_app(context)) as client:
        assert client.get("/.well-known/consent-worker/keys").json() == {"keys": []}
