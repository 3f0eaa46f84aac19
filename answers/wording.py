"""What an ending says, as sentences of a catalogue: what was done, how surely, what may be left, or why it was not."""

from adapters.card import Card, Operation
from answers.catalogue import Catalogue
from answers.causes import cause_of
from answers.facts import Ending, Facts
from domain.outcomes import DONE, Outcome, Reason
from domain.requests import Kind

CARRIED_OUT = frozenset({Outcome.ACCEPTED.value, Outcome.VERIFIED.value})
"""Outcomes in which the recipient did what its card says."""
SETTLED_WELL = frozenset(outcome.value for outcome in DONE) | {Outcome.NOT_APPLICABLE.value}
"""Outcomes after which nothing is left to be done."""


def say_ending(catalogue: Catalogue, kind: Kind, card: Card | None, ending: Ending) -> tuple[str, ...]:
    """The sentences about deliveries that ended alike."""
    if ending.outcome not in CARRIED_OUT:
        return _not_carried_out(catalogue, ending)
    if ending.reason == Reason.DONE_BY_HAND:
        return (catalogue.say("sure", "by_hand"),)
    ways = _ways(card, kind, ending)
    one_of = [catalogue.say("remains", "one_of")] if len(ways) > 1 else []  # it is not known which
    done = dict.fromkeys(sentence for way in ways for sentence in _done(catalogue, kind, way))
    left = dict.fromkeys(sentence for way in ways for sentence in _left(catalogue, kind, way))
    sure = _how_sure(catalogue, ways, ending.outcome)
    return (*one_of, *(done or [catalogue.say("carried_out", kind)]), sure, *left)


def is_left(facts: Facts) -> bool:
    """Whether any recipient may still hold something after what was done there."""
    return facts.kind is not Kind.OPT_IN and any(
        way.remains
        for one in facts.recipients
        for ending in one.endings
        if ending.outcome in CARRIED_OUT
        for way in _ways(one.card, facts.kind, ending)
    )


def _ways(card: Card | None, kind: Kind, ending: Ending) -> tuple[Operation, ...]:
    """The way that was taken; each of them where the ending does not tell."""
    ways = card.ways(kind) if card is not None else ()
    if not ways or card is None:
        return ()
    if ending.first_at is not None:
        return (card.operation(kind, _known(ending.reason)),)
    if ending.outcome == Outcome.VERIFIED:
        ways = tuple(way for way in ways if way.read_back) or ways
    return _different(ways)  # counted from tallies


def _known(reason: str | None) -> Reason | None:
    return Reason(reason) if reason in set(Reason) else None


def _different(ways: tuple[Operation, ...]) -> tuple[Operation, ...]:
    return tuple({(way.effects, way.remains): way for way in reversed(ways)}.values())[::-1]


def _done(catalogue: Catalogue, kind: Kind, way: Operation) -> list[str]:
    return [catalogue.say("effect", effect) for effect in way.effects] or [catalogue.say("carried_out", kind)]


def _left(catalogue: Catalogue, kind: Kind, way: Operation) -> list[str]:
    if not way.remains:
        return []
    left = catalogue.joined([catalogue.say("remains", one) for one in way.remains])
    return [catalogue.say("remains", "unchanged" if kind is Kind.OPT_IN else "sentence", list=left)]


def _how_sure(catalogue: Catalogue, ways: tuple[Operation, ...], outcome: str) -> str:
    """`verified` is only said of what was read back."""
    readable = bool(ways) and all(way.read_back for way in ways)
    if outcome == Outcome.VERIFIED and (readable or not ways):
        return catalogue.say("sure", "verified")
    return catalogue.say("sure", "accepted_readable" if readable else "accepted")


def _not_carried_out(catalogue: Catalogue, ending: Ending) -> tuple[str, ...]:
    said = [catalogue.say_or("ended", ending.outcome, ending.outcome.replace("_", " "))]
    cause = cause_of(ending.outcome, ending.reason)
    if cause is not None:
        said.append(catalogue.say("cause", cause))
    return tuple(said)
