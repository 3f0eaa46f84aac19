"""For systems that submit through Celery: a `Producer` seals requests to our public key and enqueues them.

Needs only PyNaCl and Celery. docs/producers.md describes the request, and how to do the same in other languages.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Self

from nacl.public import PublicKey, SealedBox

from domain.key_texts import read_keys
from tasks.queues import SUBMIT, SUBMIT_QUEUE
from tasks.sending import sender


def seal(request: Mapping[str, Any], public_key: str) -> str:
    """The task's only argument. Only the holder of the private key can read it, not even the sender.

    `public_key` may be in base64, standard or URL-safe, padded or not, or in hexadecimal. Raises ValueError where it is
    not a key.
    """
    return _sealed(_box(public_key), request)


def _box(public_key: str) -> SealedBox[PublicKey]:
    try:
        key, *others = read_keys(public_key, "public key")
    except (AttributeError, ValueError):
        others = [b""]
    if others:
        raise ValueError("public_key is not one key of 32 bytes in base64: give what `consent producer-key` prints")
    return SealedBox(PublicKey(key))


def _sealed(box: SealedBox[PublicKey], request: Mapping[str, Any]) -> str:
    return b64encode(box.encrypt(json.dumps(request).encode())).decode()


class Producer:
    """Seals requests and enqueues them over connections that it keeps, where `send` connects anew for each. Threads may
    share it, and each uses a connection of its own. A connection that broke is made anew. After a fork, a process
    needs a producer of its own.

    `public_key` is printed by `consent producer-key`. `redis_ca`: a file of CA certificates to verify rediss:// with;
    None: the system's. Raises ValueError where the key or the address cannot be read.
    """

    def __init__(self, *, public_key: str, redis_url: str, redis_ca: str | None = None) -> None:
        self._box = _box(public_key)
        self._app = sender(redis_url, redis_ca)

    def __repr__(self) -> str:
        return "Producer()"  # the address may contain a password

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, request: Mapping[str, Any]) -> str:
        """Enqueue a request; returns the id of the message. Raises kombu.exceptions.OperationalError where Redis cannot
        be used after some attempts: whether the message is there is not known then, so send it again with the same
        `idempotency_key`."""
        sealed = _sealed(self._box, request)
        sent = self._app.send_task(SUBMIT, [sealed], queue=SUBMIT_QUEUE, argsrepr="(sealed)", kwargsrepr="{}")
        return str(sent.id)

    def close(self) -> None:
        """Close the connections."""
        self._app.close()


def send(request: Mapping[str, Any], *, public_key: str, redis_url: str, redis_ca: str | None = None) -> str:
    """Enqueue one request over a connection of its own; returns the id of the message. For more than one, keep a
    `Producer`. Raises as it does."""
    with Producer(public_key=public_key, redis_url=redis_url, redis_ca=redis_ca) as producer:
        return producer.send(request)
