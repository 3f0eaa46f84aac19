"""Whose wish counts: what one delivery is to do, given the other wishes about the same person at the same vendor.

The rules are in docs/operations.md in plain words and in docs/decisions/ with their reasons. Nothing here reads or
writes: the ledger finds the other wishes, the caller acts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple
from uuid import UUID

from domain.outcomes import Outcome, Reason
from domain.requests import Kind


class State(StrEnum):
    """The state of a wish at one vendor."""

    ASIDE = "aside"  # not begun: it waits for a date or for a confirmation
    DUE = "due"  # will be sent, now or when it is retried
    IN_FLIGHT = "in_flight"  # a worker has it and may be sending it now
    STOPPING = "stopping"  # the same, but its request was cancelled
    YES = "yes"  # the vendor said yes
    WAITING = "waiting"  # for a person: a session, an identifier, a retry
    REFUSED = "refused"  # the vendor will not accept it
    NOTHING = "nothing"  # the vendor has no such operation
    DROPPED = "dropped"  # superseded by a newer wish
    CANCELLED = "cancelled"


_BY_OUTCOME: Mapping[Outcome, State] = {
    Outcome.ACCEPTED: State.YES,
    Outcome.VERIFIED: State.YES,
    Outcome.ABSENT: State.YES,
    Outcome.NOT_APPLICABLE: State.NOTHING,
    Outcome.UNREACHABLE: State.WAITING,
    Outcome.SUPERSEDED: State.DROPPED,
    Outcome.REFUSED: State.REFUSED,
    Outcome.NEEDS_ACTION: State.WAITING,
    Outcome.EXHAUSTED: State.WAITING,
    Outcome.CANCELLED: State.CANCELLED,
}


def state_of(kind: Kind, outcome: Outcome, reason: str | None) -> State:
    """The state of a wish whose delivery has ended."""
    if outcome is Outcome.ABSENT and kind is Kind.OPT_IN:
        return State.NOTHING  # the vendor knows nobody whom it could have subscribed
    if outcome is Outcome.NOT_APPLICABLE and reason == Reason.NO_IDENTIFIER:
        return State.WAITING
    return _BY_OUTCOME[outcome]


Key = tuple[str, str]
"""A kind of identifier and its value, as an adapter's `known_by` returns them."""


Order = tuple[datetime, bool, int]


def order_of(kind: Kind, effective_at: datetime, request: int) -> Order:
    """The order in which wishes of one key are sent: by effective time, an opt-in before a withdrawal, then by request
    number."""
    return effective_at, kind is not Kind.OPT_IN, request


@dataclass(frozen=True, slots=True)
class Wish:
    """One person's wish of one request, at one vendor."""

    kind: Kind
    effective_at: datetime  # never later than the receipt
    request: int  # numbers increase with time
    line: int
    state: State
    touches: frozenset[str]
    keys: frozenset[Key] | None = field(repr=False)  # empty: it has none at the vendor; None: unknown
    identifiers: Mapping[str, frozenset[UUID]] = field(repr=False)  # by kind, fingerprints

    @property
    def order(self) -> Order:
        """Its position among the wishes of its key."""
        return order_of(self.kind, self.effective_at, self.request)

    @property
    def withdraws(self) -> bool:
        """Whether it is a withdrawal."""
        return self.kind is not Kind.OPT_IN


class Same(IntEnum):
    """How certainly two wishes are about one person."""

    NO = 0  # two people
    MAYBE = 1  # they share an identifier and differ in none, or it is unknown
    KEY = 2  # one key at the vendor, two people: a family's e-mail address
    CERTAIN = 3  # one key at the vendor, and no user_id says otherwise


def same(one: Wish, other: Wish) -> Same:
    """How certainly two wishes are about one person at their vendor."""
    contradicted = {
        kind
        for kind in one.identifiers.keys() & other.identifiers.keys()
        if not one.identifiers[kind] & other.identifiers[kind]
    }
    if one.keys and other.keys and one.keys & other.keys:
        return Same.KEY if "user_id" in contradicted else Same.CERTAIN
    if not _share(one, other):
        return Same.NO
    if not contradicted:
        return Same.MAYBE
    if one.keys is None or other.keys is None:
        told = (one.keys or frozenset()) | (other.keys or frozenset())
        # Both are known by user_id, and these differ: two people. By anything else, the keys may have been equal.
        return Same.NO if told and {kind for kind, _ in told} <= contradicted else Same.MAYBE
    return Same.NO


