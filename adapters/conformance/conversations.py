"""The suite's conversations with an adapter."""

from collections.abc import Sequence
from typing import ClassVar

from adapters.conformance.sample import Sample, answer
from adapters.conformance.walking import Turn, Vendor, converse
from adapters.contract import Answer, Call, Order, ReadsBack, Verdict
from domain.requests import Kind, Subject

IN_EFFECT = frozenset({Verdict.APPLIED, Verdict.SEEN})


class OfOneVendor:
    """What all parts of the suite use."""

    sample: ClassVar[Sample]


def walk(sample: Sample, kind: Kind, *texts: str) -> tuple[list[Answer], list[Turn]]:
    """A conversation with a vendor that says yes, about people made from `texts`."""
    return converse(sample.make(), Order(kind), [sample.person(text) for text in texts], sample.obliging())


def every_turn(sample: Sample, kind: Kind, *texts: str) -> list[Turn]:
    """Each step once, with the steps that only failures lead to and those of the read-back."""
    order, people, obliging = Order(kind), [sample.person(text) for text in texts], sample.obliging()
    turns = converse(sample.make(), order, people, obliging)[1]
    last = turns[-1]
    for step in sample.detours:
        turns.append(Turn(Call(order, step), last.people, last.request, answer(200, {}), []))
    turns += read_back(sample, order, people, obliging)[1]
    return list({turn.call.step: turn for turn in turns}.values())


def read_back(
    sample: Sample, order: Order, people: Sequence[Subject], vendor: Vendor
) -> tuple[list[Answer], list[Turn]]:
    """Read back what was done; nothing where the order is not read back."""
    adapter = sample.make()
    if not isinstance(adapter, ReadsBack) or not adapter.reading(order):
        return [], []
    return converse(adapter, order, people, vendor, begin=adapter.reading(order))
