"""Encryption of people in the ledger: AES-256-GCM under a data key per request, wrapped by a master key."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.key_texts import KEY_BYTES, read_keys

NONCE_BYTES = 12
KEY_ID_BYTES = 8
SALT_BYTES = 24
PRINT_BYTES = 16


class UnsealError(ValueError):
    """This was not sealed by these keys for this place: a master key is missing, or the record was tampered with."""


@dataclass(frozen=True)
class SealingKey:
    """One AES-256-GCM key. `context` binds a sealed value to its place, so that it cannot be moved to another."""

    raw: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cipher", AESGCM(self.raw))

    @classmethod
    def generate(cls) -> "SealingKey":
        """A new random key."""
        return cls(os.urandom(KEY_BYTES))

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt: nonce and ciphertext.

        Nonces are random, so a key must not seal more than 2**32 values (NIST SP 800-38D 8.3). That of a request comes
        nowhere near, for its lines end at 2**31. A master key has subkeys: see MasterKeys.
        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context)

    def seal_all(self, plains: Sequence[bytes], contexts: Iterable[bytes]) -> list[bytes]:
        """The same for many, each with a context and a random nonce of its own. The nonces are drawn in one call."""
        random, encrypt = os.urandom(NONCE_BYTES * len(plains)), self._cipher.encrypt
        nonces = [random[place : place + NONCE_BYTES] for place in range(0, len(random), NONCE_BYTES)]
        return [
            nonce + encrypt(nonce, plain, context)
            for nonce, plain, context in zip(nonces, plains, contexts, strict=True)
        ]

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt. Raises UnsealError."""
        return self.open_all([sealed], [context])[0]

    def open_all(self, sealed: Iterable[bytes], contexts: Iterable[bytes]) -> list[bytes]:
        """The same for many, each with its context. Raises UnsealError where any cannot be opened."""
        decrypt = self._cipher.decrypt
        try:
            return [
                decrypt(one[:NONCE_BYTES], one[NONCE_BYTES:], context)
                for one, context in zip(sealed, contexts, strict=True)
            ]
        except (InvalidTag, ValueError):
            raise UnsealError("cannot be opened with these keys") from None


class MasterKeys:
    """The keys that wrap all others. The newest seals and every one opens, so that a key can be changed while
    running.

    Each value is sealed under a subkey of its own, so a master key may seal any number of them.
    """

    def __init__(self, newest_first: Iterable[bytes]) -> None:
        self._keys = {_key_id(raw): raw for raw in newest_first}
        if not self._keys:
            raise ValueError("at least one master key is needed")
        self._newest = next(iter(self._keys))

    @classmethod
    def parse(cls, text: str) -> "MasterKeys":
        """Parse CONSENT_MASTER_KEYS, newest first, in the forms of `domain.key_texts.read_keys`.

        Raises ValueError, which gives the position of an unreadable key, never the key.
        """
        return cls(read_keys(text, "master key"))

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt with the newest key: its id, the salt of the subkey, nonce and ciphertext."""
        salt = os.urandom(SALT_BYTES)
        return self._newest + salt + _subkey(self._keys[self._newest], salt).seal(plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt what any of these keys sealed. Raises UnsealError."""
        key = self._keys.get(sealed[:KEY_ID_BYTES])
        if key is None:
            raise UnsealError("the master key that sealed this is not among those given")
        rest = sealed[KEY_ID_BYTES:]
        try:
            return _subkey(key, rest[:SALT_BYTES]).open(rest[SALT_BYTES:], context)
        except UnsealError:  # an earlier version sealed under the master key itself
            return SealingKey(key).open(rest, context)

    @property
    def ids(self) -> list[bytes]:
        """The id of each key, newest first. An id is a hash, and reveals nothing of its key."""
        return list(self._keys)

    def __repr__(self) -> str:
        return f"MasterKeys({len(self._keys)})"


def generate_master_key() -> str:
    """A new master key in the form of CONSENT_MASTER_KEYS."""
    return urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def passing_fingerprinter() -> "Fingerprinter":
    """One with a key that nobody keeps, for prints that are compared with each other only."""
    return Fingerprinter(os.urandom(KEY_BYTES))


def _subkey(raw: bytes, salt: bytes) -> SealingKey:
    """Derived by keyed BLAKE2b, which takes less time than HKDF: it is done once or more for each request."""
    return SealingKey(blake2b(salt, digest_size=KEY_BYTES, key=raw, person=b"consent-wrap").digest())


def _key_id(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=KEY_ID_BYTES, person=b"consent-keyid").digest()


@dataclass(frozen=True)
class Fingerprinter:
    """Keyed 128-bit fingerprints: equal for equal identifiers, and useless without the key. It prints with the newest
    key, and has those besides by which people may still be fingerprinted."""

    key: bytes = field(repr=False)
    number: int = 1
    """Which key it is: each new one has the next number."""
    older: tuple["Fingerprinter", ...] = field(default=(), repr=False)
    """By the keys that it has replaced and that are still needed, the newest first."""
    reprinting: bool = False
    """People fingerprinted by the first of the older keys are being fingerprinted anew, so not all are yet."""
    everybodys: bool = True
    """Everybody is to be found by this key. By an older one, while people are fingerprinted anew and while there is a
    legal hold that is known by it alone."""
    changes: int = 0
    """How often the keys had changed. A submission makes sure that they have not changed since."""
    _printers: dict[bytes, Callable[[bytes], bytes]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def every(self) -> tuple["Fingerprinter", ...]:
        """By each key, the newest first."""
        return (self, *self.older)

    @property
    def of_readable(self) -> tuple["Fingerprinter", ...]:
        """By the keys under which people who can be read may be found."""
        return self.every[: 2 if self.reprinting else 1]

    def print_of(self, what: bytes, value: bytes) -> bytes:
        """The 16-byte fingerprint of one value. `what` (at most 16 bytes) distinguishes an e-mail from a user_id."""
        return self.printer(what)(value)

    def printer(self, what: bytes) -> Callable[[bytes], bytes]:
        """`print_of` for many values of one kind, at less than half the cost: the key is hashed once for each kind."""
        found = self._printers.get(what)
        if found is None:
            found = self._printers[what] = self._new_printer(what)
        return found

    def _new_printer(self, what: bytes) -> Callable[[bytes], bytes]:
        keyed = blake2b(digest_size=PRINT_BYTES, key=self.key, person=what)

        def print_of(value: bytes) -> bytes:
            hashing = keyed.copy()
            hashing.update(value)
            return hashing.digest()

        return print_of
