"""How a receiver is told by the Standard Webhooks convention. https://www.standardwebhooks.com, read 2026-11."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import SecretStr
from pydantic_core import to_json
from standardwebhooks.webhooks import Webhook

from adapters.callbacks import Letter
from domain.notices import Notice

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""Of a secret, by the convention."""


def check_secret(secret: SecretStr) -> SecretStr:
    """Return `secret`; raise ValueError, which never quotes it, where it is not one of the convention's form."""
    text = secret.get_secret_value()
    try:
        raw = b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except (Base64Error, ValueError):
        raw = b""
    if len(raw) not in SECRET_BYTES:
        raise ValueError(f"a secret is {PREFIX} and 24 to 64 random bytes in base64")
    return secret


def dress(notice: Notice, secrets: Sequence[SecretStr], now: datetime) -> Letter:
    """Headers and body. Signed with every secret, so that a receiver may change from one to the next at its leisure.

    The body is the same at every attempt; the timestamp, which receivers compare with their clock, is of this one.
    """
    message_id = f"msg_{notice.message_id.hex}"
    body = to_json(
        {
            "type": f"request.{notice.status}",
            "timestamp": notice.happened_at.astimezone(UTC),
            "data": {
                "request_id": notice.request_id,
                "kind": notice.kind,
                "status": notice.status,
                "received_at": notice.received_at.astimezone(UTC),
                "subjects": notice.subjects,
                "vendors": notice.vendors,
            },
        }
    )
    return sign(message_id, body, secrets, now)


def sign(message_id: str, body: bytes, secrets: Sequence[SecretStr], now: datetime) -> Letter:
    """A body with the headers that say who sends it, by the convention."""
    moment = now.astimezone(UTC)
    signatures = (Webhook(secret.get_secret_value()).sign(message_id, moment, body.decode()) for secret in secrets)
    return Letter(
        {
            "content-type": "application/json",
            "user-agent": "consent-worker",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": " ".join(signatures),
        },
        body,
    )
