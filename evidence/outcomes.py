"""The leaves of a request's tree: for each line submitted, who it is, as a keyed hash, and what was done."""

from binascii import b2a_base64
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from evidence.canonical import canonical

PERSON_BYTES = 16
NOBODY = bytes(PERSON_BYTES)
"""Stands for a line that repeats an earlier one, and has no deliveries."""
_INFO = b"consent-worker evidence: people"


PENDING = "pending"
"""The outcome of a delivery that is to be made again."""


@dataclass(frozen=True, eq=False)  # compared by identity, which is quick
class Delivery:
    """How deliveries at one vendor ended: those that were settled together, and before in the same way, share one."""

    vendor: str
    outcome: str
    reason: str | None
    at: datetime
    round: int = 1
    before: "Delivery | None" = None
    """How they had ended in the round before."""
    written: bytes = field(init=False, repr=False)
    """With all rounds, in canonical JSON: written once, and not for each line."""
    last: bytes = field(init=False, repr=False)
    """The same without rounds, as leaves were at first; empty where they are to be made again."""

    def __post_init__(self) -> None:
        last = self._round() | {"vendor": self.vendor}
        object.__setattr__(self, "last", canonical(last) if self.outcome != PENDING else b"")
        if self.round > 1:
            *earlier, _ = self.prefixes()
            last |= {"round": self.round, "earlier": [one._round() | {"round": one.round} for one in earlier]}
        object.__setattr__(self, "written", canonical(last))

    def _round(self) -> dict[str, Any]:
        found = {"at": utc(self.at), "outcome": self.outcome}
        return found | ({"reason": self.reason} if self.reason else {})

    def prefixes(self) -> list["Delivery"]:
        """How they stood after each round, the first one first."""
        found, one = [self], self.before
        while one is not None:
            found.append(one)
            one = one.before
        return found[::-1]


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


def leaves(
    lines: Sequence[int], people: Sequence[bytes], ended: Iterable[Ended], *, rounds: bool = True
) -> list[bytes]:
    """The entries of these lines, in canonical JSON; without `rounds` as they were at first."""
    written: dict[Ended, bytes] = {}
    entries: list[bytes] = []
    for line, person, done in zip(lines, people, ended, strict=True):
        deliveries = written.get(done)
        if deliveries is None:
            deliveries = written[done] = write_deliveries(done, rounds=rounds)
        entries.append(leaf(line, person, deliveries))
    return entries


def write_deliveries(done: Ended, *, rounds: bool) -> bytes:
    """How a line's deliveries ended, as its leaf has it."""
    written = [one.written if rounds else one.last for one in done if one is not None]
    return b",".join([one for one in written if one])


def leaf(line: int, person: bytes, deliveries: bytes) -> bytes:
    """The entry of a line. One that repeats an earlier line has its number alone."""
    if person == NOBODY:
        return b'{"line":%d}' % line
    return b'{"deliveries":[%b],"line":%d,"person":"%b"}' % (deliveries, line, b2a_base64(person, newline=False))


def count(ended: Iterable[Ended]) -> Counter[tuple[str, str, str]]:
    """How many deliveries ended how, by vendor, outcome and reason; an empty one where there is none."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for done, number in Counter(ended).items():
        for one in done:
            if one is not None and one.outcome != PENDING:
                counts[one.vendor, one.outcome, one.reason or ""] += number
    return counts
