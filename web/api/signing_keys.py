"""The public keys that evidence is checked with. Like those of health, this path needs no key."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from evidence.keys import PublicKey
from ledger.evidence.sequencer import Published, published_keys
from web.api.models import examples
from web.context import Context
from web.dependencies import TheContext

EXAMPLE = PublicKey(bytes(32))


class SigningKey(BaseModel):
    """A key that has signed checkpoints, certificates or both."""

    name: Annotated[str, Field(description="the log that it signs for")]
    vkey: Annotated[str, Field(description="as verifiers of https://c2sp.org/signed-note read it")]
    pem: Annotated[str, Field(description="as OpenSSL reads it")]
    fingerprint: Annotated[str, Field(description="SHA-256 of the key: its id in the envelope of a certificate")]
    since: datetime


class SigningKeys(BaseModel):
    """Every key that has ever signed here, the newest first."""

    model_config = examples(
        {
            "keys": [
                {
                    "name": "consent.example/log",
                    "vkey": EXAMPLE.vkey("consent.example/log"),
                    "pem": "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n",
                    "fingerprint": EXAMPLE.fingerprint,
                    "since": "2026-08-20T12:00:00Z",
                }
            ]
        }
    )
    keys: list[SigningKey]


router = APIRouter(tags=["evidence"])


@router.get("/.well-known/consent-worker/keys", summary="Which keys sign evidence?")
async def signing_keys(context: TheContext) -> SigningKeys:
    """The public keys that certificates, proofs and checkpoints are checked with, old ones too."""
    found = await context.reads.run(lambda: _published(context))
    return SigningKeys(keys=[_shown(one) for one in found])


def _published(context: Context) -> list[Published]:
    with context.engine.connect() as connection:
        return published_keys(connection)


def _shown(one: Published) -> SigningKey:
    key = PublicKey(one.public)
    return SigningKey(
        name=one.name, vkey=key.vkey(one.name), pem=key.pem(), fingerprint=key.fingerprint, since=one.used_at
    )
