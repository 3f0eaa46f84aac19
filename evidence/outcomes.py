"""The leaves of a request's tree: for each line submitted, who it is, as a keyed hash, and what was done."""

from binascii import b2a_base64
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

import rfc8785
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PERSON_BYTES = 16
NOBODY = bytes(PERSON_BYTES)
"""Stands for a line that repeats an earlier one, and has no deliveries."""
_INFO = b"consent-worker evidence: people"


@dataclass(frozen=True, eq=False)  # compared by identity, which is quick
class Delivery:
    """How deliveries at one vendor ended: those that were settled together share one."""

    vendor: str
    outcome: str
    reason: str | None
    at: datetime
    written: bytes = field(init=False, repr=False)
    """In canonical JSON: written once, and not for each line."""

    def __post_init__(self) -> None:
        found = {"at": utc(self.at), "outcome": self.outcome, "vendor": self.vendor}
        written = rfc8785.dumps(found | ({"reason": self.reason} if self.reason else {}))
        object.__setattr__(self, "written", written)


Ended = tuple[Delivery | None, ...]
"""How a line's deliveries ended, in the order of their vendors; None: it has none there. Very many lines share one."""


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


def utc(moment: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def leaves(lines: Sequence[int], people: Sequence[bytes], ended: Iterable[Ended]) -> list[bytes]:
    """The entries of these lines, in canonical JSON."""
    written: dict[Ended, bytes] = {}
    entries: list[bytes] = []
    for line, person, done in zip(lines, people, ended, strict=True):
        if person == NOBODY:
            entries.append(b'{"line":%d}' % line)
            continue
        begins = written.get(done)
        if begins is None:
            begins = written[done] = b",".join([one.written for one in done if one is not None])
        entries.append(
            b'{"deliveries":[%b],"line":%d,"person":"%b"}' % (begins, line, b2a_base64(person, newline=False))
        )
    return entries


def count(ended: Iterable[Ended]) -> Counter[tuple[str, str, str]]:
    """How many deliveries ended how, by vendor, outcome and reason; an empty one where there is none."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for done, number in Counter(ended).items():
        for one in done:
            if one is not None:
                counts[one.vendor, one.outcome, one.reason or ""] += number
    return counts