def _share(one: Wish, other: Wish) -> bool:
    return any(
        one.identifiers[kind] & other.identifiers[kind] for kind in one.identifiers.keys() & other.identifiers.keys()
    )


class Ref(NamedTuple):
    """A delivery at this vendor."""

    request: int
    line: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send it. Then send these opt-ins once more: they are newer, but were delivered before it."""

    then_repeat: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Another delivery about this person must go first."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer wish makes it moot."""

    by: Ref


@dataclass(frozen=True, slots=True)
class AskSomeone:
    """A person has to decide."""

    reason: Reason


Decision = Send | Wait | Superseded | AskSomeone

_UNDER_WAY = frozenset({State.IN_FLIGHT, State.STOPPING})
_COUNTS_FOR_NOTHING = frozenset({State.ASIDE, State.NOTHING, State.CANCELLED, State.STOPPING})


def decide(
    mine: Wish, others: Iterable[Wish], *, complete: bool = True, lifted: Collection[str] = frozenset()
) -> Decision:
    """What to do with a delivery that is due.

    `others`: the other wishes found about people who share an identifier; `complete`: whether that is all of them.
    `lifted`: reasons to ask a person who has already said to go on.
    """
    related = [(other, how) for other in others if (how := same(mine, other)) is not Same.NO]
    if mine.kind is Kind.OPT_IN:
        return _decide_opt_in(mine, [other for other, _ in related], complete=complete, lifted=lifted)
    return _decide_withdrawal(mine, related, complete=complete, lifted=lifted)


def _decide_opt_in(mine: Wish, others: list[Wish], *, complete: bool, lifted: Collection[str]) -> Decision:
    stopping = _stopping(mine, others)
    standing = [other for other in stopping if other.state is not State.REFUSED]
    if standing:
        newest = max(standing, key=lambda other: (other.state is State.YES, other.order))
        return Superseded(Ref(newest.request, newest.line))
    if any(_goes_first(other, mine) for other in others):
        return Wait()
    if stopping and Reason.SUCCESSOR_GONE not in lifted:
        return AskSomeone(Reason.SUCCESSOR_GONE)  # the newer wish is a withdrawal, even though the vendor refused it
    if not complete and Reason.TOO_MANY_MATCHES not in lifted:
        return AskSomeone(Reason.TOO_MANY_MATCHES)
    return Send()


def _stopping(opt_in: Wish, others: Iterable[Wish]) -> list[Wish]:
    """The withdrawals that an opt-in gives way to: those as new or newer, whatever the vendor answered."""
    return [
        other
        for other in others
        if other.withdraws and other.order > opt_in.order and other.state not in _COUNTS_FOR_NOTHING
    ]


def _decide_withdrawal(
    mine: Wish, related: Sequence[tuple[Wish, Same]], *, complete: bool, lifted: Collection[str]
) -> Decision:
    if mine.keys is not None and not mine.keys:
        return Send()  # sends nothing, and records that the vendor could not be told
    if any(other.state in _UNDER_WAY or (complete and _goes_first(other, mine)) for other, _ in related):
        return Wait()
    done = [(other, how) for other, how in related if other.state is State.YES and other.order > mine.order]
    opt_ins = [(other, how) for other, how in done if not other.withdraws]
    if mine.kind is Kind.ERASURE and opt_ins and Reason.NEWER_OPT_IN not in lifted:
        return AskSomeone(Reason.NEWER_OPT_IN)
    enough = [other for other, how in done if how is Same.CERTAIN and _does_at_least_as_much(other, mine)]
    if enough:
        newest = max(enough, key=lambda other: other.order)
        return Superseded(Ref(newest.request, newest.line))
    others = [other for other, _ in related]
    return Send(
        tuple(
            Ref(other.request, other.line)
            for other, how in sorted(opt_ins, key=lambda found: found[0].order)
            if how >= Same.KEY and other.touches & mine.touches and not _is_stopped(other, others)
        )
    )


