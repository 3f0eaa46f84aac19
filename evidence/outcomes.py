"""The leaves of a request's tree: for each line submitted, who it is, as a keyed hash, and what was done."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import rfc8785
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PERSON_BYTES = 16
NOBODY = bytes(PERSON_BYTES)
"""Stands for a line that repeats an earlier one, and has no deliveries."""
_INFO = b"consent-worker evidence: people"


class Delivery(NamedTuple):
    """What became of one person at one vendor."""

    vendor: str
    outcome: str
    reason: str | None
    at: datetime


@dataclass(frozen=True)
class Hasher:
    """Hashes who a line is under a key that is derived from its request's data key and destroyed with it: afterwards
    nobody can tell whose hash it is, also who guesses."""

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, data_key: bytes) -> "Hasher":
        """The hasher of a request."""
        return cls(HKDF(SHA256(), length=32, salt=None, info=_INFO).derive(data_key))

    def person(self, line: int, recorded: bytes) -> bytes:
        """The hash of a person: of their line, and of their identifiers as recorded."""
        return blake2b(recorded, digest_size=PERSON_BYTES, key=self.key, salt=line.to_bytes(16)).digest()


@lru_cache(maxsize=4_096)
def _written(delivery: Delivery) -> bytes:
    found = {"at": utc(delivery.at), "outcome": delivery.outcome, "vendor": delivery.vendor}
    return rfc8785.dumps(found | ({"reason": delivery.reason} if delivery.reason else {}))


def utc(moment: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def leaf(line: int, person: bytes, deliveries: Sequence[Delivery]) -> bytes:
    """The entry of a line, in canonical JSON. `deliveries`: in the order of their vendors."""
    if person == NOBODY:
        return b'{"line":%d}' % line
    done = b",".join(map(_written, deliveries))
    return b'{"deliveries":[%b],"line":%d,"person":"%b"}' % (done, line, b64encode(person))


def count(deliveries: Iterable[Delivery]) -> Counter[tuple[str, str, str]]:
    """How many deliveries ended how, by vendor, outcome and reason; an empty one where there is none."""
    return Counter([(one.vendor, one.outcome, one.reason or "") for one in deliveries])
