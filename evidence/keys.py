"""Ed25519 keys that sign evidence, and their public halves in the forms that others read."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from domain.key_texts import KEY_BYTES, read_keys

ED25519 = b"\x01"
"""The type of an Ed25519 signature in https://c2sp.org/signed-note."""
PEM_BEGIN, PEM_END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


class KeyTextError(ValueError):
    """A text contains no public key that we can read."""


@dataclass(frozen=True)
class PublicKey:
    """The public half of a signing key: 32 bytes."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, in hexadecimal: the key's id in an envelope."""
        return sha256(self.raw).hexdigest()

    def id_for(self, name: str) -> bytes:
        """The four bytes by which a note names this key (https://c2sp.org/signed-note)."""
        return sha256(name.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    def vkey(self, name: str) -> str:
        """The key as verifiers of notes read it: name, id and key."""
        return f"{name}+{self.id_for(name).hex()}+{b64encode(ED25519 + self.raw).decode()}"

    def pem(self) -> str:
        """The key in PEM, as OpenSSL reads it."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this is the key's signature of a message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key, which never lies in PostgreSQL."""

    seed: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return PublicKey(key.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of a message (RFC 8032)."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def read_signing_keys(text: str) -> list[SigningKey]:
    """Read CONSENT_SIGNING_KEYS, newest first, in the forms of `domain.key_texts.read_keys`; none from an empty text.

    Raises ValueError, which gives the position of an unreadable key, never the key.
    """
    return [SigningKey(raw) for raw in read_keys(text, "signing key")] if text.strip() else []


def generate_signing_key() -> str:
    """A new private key in the form of CONSENT_SIGNING_KEYS."""
    return b64encode(token_bytes(KEY_BYTES)).decode()


def read_public_keys(text: str) -> list[PublicKey]:
    """Every public key in a text: blocks of PEM, or lines in the form of `PublicKey.vkey`. Raises KeyTextError."""
    keys = list(_in_pem(text)) or [_of_vkey(line) for line in text.split()]
    if not keys:
        raise KeyTextError("there is no public key in it")
    return keys


def _in_pem(text: str) -> Iterable[PublicKey]:
    for block in text.split(PEM_BEGIN)[1:]:
        try:
            key = load_pem_public_key((PEM_BEGIN + block.partition(PEM_END)[0] + PEM_END).encode())
        except ValueError:
            raise KeyTextError("its PEM cannot be read") from None
        if not isinstance(key, Ed25519PublicKey):
            raise KeyTextError("its key is not an Ed25519 key")
        yield PublicKey(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _of_vkey(line: str) -> PublicKey:
    name, _, rest = line.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        raw = b""
    if len(raw) != 1 + KEY_BYTES or raw[:1] != ED25519:
        raise KeyTextError("it is neither PEM nor NAME+ID+KEY with an Ed25519 key")
    key = PublicKey(raw[1:])
    if key.id_for(name).hex() != key_id:
        raise KeyTextError("the id in NAME+ID+KEY is not that of its key")
    return key
