"""The keys that open what Celery producers seal to us: libsodium sealed boxes, so that the broker holds no
identifier."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from domain.key_texts import read_keys

LARGEST = 8_000_000
"""Characters of base64. A thousand people with long identifiers and a session each take about a tenth of it."""
LARGEST_ITEM = LARGEST * 4 // 3 + 100_000
"""Bytes of the message that holds such a text: base64 once more, with headers."""


SEAL = "seal it to what `consent producer-key` prints (docs/producers.md)"


class NotSealedError(Exception):
    """A text was not sealed to one of our public keys. The message says what is wrong, and quotes nothing."""


class ProducerKeys:
    """Private X25519 keys. All are tried, so that a key can be changed while producers still use the old one."""

    def __init__(self, newest_first: Iterable[PrivateKey]) -> None:
        self._keys = list(newest_first)

    @classmethod
    def parse(cls, text: str) -> "ProducerKeys":
        """Parse CONSENT_PRODUCER_KEYS, newest first, in the forms of `domain.key_texts.read_keys`. An empty text is no
        key: then nothing can be opened.

        Raises ValueError, which gives the position of an unreadable key, never the key.
        """
        return cls(map(PrivateKey, read_keys(text, "producer key") if text.strip() else ()))

    @property
    def public(self) -> str | None:
        """The public half of the newest key in base64, which producers seal to. None without a key."""
        return b64encode(bytes(self._keys[0].public_key)).decode() if self._keys else None

    def open(self, sealed: object) -> bytes:
        """Open what a producer sealed, from its base64. Raises NotSealedError."""
        if not self._keys:
            raise NotSealedError(
                "there is no key to open it with: set CONSENT_PRODUCER_KEYS where it is taken in, and send it again"
            )
        if not isinstance(sealed, str):
            raise NotSealedError(f"not sealed: not a text; {SEAL}")
        if len(sealed) > LARGEST:
            raise NotSealedError(f"longer than {LARGEST:,} characters: send fewer people at a time")
        try:
            raw = b64decode(sealed, validate=True)
        except (Base64Error, ValueError):
            raise NotSealedError(f"not sealed: not base64; {SEAL}") from None
        for key in self._keys:
            try:
                return SealedBox(key).decrypt(raw)
            except CryptoError:
                continue
        raise NotSealedError(f"not sealed to a public key of ours, or damaged; {SEAL}")

    def __repr__(self) -> str:
        return f"ProducerKeys({len(self._keys)})"


def generate_producer_key() -> str:
    """A new private key in the form of CONSENT_PRODUCER_KEYS."""
    return b64encode(bytes(PrivateKey.generate())).decode()
