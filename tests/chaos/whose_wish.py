"""Whose wish counted, told from the vendors' facts and the record alone: nothing here knows the rule of the product."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.registry import ADAPTERS
from domain.outcomes import Outcome
from domain.requests import Kind
from ledger.desk.reports import Row, deliveries_of
from ledger.session import Engine
from local.compare import disagreements
from tests.chaos.people import KNOW_BY_THEIR_OWN, PARTIAL, Wish, is_known_by_vendors_ids

DONE = frozenset({Outcome.ACCEPTED, Outcome.VERIFIED, Outcome.ABSENT})
IN_A_SESSION = frozenset(name for name, adapter in ADAPTERS.items() if adapter.keeps_sessions)
"""Vendors that use a session of the person, which is used up by a delivery with the vendor's yes."""
SAYS_NOT_WHETHER_OFFERED = frozenset({Outcome.NOT_APPLICABLE, Outcome.SUPERSEDED, Outcome.CANCELLED})
"""Outcomes of a vendor that has no such operation, and of people it may not have been asked about."""
Facts = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Told:
    """What was asked, in order, and what is on record of it."""

    submitted: Sequence[tuple[Wish, UUID]]
    cancelled: frozenset[UUID]
    rows: Mapping[UUID, list[Row]]

    @classmethod
    def of(cls, submitted: Sequence[tuple[Wish, UUID]], statuses: Mapping[UUID, str], engine: Engine) -> "Told":
        """Read from the ledger."""
        rows: dict[UUID, list[Row]] = {}
        for _, public_id in submitted:
            with engine.connect() as ledger:
                rows[public_id] = list(deliveries_of(ledger, public_id))
        cancelled = frozenset(public_id for _, public_id in submitted if statuses.get(public_id) == "cancelled")
        return cls(submitted, cancelled, rows)

    def outcomes(self) -> dict[tuple[str, str], list[tuple[Wish, UUID, str]]]:
        """By person and vendor: their wishes from the oldest on, and what became of each there."""
        found: defaultdict[tuple[str, str], list[tuple[Wish, UUID, str]]] = defaultdict(list)
        for wish, public_id in self.submitted:
            names = wish.names
            for row in self.rows[public_id]:
                found[names[row.line - 1], row.vendor].append((wish, public_id, row.outcome))
        return found


def judge_wishes(told: Told, facts: Facts) -> tuple[int, list[str]]:
    """How many deliveries disagree with what the vendors hold, and all that is wrong, counted, with nobody's name."""
    outcomes = told.outcomes()
    wrong = Counter(_dropped_wrongly(told, outcomes))
    wrong.update(_unreachable_wrongly(told, outcomes))
    wrong.update(_kept_subscribed(outcomes, facts))
    disagreeing = Counter(_in_effect_otherwise(told, outcomes, facts))
    lines = [f"{what}: {count}" for what, count in sorted((wrong + disagreeing).items())]
    return disagreeing.total(), lines


Outcomes = Mapping[tuple[str, str], list[tuple[Wish, UUID, str]]]


def _dropped_wrongly(told: Told, outcomes: Outcomes) -> Iterator[str]:
    """An opt-in gives way to a newer withdrawal of that person that stands; a withdrawal only to one that does as much,
    to which the vendor has said yes. Nobody here has a newer opt-in that does as much as an opt-out."""
    for (_, vendor), wishes in outcomes.items():
        for place, (wish, _, outcome) in enumerate(wishes):
            if outcome != Outcome.SUPERSEDED:
                continue
            newer = [
                ended
                for later, public_id, ended in wishes[place + 1 :]
                if later.kind is not Kind.OPT_IN
                and public_id not in told.cancelled
                and (later.kind is Kind.ERASURE or wish.kind is not Kind.ERASURE)
            ]
            if not newer:
                yield f"{wish.kind} at {vendor} superseded though no newer wish of this person does as much"
            elif wish.kind is not Kind.OPT_IN and not DONE & set(newer):
                yield f"{wish.kind} at {vendor} superseded by a wish to which the vendor has not said yes"


