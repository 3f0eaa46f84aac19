"""Who is on the suppression list: who was erased, and has not opted in anew since."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.requests import Kind

Identifiers = frozenset[tuple[str, bytes]]
"""Of one person: which field, and its fingerprint."""
AGAIN_AFTER = timedelta(days=7)
"""Nobody is erased again sooner: an import that is checked each night must not send the same each night."""
OPT_OUTS_TOLD = 1_000
"""People of the largest opt-out that is told who of them is on the list: to look them up takes as long as to record
them."""


@dataclass(frozen=True)
class PastWish:
    """An erasure, or an opt-in that a vendor accepted. `request_id`: None where its request is forgotten."""

    kind: Kind
    at: datetime
    identifiers: Identifiers = field(repr=False)
    request_id: UUID | None = None
    newest_at: datetime | None = field(default=None, compare=False)
    """When the newest erasure of this person took effect; set for the one by which they are on the list."""

    def is_due_again(self, now: datetime) -> bool:
        """Whether its person may be erased again: none of their erasures is newer than `AGAIN_AFTER`."""
        return now - (self.newest_at or self.at) >= AGAIN_AFTER


def is_told(kind: Kind, people: int) -> bool:
    """Whether a request of so many people is told, when it is recorded, who of them is on the list. An erasure repeats
    what they asked for; of a large opt-out a check of the file tells it."""
    return kind is Kind.OPT_IN or (kind is Kind.OPT_OUT and people <= OPT_OUTS_TOLD)


def erasures_that_count(asked: Sequence[Identifiers], wishes: Iterable[PastWish]) -> list[PastWish | None]:
    """For each person, in order, the oldest erasure by which they are on the list; None: they are not.

    One equal identifier is enough: to be asked about once too often is better than to be forgotten.
    """
    by_identifier: dict[tuple[str, bytes], list[PastWish]] = defaultdict(list)
    for wish in wishes:
        for identifier in wish.identifiers:
            by_identifier[identifier].append(wish)
    return [_oldest_that_counts(person, by_identifier) for person in asked]


_ByIdentifier = Mapping[tuple[str, bytes], Sequence[PastWish]]


def _oldest_that_counts(asked: Identifiers, wishes: _ByIdentifier) -> PastWish | None:
    named = {id(wish): wish for one in asked for wish in wishes.get(one, ()) if wish.kind is Kind.ERASURE}
    for erasure in sorted(named.values(), key=lambda wish: wish.at):
        later = (wish for one in erasure.identifiers for wish in wishes.get(one, ()) if wish.kind is Kind.OPT_IN)
        if not any(_takes_off(opt_in, erasure, asked) for opt_in in later):
            return replace(erasure, newest_at=max(wish.at for wish in named.values()))
    return None


def _takes_off(opt_in: PastWish, erasure: PastWish, asked: Identifiers) -> bool:
    """Whether an opt-in that shares an identifier with an erasure is of the same person, and newer. It is of the same
    person where no field contradicts; else it counts for those alone whom the erasure names by its own identifiers.
    An erasure of the same moment counts."""
    if opt_in.at <= erasure.at:
        return False
    return asked & erasure.identifiers <= opt_in.identifiers or not contradict(opt_in.identifiers, erasure.identifiers)


def contradict(one: Identifiers, other: Identifiers) -> bool:
    """Whether a field that both have is equal in none of its values: then these are two people."""
    fields = {name for name, _ in one} & {name for name, _ in other}
    shared = {name for name, _ in one & other}
    return bool(fields - shared)
