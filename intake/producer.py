"""For systems that submit through Celery: `send` seals a request to our public key and enqueues it.

Needs only PyNaCl and Celery. docs/producers.md describes the request, and how to do the same in other languages.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from nacl.public import PublicKey, SealedBox

from domain.key_texts import read_keys
from tasks.queues import SUBMIT, SUBMIT_QUEUE
from tasks.sending import sender


def seal(request: Mapping[str, Any], public_key: str) -> str:
    """The task's only argument. Only the holder of the private key can read it, not even the sender.

    `public_key` may be in base64, standard or URL-safe, padded or not, or in hexadecimal. Raises ValueError where it is
    not a key.
    """
    try:
        key, *others = read_keys(public_key, "public key")
    except (AttributeError, ValueError):
        others = [b""]
    if others:
        raise ValueError("public_key is not one key of 32 bytes in base64: give what `consent producer-key` prints")
    return b64encode(SealedBox(PublicKey(key)).encrypt(json.dumps(request).encode())).decode()


def send(request: Mapping[str, Any], *, public_key: str, redis_url: str, redis_ca: str | None = None) -> str:
    """Enqueue a request; returns the id of the message. Raises kombu.exceptions.OperationalError; ValueError where the
    key or the address cannot be read.

    `public_key` is printed by `consent producer-key`. `redis_ca`: a file of CA certificates to verify rediss:// with;
    None: the system's.
    """
    with sender(redis_url, redis_ca) as app:
        sealed = seal(request, public_key)
        return str(app.send_task(SUBMIT, [sealed], queue=SUBMIT_QUEUE, argsrepr="(sealed)", kwargsrepr="{}").id)
