"""Compares the ledger's outcomes with what the sandbox's vendors really hold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from domain.outcomes import Outcome
from domain.requests import Kind
from ledger.desk.reports import Row

Facts = Mapping[str, Any]
"""One sandbox vendor's data of one person, as `GET /_sandbox/people` returns it."""

IN_EFFECT = frozenset({Outcome.ACCEPTED, Outcome.VERIFIED, Outcome.ABSENT})
NOT_SENT = frozenset({Outcome.UNREACHABLE, Outcome.WITHHELD})
"""Nothing is known of a change there."""
NOT_IN_EFFECT = frozenset({Outcome.REFUSED, Outcome.NOT_APPLICABLE, Outcome.NEEDS_ACTION})


class Disagreement(NamedTuple):
    """A delivery whose outcome in the ledger does not fit the vendor's data."""

    line: int
    vendor: str
    outcome: str
    in_effect: bool


def disagreements(
    kind: Kind, deliveries: Iterable[Row], user_ids: Sequence[str], facts: Iterable[Facts]
) -> list[Disagreement]:
    """Every delivery whose outcome does not fit; `user_ids` by line, from line 1.

    An exhausted delivery may or may not have had its effect, so it always fits. A pending one never fits.
    """
    held: defaultdict[tuple[str, str | None], list[Facts]] = defaultdict(list)
    for fact in facts:
        held[fact["vendor"], fact["user_id"]].append(fact)
    found = []
    for row in deliveries:
        # A person with two profiles at a vendor is done when both are; without a profile there is nothing to do.
        theirs = held.get((row.vendor, user_ids[row.line - 1]), [])
        in_effect = all(is_in_effect(kind, fact) for fact in theirs)
        if row.outcome in IN_EFFECT:
            agrees = in_effect
        elif row.outcome in NOT_IN_EFFECT:
            agrees = not in_effect
        elif row.outcome in NOT_SENT:
            agrees = not in_effect or (row.vendor, user_ids[row.line - 1]) not in held
        else:
            agrees = row.outcome == Outcome.EXHAUSTED
        if not agrees:
            found.append(Disagreement(row.line, row.vendor, row.outcome, in_effect))
    return found


def made_by_us(facts: Iterable[Facts]) -> int:
    """How many profiles vendors created because we sent somebody whom they did not know."""
    return sum(bool(fact.get("created")) for fact in facts)


def is_in_effect(kind: Kind, fact: Facts) -> bool:
    """Whether an erasure or opt-out is in effect at a sandbox vendor, by the vendor's own account.

    Raises ValueError for an opt_in, whose effect depends on the flags asked for.
    """
    if kind is Kind.OPT_IN:
        raise ValueError("an opt-in cannot be told from the facts alone")
    return bool(fact["in_effect"][kind])
