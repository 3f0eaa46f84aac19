"""Letters by the Standard Webhooks convention. https://www.standardwebhooks.com, read 2026-11."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from pydantic import SecretStr
from pydantic_core import to_json
from standardwebhooks.webhooks import Webhook

from adapters.callbacks import Letter
from domain.key_texts import PREFIX, read_signing_secret
from domain.notices import Notice

TEST = "webhook.test"
"""The type of a test message."""


def check_secret(secret: SecretStr) -> SecretStr:
    """Return `secret` in standard base64, the only one that the convention's libraries read. Raises ValueError, which
    never quotes it, where it is not of the convention's form."""
    return SecretStr(PREFIX + b64encode(read_signing_secret(secret.get_secret_value())).decode())


def format_letter(notice: Notice, secrets: Sequence[SecretStr], now: datetime) -> Letter:
    """Headers and body. Signed with every secret, so that a receiver may change from one to the next at any time.

    The body is the same at every attempt. The timestamp, which receivers compare with their clock, is of this attempt.
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


def format_test(message_id: UUID, secrets: Sequence[SecretStr], now: datetime) -> Letter:
    """A message that says nothing, signed as all others: a receiver proves with it that it can be reached and checks
    signatures."""
    body = to_json({"type": TEST, "timestamp": now.astimezone(UTC), "data": {}})
    return sign(f"msg_{message_id.hex}", body, secrets, now)


def sign(message_id: str, body: bytes, secrets: Sequence[SecretStr], now: datetime) -> Letter:
    """A body with the convention's headers, which prove the sender."""
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
