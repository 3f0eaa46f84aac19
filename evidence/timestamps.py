"""Time stamps of RFC 3161: what an authority is asked, and what its answer proves. Read 2026-11."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from cryptography.x509 import Certificate, DuplicateExtension, ObjectIdentifier, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

MEDIA_TYPE, ANSWER_TYPE = "application/timestamp-query", "application/timestamp-reply"
"""RFC 3161, 3.4."""
_SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")


class TimestampError(ValueError):
    """This is no time stamp of the content. The message says why."""


class Question(NamedTuple):
    """What an authority is sent, and the number that its answer must repeat."""

    raw: bytes
    nonce: int | None


def ask_for(content: bytes) -> Question:
    """The question for a time stamp of some content, of which the authority sees the SHA-256 alone."""
    request = TimestampRequestBuilder(content, HashAlgorithm.SHA256).build()
    return Question(request.as_bytes(), request.nonce)


def check(answer: bytes, content: bytes, roots: Sequence[Certificate], nonce: int | None = None) -> datetime:
    """When an authority below one of these roots says that the content was there. Without `roots` nobody vouches for
    it, and only whether it is of this content is looked at. Raises TimestampError."""
    try:
        return _checked(decode_timestamp_response(answer), content, roots, nonce)
    except VerificationError:
        raise TimestampError("no authority that is trusted has signed it") from None
    except TimestampError:
        raise
    except (ValueError, DuplicateExtension):  # its parts are read when they are asked for
        raise TimestampError("it cannot be read") from None


def _checked(stamp: TimeStampResponse, content: bytes, roots: Sequence[Certificate], nonce: int | None) -> datetime:
    if PKIStatus(stamp.status) is not PKIStatus.GRANTED:
        raise TimestampError("the authority refused it")
    said = stamp.tst_info
    if (said.message_imprint.hash_algorithm, said.message_imprint.message) != (_SHA256, sha256(content).digest()):
        raise TimestampError("it is of another content")
    if nonce is not None and said.nonce != nonce:
        raise TimestampError("it answers another question")
    if roots:
        VerifierBuilder(roots=list(roots)).build().verify_message(stamp, content)
    return said.gen_time


def read_roots(pem: bytes) -> list[Certificate]:
    """The certificates in a file. Raises TimestampError."""
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise TimestampError("there are no certificates in it") from None