def _unreachable_wrongly(told: Told, outcomes: Outcomes) -> Iterator[str]:
    """Whom a vendor cannot be told of is unreachable there, but where it has no such operation for anybody."""
    for wish, public_id in told.submitted:
        rows, names = told.rows[public_id], wish.names
        offered = {row.vendor for row in rows if row.outcome not in SAYS_NOT_WHETHER_OFFERED}
        for row in rows:
            hidden = is_known_by_vendors_ids(names[row.line - 1]) and row.vendor not in KNOW_BY_THEIR_OWN
            if _lacks_another_session(public_id, row, outcomes[names[row.line - 1], row.vendor]):
                continue
            gave_way = wish.kind is Kind.OPT_IN and row.outcome == Outcome.SUPERSEDED
            allowed = {Outcome.UNREACHABLE, Outcome.CANCELLED} if hidden else set(Outcome) - {Outcome.UNREACHABLE}
            if row.vendor in offered and row.outcome not in allowed and not gave_way:
                yield f"{wish.kind} at {row.vendor} is {row.outcome} of who can{'not' * hidden} be found there"


def _lacks_another_session(public_id: UUID, row: Row, wishes: Sequence[tuple[Wish, UUID, str]]) -> bool:
    """Whether a withdrawal was to be sent once more, after an opt-in that was cancelled and may have arrived, and its
    session had been used up: it is in effect there or not, and someone has to give a fresh session."""
    if row.outcome != Outcome.UNREACHABLE or row.vendor not in IN_A_SESSION:
        return False
    place = [id_ for _, id_, _ in wishes].index(public_id)
    return any(newer.kind is Kind.OPT_IN and newer.cancelled for newer, _, _ in wishes[place + 1 :])


def _in_effect_otherwise(told: Told, outcomes: Outcomes, facts: Facts) -> Iterator[str]:
    """A withdrawal after which no opt-in stands is in effect where the record says so, and not where it says otherwise.
    Of several, the newest is looked at: what it asks is the last word."""
    for wish, public_id in told.submitted:
        if wish.kind is Kind.OPT_IN or public_id in told.cancelled:
            continue
        names = wish.names
        rows = [
            row
            for row in told.rows[public_id]
            if _has_last_word(public_id, by_age := outcomes[names[row.line - 1], row.vendor])
            and not _lacks_another_session(public_id, row, by_age)
        ]
        for one in disagreements(wish.kind, rows, names, facts):
            yield f"{wish.kind} at {one.vendor} stands as {one.outcome}, in effect there: {one.in_effect}"


def _has_last_word(public_id: UUID, wishes: Sequence[tuple[Wish, UUID, str]]) -> bool:
    """Whether no newer wish stands: one that was cancelled does, where the vendor had said yes to it before."""
    newer = [one for place, one in enumerate(wishes) if place > [id_ for _, id_, _ in wishes].index(public_id)]
    return all(later.cancelled and ended not in DONE for later, _, ended in newer)


def _kept_subscribed(outcomes: Outcomes, facts: Facts) -> Iterator[str]:
    """Who opted out of all and then into some is stopped at all the rest, and subscribed where the vendor said yes."""
    held = {(fact["user_id"], fact["vendor"]): fact for fact in facts}
    for (name, vendor), wishes in outcomes.items():
        if vendor not in PARTIAL or [wish.options for wish, _, _ in wishes][-1:] != [PARTIAL]:
            continue
        (_, _, stopped), (_, _, asked) = wishes[-2:]
        fact, some = held[name, vendor], set(PARTIAL[vendor]["flags"])
        on = set(fact["flags_on"])
        if stopped in DONE and on - some:
            yield f"{vendor}: flags that a newer opt-in did not ask for are on, though the opt-out stands as {stopped}"
        if asked in DONE and stopped in DONE and not some <= on:
            yield f"{vendor}: flags of a newer opt-in, {asked}, are off"