def _does_at_least_as_much(newer: Wish, mine: Wish) -> bool:
    if mine.kind is Kind.ERASURE and not newer.withdraws:
        return False  # a person said to send it all the same
    return bool(mine.keys and newer.keys and newer.keys >= mine.keys and newer.touches >= mine.touches)


def _is_stopped(opt_in: Wish, others: Iterable[Wish]) -> bool:
    return any(same(opt_in, other) is not Same.NO for other in _stopping(opt_in, others))


def can_matter(
    kind: Kind, order: Order, other_kind: Kind, other_order: Order, state: State, *, reads_back: bool = False
) -> bool:
    """Whether another wish can affect one of this kind and order, or its read-back, whoever they are about. Most people
    who are in two campaigns at once then need not be opened."""
    if state in _UNDER_WAY or other_order < order:
        return state in _UNDER_WAY or state is State.DUE
    if state in _COUNTS_FOR_NOTHING:
        return False
    if state is State.DUE and kind is not Kind.OPT_IN and not reads_back:
        return False  # a withdrawal is sent before it
    return other_kind is not kind or (state is State.YES and kind is not Kind.OPT_IN)


def _goes_first(other: Wish, mine: Wish) -> bool:
    """Whether `mine` waits for `other`: it is under way, or earlier and will be sent."""
    return other.state in _UNDER_WAY or (other.state is State.DUE and other.order < mine.order)


@dataclass(frozen=True, slots=True)
class Overtaken:
    """There is a newer wish of another kind: a read-back says nothing about this one, and must not send it again."""


def decide_read_back(mine: Wish, others: Iterable[Wish], *, complete: bool = True) -> Send | Wait | Overtaken:
    """What a read-back of a delivery may do: it may deliver again, but never over a newer wish. `others` and `complete`
    as in `decide`."""
    related = [other for other in others if same(mine, other) is not Same.NO]
    if not complete or any(
        other.kind is not mine.kind and other.order > mine.order and other.state not in _COUNTS_FOR_NOTHING
        for other in related
    ):
        return Overtaken()
    return Wait() if any(_goes_first(other, mine) for other in related) else Send()


def stop_again(gone: Wish, others: Iterable[Wish]) -> tuple[Ref, ...]:
    """The withdrawals to send again where an opt-in that may have reached the vendor is not wanted any more: older ones
    with the vendor's yes, of a person who is, or may be, the same. The opt-in may have undone them."""
    stopped = [
        other
        for other in others
        if other.withdraws
        and other.state is State.YES
        and other.order < gone.order
        and same(gone, other) is not Same.NO
    ]
    return tuple(Ref(other.request, other.line) for other in sorted(stopped, key=lambda other: other.order))


OPT_IN_STAYS_GOOD = timedelta(days=30)
"""A superseded opt-in older than this is not sent without asking when its successor is gone."""


class Revival(StrEnum):
    """What happens to a superseded delivery whose successor has changed."""

    NONE = "none"  # the successor still counts
    AGAIN = "again"  # it is pending again
    ASK = "ask"  # a person has to look: needs_action, successor_gone


def revive(
    kind: Kind, successor: State, *, effective_at: datetime, received_at: datetime, now: datetime, forgotten: bool
) -> Revival:
    """What happens to a superseded delivery, given its successor's state. A superseded successor still counts: of a
    chain only the last link becomes pending again."""
    gone = successor in (State.CANCELLED, State.NOTHING, State.REFUSED)
    # A withdrawal was dropped for the vendor's yes to the newer one, so it needs that yes. An opt-in gives way to a
    # withdrawal that waits for a person: that withdrawal is still wanted.
    if not gone and not (kind is not Kind.OPT_IN and successor is State.WAITING):
        return Revival.NONE
    old = kind is Kind.OPT_IN and now - min(effective_at, received_at) > OPT_IN_STAYS_GOOD
    return Revival.ASK if forgotten or old else Revival.AGAIN
