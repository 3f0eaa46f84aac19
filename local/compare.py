"""Whether the ledger's outcomes agree with what the sandbox's vendors really hold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from domain.outcomes import Outcome
from domain.requests import Kind
from ledger.desk.reports import Row

Facts = Mapping[str, Any]
"""What one sandbox vendor holds of one person, as `GET /_sandbox/people` gives it."""

IN_EFFECT = frozenset({Outcome.ACCEPTED, Outcome.VERIFIED, Outcome.ABSENT})
NOT_IN_EFFECT = frozenset({Outcome.REFUSED, Outcome.NOT_APPLICABLE, Outcome.NEEDS_ACTION})


class Disagreement(NamedTuple):
    """A delivery that stands in the ledger as something else than what the vendor holds."""

    line: int
    vendor: str
    outcome: str
    in_effect: bool


def disagreements(
    kind: Kind, deliveries: Iterable[Row], user_ids: Sequence[str], facts: Iterable[Facts]
) -> list[Disagreement]:
    """Every delivery whose outcome and vendor disagree; `user_ids` by line, from line 1.

    An exhausted delivery may or may not have had its effect: that is what it says. A pending one always disagrees.
    """
    held: defaultdict[tuple[str, str | None], list[Facts]] = defaultdict(list)
    for fact in facts:
        held[fact["vendor"], fact["user_id"]].append(fact)
    found = []
    for row in deliveries:
        # Whoever has two profiles at a vendor is done where both are.
        theirs = held.get((row.vendor, user_ids[row.line - 1]), [])
        in_effect = all(is_in_effect(kind, row.vendor, fact) for fact in theirs)
        if row.outcome in IN_EFFECT:
            agrees = in_effect
        elif row.outcome in NOT_IN_EFFECT:
            agrees = not in_effect
        elif row.outcome == Outcome.UNREACHABLE:  # nothing was sent; whether there was anything to change is not known
            agrees = not in_effect or (row.vendor, user_ids[row.line - 1]) not in held
        else:
            agrees = row.outcome == Outcome.EXHAUSTED
        if not agrees:
            found.append(Disagreement(row.line, row.vendor, row.outcome, in_effect))
    return found


def made_by_us(facts: Iterable[Facts]) -> int:
    """How many profiles a vendor made because we told it of somebody whom it did not know."""
    return sum(bool(fact.get("created")) for fact in facts)


def is_in_effect(kind: Kind, vendor: str, fact: Facts | None) -> bool:
    """Whether an erasure or opt-out is in effect at a sandbox vendor; a vendor that holds nothing has nothing to undo.

    Raises ValueError for an opt_in, whose effect depends on the flags asked for.
    """
    if kind is Kind.OPT_IN:
        raise ValueError("an opt-in cannot be told from the facts alone")
    if fact is None:
        return True
    match vendor:
        case "insider":
            flags = {"email_optin", "sms_optin", "whatsapp_optin", "gdpr_optin"}
            silent = not any(fact["attributes"].get(flag) for flag in flags - {"gdpr_optin"})
            kept = set(fact["attributes"]) - flags
            return not fact["may_interact"] and (not kept if kind is Kind.ERASURE else silent)
        case "algonomy":
            return bool(fact["opted_out"]) and not fact["history"]
        case "dfinery":
            silent = all(flag == "Unsubscribed" for flag in fact["flags"].values())
            return silent and not ((fact["ci"] or fact["known"]) and kind is Kind.ERASURE)
        case "akinon":
            return not any(fact["flags"].values()) and not (any(fact["fields"].values()) and kind is Kind.ERASURE)
        case "b2core":
            gone = not fact["exists"] and not fact["contacts"]
            return gone if kind is Kind.ERASURE else not fact["enabled"]
        case _:
            raise ValueError("not a vendor of the sandbox")
