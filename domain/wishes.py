"""Whose wish counts: what one delivery is to do, given the other wishes about the same person at the same vendor.

The rules are in docs/operations.md in plain words and in docs/decisions/ with their reasons. Nothing here reads or
writes: the ledger finds the other wishes, the caller acts.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.outcomes import Reason
from domain.requests import Kind
from domain.wish import Order, Same, State, Wish, same


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
    """Whether another wish can affect one of this kind and order, or its read-back, about any person. Most people
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
