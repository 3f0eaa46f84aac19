"""Signed envelopes. https://github.com/secure-systems-lab/dsse, protocol version 1, read 2026-11."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import rfc8785
from pydantic_core import from_json

from evidence.keys import PublicKey, SigningKey
from evidence.note import NoteError, decoded


class EnvelopeError(ValueError):
    """This is no envelope, or nobody whose key is given has signed it."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: type and payload with their lengths."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload_type: str, payload: bytes, key: SigningKey) -> bytes:
    """An envelope with one signature, in canonical JSON, and a newline."""
    signature = {"keyid": key.public.fingerprint, "sig": b64encode(key.sign(pae(payload_type, payload))).decode()}
    return _written(payload_type, payload, [signature])


def _written(payload_type: str, payload: bytes, signatures: list[dict[str, str]]) -> bytes:
    envelope: Any = {
        "payload": b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": signatures,
    }
    return rfc8785.dumps(envelope) + b"\n"


def open_envelope(raw: bytes, payload_type: str, keys: Iterable[PublicKey]) -> bytes:
    """The payload of an envelope of this type that one of these keys has signed.

    Nothing in the file may be unsigned: it must be exactly what `seal` writes. Raises EnvelopeError.
    """
    known = {key.fingerprint: key for key in keys}
    try:
        found: Any = from_json(raw)
        payload, signatures = decoded(found["payload"]), found["signatures"]
        (key_id, signature) = (signatures[0]["keyid"], decoded(signatures[0]["sig"]))
        if found["payloadType"] != payload_type or _written(payload_type, payload, signatures) != raw:
            raise EnvelopeError("not an envelope of ours, or changed")
    except (ValueError, KeyError, IndexError, TypeError, NoteError) as error:
        if isinstance(error, EnvelopeError):
            raise
        raise EnvelopeError("not an envelope of ours, or changed") from None
    if len(signatures) != 1 or key_id not in known:
        raise EnvelopeError("not signed with a key that was given")
    if not known[key_id].has_signed(pae(payload_type, payload), signature):
        raise EnvelopeError("its signature is not that of its content")
    return payload
