"""Which outcome of a delivery may follow which; the chaos audit and the model check the ledger against it."""

from types import MappingProxyType

from domain.outcomes import Outcome

_FIRST = frozenset(Outcome)
TRANSITIONS = MappingProxyType[Outcome | None, frozenset[Outcome]](
    {
        None: _FIRST,
        Outcome.UNREACHABLE: _FIRST,  # once an identifier is provided
        # withheld: it is not in effect, and a legal hold forbids to deliver it again
        Outcome.ACCEPTED: frozenset({Outcome.VERIFIED, Outcome.NEEDS_ACTION, Outcome.WITHHELD}),
        Outcome.WITHHELD: _FIRST,  # once the hold has ended
        Outcome.SUPERSEDED: frozenset({Outcome.NEEDS_ACTION}),  # the successor did not succeed, and a person must look
        Outcome.REFUSED: frozenset({Outcome.CANCELLED}),  # closed by hand
        Outcome.NEEDS_ACTION: _FIRST,
        Outcome.EXHAUSTED: _FIRST,
    }
)
"""The possible next outcomes; None is pending, also again in a new round. Outcomes that are not listed are final."""


def may_follow(before: Outcome | None, after: Outcome) -> bool:
    """Whether a delivery that stands at `before` may next be recorded as `after`."""
    return after in TRANSITIONS.get(before, frozenset())
