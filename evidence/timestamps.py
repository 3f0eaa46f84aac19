"""Time stamps of RFC 3161: what an authority is asked, and what its answer proves. Read 2026-11."""

from collections.abc import Sequence
from datetime import datetime, timedelta
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
CLOCKS_APART = timedelta(hours=1)
"""An answer whose time is further from that of its question is not believed."""
_SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")


class TimestampError(ValueError):
    """This is no time stamp of the content. The message says why."""


class Question(NamedTuple):
    """What an authority is sent, the number that its answer must repeat, and when it was asked."""

    raw: bytes
    nonce: int | None
    asked_at: datetime


def ask_for(content: bytes, now: datetime) -> Question:
    """The question for a time stamp of some content, of which the authority sees the SHA-256 alone. `now`: by our
    clock."""
    request = TimestampRequestBuilder(content, HashAlgorithm.SHA256).build()
    return Question(request.as_bytes(), request.nonce, now)


def check(answer: bytes, content: bytes, roots: Sequence[Certificate], question: Question | None = None) -> datetime:
    """When an authority below one of these roots says that the content was there. Without `roots` nobody vouches for
    it, and only whether it is of this content is looked at. `question`: that it must be the answer to, by its number
    and its time. Raises TimestampError."""
    try:
        return _checked(decode_timestamp_response(answer), content, roots, question)
    except VerificationError:
        raise TimestampError("no authority that is trusted has signed it") from None
    except TimestampError:
        raise
    except (ValueError, DuplicateExtension):  # its parts are read when they are asked for
        raise TimestampError("it cannot be read") from None


def _checked(
    stamp: TimeStampResponse, content: bytes, roots: Sequence[Certificate], question: Question | None
) -> datetime:
    if PKIStatus(stamp.status) is not PKIStatus.GRANTED:
        raise TimestampError("the authority refused it")
    said = stamp.tst_info
    if (said.message_imprint.hash_algorithm, said.message_imprint.message) != (_SHA256, sha256(content).digest()):
        raise TimestampError("it is of another content")
    if question is not None and said.nonce != question.nonce:
        raise TimestampError("it answers another question")
    if question is not None and abs(said.gen_time - question.asked_at) > CLOCKS_APART:
        raise TimestampError("its time and our clock differ by more than an hour")
    if roots:
        VerifierBuilder(roots=list(roots)).build().verify_message(stamp, content)
    return said.gen_time


def read_roots(pem: bytes) -> list[Certificate]:
    """The certificates in a file. Raises TimestampError."""
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise TimestampError("there are no certificates in it") from None
