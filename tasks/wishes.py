"""Compares the people of a chunk with other wishes about them: who is sent, and what happens to the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError
from pydantic_core import from_json

from adapters.contract import Adapter, Addressed, KnowsWithoutSession, Order
from domain.accounts import meant_by
from domain.folding import fold
from domain.outcomes import LOOKED_UP, Reason
from domain.wish import State, Wish
from domain.wishes import AskSomeone, Overtaken, Ref, Send, Superseded, Wait, decide, decide_read_back
from ledger.delivery import wishes
from ledger.delivery.chunks import Lease, Purpose
from ledger.delivery.pending import SealedPerson
from ledger.delivery.wishes import Others, Person
from ledger.sealing import MasterKeys
from ledger.session import Connection


@dataclass
class Weighed:
    """By line, what happens to people of a chunk who are not simply sent."""

    superseded: dict[int, Ref] = field(default_factory=dict)
    ask: dict[int, Reason] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)
    overtaken: set[int] = field(default_factory=set)
    """A read-back says nothing about these any more."""
    repeat: list[Ref] = field(default_factory=list)
    """Deliveries to send once more after those that are sent now."""

    @property
    def kept_back(self) -> set[int]:
        """Who is not sent now."""
        return self.superseded.keys() | self.ask.keys() | self.waiting | self.overtaken

    def sent(self, due: list[SealedPerson]) -> list[SealedPerson]:
        """Those of them who are sent now."""
        kept_back = self.kept_back
        return [one for one in due if one.line not in kept_back] if kept_back else due


def weigh(connection: Connection, lease: Lease, lines: Sequence[int], adapter: Adapter, masters: MasterKeys) -> Weighed:
    """Compare the people of a leased chunk with other wishes about them at the same vendor.

    Raises ledger.sealing.UnsealError.
    """
    # Ask only after our lease is committed, so that of two runs that begin together one sees the other.
    others = wishes.find_others(connection, lease, lines, masters)
    weighed = Weighed()
    if not others.matches:  # usually
        return weighed
    lifted = wishes.lifted(connection, lease, list(others.matches))
    comparing = _Comparing(adapter, others)
    for line, refs in others.matches.items():
        mine = comparing.wish(Ref(lease.request_id, line))
        theirs = [comparing.wish(ref) for ref in refs]
        complete = line not in others.incomplete
        match (
            decide_read_back(mine, theirs, complete=complete)
            if lease.purpose is Purpose.VERIFY
            else decide(mine, theirs, complete=complete, lifted=lifted.get(line, ()))
        ):
            case Superseded(by=by):
                weighed.superseded[line] = by
            case AskSomeone(reason=reason):
                weighed.ask[line] = reason
            case Wait():
                weighed.waiting.add(line)
            case Overtaken():
                weighed.overtaken.add(line)
            case Send(then_repeat=repeat):
                weighed.repeat += repeat
    return weighed


class _Comparing:
    """Makes the values to compare from what the ledger has found, each once."""

    def __init__(self, adapter: Adapter, others: Others) -> None:
        self._adapter, self._others = adapter, others
        self._orders = {id_: self._order(id_) for id_ in others.requests}
        self._touches = {
            id_: frozenset[str]() if order is None else adapter.touches(order) for id_, order in self._orders.items()
        }
        self._wishes: dict[Ref, Wish] = {}

    def wish(self, ref: Ref) -> Wish:
        """The wish of one person in one request."""
        if ref not in self._wishes:
            request, person = self._others.requests[ref.request], self._others.people[ref]
            order = self._orders[ref.request]
            self._wishes[ref] = Wish(
                kind=request.kind,
                effective_at=request.effective_at,
                request=ref.request,
                line=ref.line,
                state=person.state,
                touches=self._touches[ref.request],
                keys=None if order is None or person.subject is None else frozenset(self._keys(order, ref)),
                identifiers=person.identifiers,
            )
        return self._wishes[ref]

    def _order(self, request_id: int) -> Order | None:
        request = self._others.requests[request_id]
        if request.options is None:
            return None
        options = meant_by(self._adapter.name, from_json(request.options)) or {}
        try:
            return Order(request.kind, self._adapter.options_model.model_validate(options), request.people)
        except ValidationError:  # accepted under earlier rules: what it does is unknown
            return None

    def _keys(self, order: Order, ref: Ref) -> Iterator[tuple[str, str]]:
        person = self._others.people[ref]
        subject = person.subject
        assert subject is not None  # noqa: S101 - asked before
        if person.state is State.YES and person.reason not in LOOKED_UP:
            # It was done by one identifier, whatever the settings say now: nothing is known of profiles that others
            # find.
            order = replace(order, may_look=False)
        addressed = self._adapter.address(order, subject)
        if isinstance(addressed, Addressed):
            known = self._adapter.known_by(addressed.key)
        elif isinstance(self._adapter, KnowsWithoutSession) and _was_asked(person):
            known = self._adapter.known_without_session(subject)
        else:
            known = frozenset()
        yield from ((kind, fold(kind, value)) for kind, value in known)


def _was_asked(person: Person) -> bool:
    """Whether the vendor has answered about this person, who therefore had a session."""
    return person.state in (State.YES, State.REFUSED, State.WAITING) and person.reason != Reason.NO_IDENTIFIER
