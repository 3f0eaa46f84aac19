"""Whose wish counts: a table of cases, and generated wishes of generated people at a small vendor."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.outcomes import Outcome, Reason
from domain.requests import Kind
from domain.wish import Same, State, Wish, same, state_of
from domain.wishes import (
    OPT_IN_STAYS_GOOD,
    AskSomeone,
    Decision,
    Overtaken,
    Ref,
    Revival,
    Send,
    Superseded,
    Wait,
    can_matter,
    decide,
    decide_read_back,
    revive,
    stop_again,
)
from tests.examples import examples
from tests.table_rows import each_row

IN, OUT, ERASURE = Kind.OPT_IN, Kind.OPT_OUT, Kind.ERASURE
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMESPACE = UUID(int=7)
FLAGS, DATA = frozenset({"email", "sms"}), frozenset({"email", "sms", "history"})
TOUCHES = {IN: FLAGS, OUT: FLAGS, ERASURE: DATA}


def prints(**identifiers: str) -> Mapping[str, frozenset[UUID]]:
    return {kind: frozenset({uuid5(NAMESPACE, kind + value)}) for kind, value in identifiers.items()}


def wish(
    kind: Kind, hours: float = 0, state: State = State.DUE, *, request: int = 0, by: str = "user_id", **more: object
) -> Wish:
    """A wish of Jane at a vendor that knows her by this identifier; `more` replaces what the rule looks at."""
    identifiers = {"user_id": "jane", "email": "jane@x.org"} | dict(more.pop("who", {}))
    given = {kind: value for kind, value in identifiers.items() if value}
    made = Wish(
        kind,
        NOON + timedelta(hours=hours),
        request or int(hours * 10) + 100,
        1,
        state,
        TOUCHES[kind],
        frozenset({(by, given[by])}) if by in given else frozenset(),
        prints(**given),
    )
    return replace(made, **more)


def name(decision: Decision | Overtaken) -> str:
    match decision:
        case Send(then_repeat=()):
            return "send"
        case Send():
            return "send, repeat"
        case AskSomeone(reason=reason):
            return reason.value
        case _:
            return type(decision).__name__.lower()


JOHN = {"user_id": "john"}
ALONE = {"user_id": ""}  # no user_id is known
FAMILY = {"email": "fam@x.org"}

TABLE = [
    # order: effective time, then opt-in before withdrawal, then the number of the request
    ("an earlier one goes first", wish(OUT, 2), [wish(OUT, 1)], "wait"),
    ("a later one does not", wish(OUT, 1), [wish(OUT, 2)], "send"),
    ("an opt-in of the same time goes before", wish(OUT, 1), [wish(IN, 1, request=900)], "wait"),
    ("and gives way", wish(IN, 1, request=900), [wish(OUT, 1)], "superseded"),
    ("one in flight is waited for, though it is later", wish(OUT, 1), [wish(OUT, 2, State.IN_FLIGHT)], "wait"),
    ("also of a cancelled request", wish(OUT, 2), [wish(IN, 1, State.STOPPING)], "wait"),
    ("also by an opt-in", wish(IN, 2), [wish(OUT, 3, State.STOPPING)], "wait"),
    ("never one that waits for a person", wish(IN, 2), [wish(OUT, 1, State.WAITING)], "send"),
    ("nor one that waits for a date", wish(OUT, 2), [wish(ERASURE, 1, State.ASIDE)], "send"),
    ("an opt-in does not give way to one that waits for a date", wish(IN, 1), [wish(OUT, 2, State.ASIDE)], "send"),
    ("nor to one that was cancelled", wish(IN, 1), [wish(OUT, 2, State.CANCELLED)], "send"),
    ("nor to one that the vendor has no operation for", wish(IN, 1), [wish(OUT, 2, State.NOTHING)], "send"),
    ("but to one that waits for a person", wish(IN, 1), [wish(OUT, 2, State.WAITING)], "superseded"),
    ("and to one that was itself dropped", wish(IN, 1), [wish(OUT, 2, State.DROPPED)], "superseded"),
    ("one that was refused is still the newest wish", wish(IN, 1), [wish(OUT, 2, State.REFUSED)], "successor_gone"),
    # a withdrawal is dropped only for the vendor's yes to as much, for the same person by the same keys
    ("a newer one without a yes", wish(OUT, 1), [wish(ERASURE, 2)], "send"),
    ("a newer one with a yes", wish(OUT, 1), [wish(ERASURE, 2, State.YES)], "superseded"),
    ("an erasure too", wish(ERASURE, 1), [wish(ERASURE, 2, State.YES)], "superseded"),
    ("a newer opt-in with a yes", wish(OUT, 1), [wish(IN, 2, State.YES)], "superseded"),
    ("of fewer flags", wish(OUT, 1), [wish(IN, 2, State.YES, touches=frozenset({"sms"}))], "send, repeat"),
    ("of other flags", wish(OUT, 1), [wish(IN, 2, State.YES, touches=frozenset({"push"}))], "send"),
    ("an erasure that does less", wish(OUT, 1), [wish(ERASURE, 2, State.YES, touches=frozenset({"email"}))], "send"),
    ("that was refused", wish(OUT, 1), [wish(ERASURE, 2, State.REFUSED)], "send"),
    ("that the vendor was never told of", wish(OUT, 1), [wish(ERASURE, 2, State.WAITING, who=ALONE)], "send"),
    ("an opt-in that the vendor was never told of", wish(OUT, 1), [wish(IN, 2, State.NOTHING)], "send"),
    ("by fewer keys", wish(OUT, 1, keys=frozenset({("user_id", "jane"), ("email", "jane@x.org")})),
     [wish(ERASURE, 2, State.YES)], "send"),
    ("an older one with a yes", wish(OUT, 2), [wish(ERASURE, 1, State.YES)], "send"),
    ("whose keys cannot be told any more", wish(OUT, 1), [wish(ERASURE, 2, State.YES, keys=None)], "send"),
    ("one that the vendor cannot be told of waits for nobody", wish(ERASURE, 2, who=ALONE),
     [wish(IN, 3, State.YES, by="email", who=ALONE), wish(OUT, 1, by="email", who=ALONE)], "send"),
    # who is the same: a family's e-mail address
    ("by user_id they are two", wish(OUT, 1, who=FAMILY), [wish(IN, 2, State.YES, who=JOHN | FAMILY)], "send"),
    ("and neither waits", wish(OUT, 2, who=FAMILY), [wish(IN, 1, who=JOHN | FAMILY)], "send"),
    ("nor gives way", wish(IN, 1, who=FAMILY), [wish(OUT, 2, State.YES, who=JOHN | FAMILY)], "send"),
    ("by the address they are one for the order", wish(OUT, 2, by="email", who=FAMILY),
     [wish(IN, 1, by="email", who=JOHN | FAMILY)], "wait"),
    ("and for dropping an opt-in", wish(IN, 1, by="email", who=FAMILY),
     [wish(OUT, 2, State.YES, by="email", who=JOHN | FAMILY)], "superseded"),
    ("and two for dropping a withdrawal", wish(OUT, 1, by="email", who=FAMILY),
     [wish(ERASURE, 2, State.YES, by="email", who=JOHN | FAMILY)], "send"),
    ("the newer opt-in goes out after it", wish(OUT, 1, by="email", who=FAMILY),
     [wish(IN, 2, State.YES, by="email", who=JOHN | FAMILY)], "send, repeat"),
    # another key, an identifier shared and none contradicted
    ("an opt-in gives way", wish(IN, 1), [wish(OUT, 2, who=ALONE)], "superseded"),
    ("a withdrawal is not dropped", wish(OUT, 1), [wish(ERASURE, 2, State.YES, by="email", who=ALONE)], "send"),
    ("an opt-in is not repeated", wish(OUT, 1), [wish(IN, 2, State.YES, by="email", who=ALONE)], "send"),
    ("what is forgotten is decided for privacy", wish(IN, 1, by="email", who=FAMILY),
     [wish(OUT, 2, State.YES, keys=None, who=JOHN | FAMILY)], "superseded"),
    ("but two user_ids are two people", wish(IN, 1, who=FAMILY),
     [wish(OUT, 2, State.YES, keys=None, who=JOHN | FAMILY)], "send"),
    # an erasure after a newer opt-in
    ("an erasure that goes out late", wish(ERASURE, 1), [wish(IN, 2, State.YES)], "newer_opt_in"),
    ("an erasure in its turn", wish(ERASURE, 1), [wish(IN, 2)], "send"),
    ("an erasure after an opt-in without effect", wish(ERASURE, 1), [wish(IN, 2, State.WAITING)], "send"),
]  # fmt: skip


@each_row(("what", "mine", "others", "becomes"), TABLE, ids=[row[0] for row in TABLE])
def test_what_a_delivery_does(what: str, mine: Wish, others: list[Wish], becomes: str) -> None:
    assert name(decide(mine, others)) == becomes, what


def test_a_person_lets_an_erasure_go_out_and_the_newer_opt_in_follows() -> None:
    opt_in = wish(IN, 2, State.YES)
    for newer in (opt_in, replace(opt_in, touches=DATA)):  # whatever the opt-in touches, it erases nobody
        assert decide(wish(ERASURE, 1), [newer], lifted={Reason.NEWER_OPT_IN}) == Send((Ref(newer.request, 1),))


@pytest.mark.parametrize("mine", [wish(IN, 1), wish(OUT, 1)])
def test_it_gives_way_to_the_newest_with_the_vendors_yes(mine: Wish) -> None:
    yes, newer = wish(OUT, 2, State.YES, line=5), wish(OUT, 3, State.YES, line=7)
    assert decide(mine, [yes, newer]) == decide(mine, [newer, yes]) == Superseded(Ref(newer.request, 7))
    for waiting in (replace(newer, state=State.DUE), replace(newer, state=State.WAITING)):
        assert decide(mine, [waiting, yes]) == decide(mine, [yes, waiting]) == Superseded(Ref(yes.request, 5))


def test_where_a_bound_is_reached_withdrawals_go_out_and_opt_ins_ask() -> None:
    assert decide(wish(OUT, 2), [wish(OUT, 1)], complete=False) == Send()
    assert decide(wish(IN, 2), [], complete=False) == AskSomeone(Reason.TOO_MANY_MATCHES)
    assert decide(wish(IN, 2), [], complete=False, lifted={"too_many_matches"}) == Send()
    assert isinstance(decide(wish(IN, 2), [wish(OUT, 3)], complete=False), Superseded)
    assert decide(wish(OUT, 2), [wish(IN, 1, State.STOPPING)], complete=False) == Wait()


def test_opt_ins_are_repeated_in_their_order_and_not_against_a_newer_withdrawal() -> None:
    some = frozenset({"sms"})
    first, second = wish(IN, 2, State.YES, touches=some), wish(IN, 3, State.YES, touches=some)
    assert decide(wish(OUT, 1), [second, first]) == Send((Ref(first.request, 1), Ref(second.request, 1)))
    stopped = wish(OUT, 2.5, State.YES, touches=some)
    assert decide(wish(OUT, 1), [second, first, stopped]) == Send((Ref(second.request, 1),))


def test_a_repeat_by_a_read_back_is_never_the_last_word() -> None:
    mine = wish(OUT, 1, State.IN_FLIGHT)
    assert decide_read_back(mine, [wish(IN, 2, State.YES)]) == Overtaken()
    assert decide_read_back(mine, [wish(IN, 2)]) == Overtaken()
    assert decide_read_back(mine, [wish(IN, 2, State.CANCELLED), wish(IN, 0, State.YES)]) == Send()
    assert decide_read_back(mine, [wish(OUT, 2, State.YES)]) == Send()
    assert decide_read_back(mine, [wish(IN, 2, State.STOPPING)]) == Wait()
    assert decide_read_back(mine, [], complete=False) == Overtaken()


def test_an_opt_in_that_may_have_arrived_and_is_not_wanted_any_more_has_withdrawals_sent_again() -> None:
    gone = wish(IN, 3, State.CANCELLED)
    first, second = wish(ERASURE, 1, State.YES), wish(OUT, 2, State.YES)
    assert stop_again(gone, [second, first]) == (Ref(first.request, 1), Ref(second.request, 1))
    by_address = wish(OUT, 2, State.YES, by="email", who=ALONE)
    assert stop_again(gone, [by_address]) == (Ref(by_address.request, 1),), "what cannot be told is decided for privacy"
    for other in (
        wish(OUT, 4, State.YES),  # newer: the opt-in has given way to it, or it was sent after
        wish(IN, 2, State.YES),
        wish(OUT, 2, State.DUE),  # goes out anyway
        wish(OUT, 2, State.CANCELLED),
        wish(OUT, 2, State.YES, who=JOHN | FAMILY),
    ):
        assert stop_again(gone, [other]) == ()


def test_how_surely_two_are_one() -> None:
    jane = wish(OUT, 1)
    assert same(jane, wish(OUT, 2, who={"email": "new@x.org"})) is Same.CERTAIN, "an address may change"
    assert same(jane, wish(OUT, 2, who=JOHN | {"email": "john@x.org"})) is Same.NO
    assert same(jane, wish(OUT, 2, by="email", who=ALONE)) is Same.MAYBE
    assert same(jane, wish(OUT, 2, who={"user_id": "", "email": "", "card": "7"})) is Same.NO
    told_of_by_card = wish(OUT, 2, keys=frozenset({("card", "7")}), who=JOHN | {"email": "john@x.org"})
    assert same(wish(OUT, 1, keys=None), told_of_by_card) is Same.NO, "they share nothing"
    assert same(wish(OUT, 1, keys=None), replace(told_of_by_card, identifiers=jane.identifiers)) is Same.MAYBE
    aliases = replace(wish(OUT, 2), identifiers={"user_id": prints(user_id="jane")["user_id"] | {UUID(int=1)}})
    assert same(aliases, jane) is Same.CERTAIN, "one of two user_ids is the same"


@each_row("kind", list(Kind))
@each_row("state", [State.DUE, State.YES])
def test_two_lines_of_one_request_neither_wait_for_nor_replace_each_other(kind: Kind, state: State) -> None:
    one = wish(kind, 1)
    assert decide(one, [replace(one, line=2, state=state)]) == Send()


@each_row(
    ("by", "how_sure"),
    [("email", Same.MAYBE), ("user_id", Same.NO), ("", Same.NO)],
)
def test_of_two_that_contradict_either_may_be_the_one_whose_keys_are_forgotten(by: str, how_sure: Same) -> None:
    """`by`: what the other is known by; nothing where its keys are on record, and none is equal."""
    known = wish(OUT, 1, by=by or "email", who=FAMILY)
    unknown = wish(OUT, 2, keys=None if by else frozenset({("card", "7")}), who=JOHN | FAMILY)
    assert same(known, unknown) is same(unknown, known) is how_sure


@each_row("kind", [IN, OUT])
@each_row("successor", list(State))
def test_what_becomes_of_a_superseded_one(kind: Kind, successor: State) -> None:
    gone = {State.CANCELLED, State.NOTHING, State.REFUSED} | ({State.WAITING} if kind is OUT else set())
    told = revive(kind, successor, effective_at=NOON, received_at=NOON, now=NOON, forgotten=False)
    assert told is (Revival.AGAIN if successor in gone else Revival.NONE)


@each_row(
    ("kind", "days", "forgotten", "becomes"),
    [
        (IN, 29, False, Revival.AGAIN),
        (IN, 30, False, Revival.AGAIN),
        (IN, 31, False, Revival.ASK),
        (IN, 1, True, Revival.ASK),
        (OUT, 400, False, Revival.AGAIN),
        (OUT, 1, True, Revival.ASK),
    ],
)
def test_an_old_opt_in_and_the_forgotten_need_a_person(
    kind: Kind, days: int, forgotten: bool, becomes: Revival
) -> None:
    now = NOON + timedelta(days=days)
    told = revive(kind, State.CANCELLED, effective_at=NOON, received_at=NOON, now=now, forgotten=forgotten)
    assert told is becomes
    assert timedelta(days=29) < OPT_IN_STAYS_GOOD < timedelta(days=31)


@each_row(
    ("outcome", "state"),
    [
        (Outcome.ACCEPTED, State.YES),
        (Outcome.VERIFIED, State.YES),
        (Outcome.ABSENT, State.YES),
        (Outcome.NOT_APPLICABLE, State.NOTHING),
        (Outcome.UNREACHABLE, State.WAITING),
        (Outcome.WITHHELD, State.WAITING),
        (Outcome.SUPERSEDED, State.DROPPED),
        (Outcome.REFUSED, State.REFUSED),
        (Outcome.NEEDS_ACTION, State.WAITING),
        (Outcome.EXHAUSTED, State.WAITING),
        (Outcome.CANCELLED, State.CANCELLED),
    ],
)
def test_every_outcome_is_a_state(outcome: Outcome, state: State) -> None:
    nobody_there = outcome is Outcome.ABSENT  # whom the vendor could have subscribed
    not_found = outcome is Outcome.NOT_APPLICABLE  # as it was called before there was `unreachable`
    for kind in Kind:
        found = State.NOTHING if nobody_there and kind is IN else state
        assert state_of(kind, outcome, None) is state_of(kind, outcome, "no_operation") is found
        assert state_of(kind, outcome, "no_identifier") is (State.WAITING if not_found else found)


def test_all_outcomes_are_in_the_table_of_states() -> None:
    assert all(isinstance(state_of(kind, outcome, None), State) for kind in Kind for outcome in Outcome)


BEFORE, AFTER = -1, 1


@each_row(
    ("mine", "other", "when", "states", "read_back"),
    [
        # earlier ones matter while they go first, later ones where they are of another kind or have a yes
        (OUT, IN, BEFORE, {State.DUE, State.IN_FLIGHT, State.STOPPING}, set()),
        (OUT, OUT, BEFORE, {State.DUE, State.IN_FLIGHT, State.STOPPING}, set()),
        (IN, OUT, BEFORE, {State.DUE, State.IN_FLIGHT, State.STOPPING}, set()),
        (IN, IN, AFTER, {State.IN_FLIGHT, State.STOPPING}, set()),
        (OUT, OUT, AFTER, {State.IN_FLIGHT, State.STOPPING, State.YES}, set()),
        (
            IN,
            OUT,
            AFTER,
            set(State) - {State.ASIDE, State.NOTHING, State.CANCELLED},
            set(),
        ),
        (
            OUT,
            IN,
            AFTER,
            set(State) - {State.ASIDE, State.NOTHING, State.CANCELLED, State.DUE},
            {State.DUE},
        ),
    ],
)
def test_which_other_wishes_need_to_be_opened(
    mine: Kind, other: Kind, when: int, states: set[State], read_back: set[State]
) -> None:
    order, other_order = wish(mine, 0).order, wish(other, when).order
    assert {state for state in State if can_matter(mine, order, other, other_order, state)} == states
    read = {state for state in State if can_matter(mine, order, other, other_order, state, reads_back=True)}
    assert read == states | read_back


# Any wishes, any order of events, a small vendor


PEOPLE: list[dict[str, str]] = [
    {"user_id": "jane", "email": "fam"},
    {"user_id": "john", "email": "fam"},
    {"email": "fam"},
    {"user_id": "jane", "email": "own"},
    {"user_id": "jane"},
]
WAYS: list[tuple[str, ...]] = [("user_id",), ("email",), ("user_id", "email")]  # a vendor that knows people by these
SOME = [frozenset({"email"}), frozenset({"sms"}), FLAGS]


@st.composite
def some_wishes(draw: st.DrawFn) -> list[Wish]:
    ways = draw(st.sampled_from(WAYS))
    made = []
    for number in range(draw(st.integers(2, 6))):
        kind = draw(st.sampled_from([IN, IN, OUT, OUT, ERASURE]))
        who = draw(st.sampled_from(PEOPLE))
        keys = frozenset((way, who[way]) for way in ways if way in who)
        touches = draw(st.sampled_from(SOME)) if kind is IN else TOUCHES[kind]
        at = NOON + timedelta(hours=draw(st.integers(0, 3)))
        state = draw(st.sampled_from([State.DUE, State.DUE, State.ASIDE]))
        made.append(Wish(kind, at, number + 1, 1, state, touches, keys, prints(**who)))
    return made


@settings(max_examples=examples(150), deadline=None)
@given(made=some_wishes(), states=st.lists(st.sampled_from(list(State)), min_size=6, max_size=6))
def test_what_cannot_matter_makes_no_difference(made: list[Wish], states: list[State]) -> None:
    mine, *others = [replace(one, state=state) for one, state in zip(made, states, strict=False)]
    kept = [one for one in others if can_matter(mine.kind, mine.order, one.kind, one.order, one.state)]
    with_all, with_some = decide(mine, others), decide(mine, kept)
    if isinstance(with_all, Send) and isinstance(with_some, Send):  # one more repeat gives way by itself
        assert set(with_some.then_repeat) >= set(with_all.then_repeat)
    else:
        assert with_some == with_all
    seen = [one for one in others if can_matter(mine.kind, mine.order, one.kind, one.order, one.state, reads_back=True)]
    assert decide_read_back(mine, seen) == decide_read_back(mine, others)


@dataclass
class World:
    """The wishes, and a vendor that stores the last order for each key and name."""

    wishes: dict[int, Wish]
    told: dict[tuple[tuple[str, str], str], bool] = field(default_factory=dict)
    successors: dict[int, int] = field(default_factory=dict)
    lifted: dict[int, set[str]] = field(default_factory=dict)
    reached: set[int] = field(default_factory=set)
    """Wishes that have been in effect at the vendor, whatever is known of them here."""
    sent: set[int] = field(default_factory=set)

    def put(self, number: int, state: State) -> None:
        self.wishes[number] = replace(self.wishes[number], state=state)

    def in_state(self, *states: State) -> list[int]:
        return [number for number, one in self.wishes.items() if one.state in states]

    def take(self, number: int) -> bool:
        """A worker takes up a delivery; returns whether anything follows."""
        mine = self.wishes[number]
        others = [other for other in self.wishes.values() if other is not mine]
        match decide(mine, others, lifted=self.lifted.get(number, set())):
            case Wait():
                return False
            case Superseded(by=by):
                self.put(number, State.DROPPED)
                self.successors[number] = by.request
            case AskSomeone(reason=reason):
                self.put(number, State.WAITING)
                self.lifted.setdefault(number, set()).add(reason.value)  # the person who retries it has said: go on
            case Send(then_repeat=repeat):
                for ref in repeat:
                    self.put(ref.request, State.DUE)
                self.put(number, State.IN_FLIGHT)
                self.sent.add(number)
        return True

    def cancel(self, number: int) -> None:
        """Its request was cancelled, and no worker has it."""
        self.put(number, State.CANCELLED)
        mine = self.wishes[number]
        if number in self.sent and not mine.withdraws:
            for ref in stop_again(mine, self.wishes.values()):
                self.put(ref.request, State.DUE)
        self.revive()

    def land(self, number: int, state: State, *, applied: bool = True) -> None:
        """The vendor answers, or its answer is lost: then it is unknown whether it has `applied` the order."""
        mine = self.wishes[number]
        if not mine.keys:
            state = State.WAITING
        elif state is not State.REFUSED and applied:
            self.told |= {(key, name): not mine.withdraws for key in mine.keys for name in mine.touches}
            self.reached.add(number)
        if state is State.CANCELLED:
            self.cancel(number)
        else:
            self.put(number, state)
            self.revive()

    def revive(self) -> None:
        for number, successor in self.successors.items():
            one = self.wishes[number]
            if one.state is State.DROPPED:
                told = revive(
                    one.kind,
                    self.wishes[successor].state,
                    effective_at=one.effective_at,
                    received_at=one.effective_at,
                    now=NOON,
                    forgotten=False,
                )
                if told is Revival.AGAIN:
                    self.put(number, State.DUE)

    def work_off(self) -> None:
        """Nothing comes any more: everybody is served."""
        for _ in range(200):
            for number in self.in_state(State.IN_FLIGHT, State.STOPPING):
                self.land(number, State.YES)
            due = self.in_state(State.DUE)
            if not due:
                return
            assert any(self.take(number) for number in due), "everybody waits for somebody"
        raise AssertionError("it never ends")


@settings(max_examples=examples(200), deadline=None)
@given(made=some_wishes(), data=st.data())
def test_no_circle_no_withdrawal_unserved_and_the_newest_wish_has_the_last_word(
    made: list[Wish], data: st.DataObject
) -> None:
    world = World({one.request: one for one in made})
    for _ in range(data.draw(st.integers(0, 25), label="events")):
        number = data.draw(st.sampled_from(sorted(world.wishes)), label="which")
        match world.wishes[number].state:
            case State.WAITING if data.draw(st.integers(0, 4), label="closed by hand") == 0:
                world.cancel(number)
            case State.ASIDE | State.WAITING:
                world.put(number, State.DUE)
            case State.DUE:
                if data.draw(st.integers(0, 9)) == 0:
                    world.cancel(number)
                else:
                    world.take(number)
            case State.IN_FLIGHT:
                end = data.draw(st.sampled_from([State.YES, State.YES, State.WAITING, State.REFUSED, State.STOPPING]))
                applied = end is not State.WAITING or data.draw(st.booleans())
                world.put(number, end) if end is State.STOPPING else world.land(number, end, applied=applied)
            case State.STOPPING:
                end = data.draw(st.sampled_from([State.YES, State.CANCELLED]))
                world.land(number, end, applied=end is State.YES or data.draw(st.booleans()))
    for _ in range(3):  # those who waited for a date or a person go out, or ask once more
        for number in world.in_state(State.ASIDE, State.WAITING):
            if world.wishes[number].keys:
                world.put(number, State.DUE)
        world.work_off()
    _check_the_end(world)


@each_row("ended", ["cancelled", "cancelled in flight", "closed by hand"])
@each_row("kind", [OUT, ERASURE])
def test_an_opt_in_whose_answer_was_lost_and_that_was_cancelled_is_not_the_last_word(kind: Kind, ended: str) -> None:
    made = [wish(kind, 1, request=1), wish(IN, 2, request=2)]
    world = World({one.request: one for one in made})
    world.take(1)
    world.land(1, State.YES)
    world.take(2)
    if ended == "cancelled in flight":
        world.put(2, State.STOPPING)
        world.land(2, State.CANCELLED)
    else:
        world.land(2, State.WAITING)
        if ended == "cancelled":
            world.put(2, State.DUE)
        world.cancel(2)
    assert any(world.told.values())
    world.work_off()
    assert not any(world.told.values())


def _check_the_end(world: World) -> None:
    ended = list(world.wishes.values())
    for one in ended:
        if one.withdraws and one.state is State.DROPPED:
            successor = world.wishes[world.successors[one.request]]
            assert successor.order > one.order
            assert same(one, successor) is Same.CERTAIN
            assert one.keys is not None
            assert successor.keys is not None
            assert successor.keys >= one.keys
            assert successor.touches >= one.touches
            assert successor.state in (State.YES, State.DROPPED)
        elif one.withdraws and one.keys:
            assert one.state in (State.YES, State.REFUSED, State.CANCELLED), "a withdrawal is not served"
    for key, name_ in world.told:
        asking = [one for one in ended if one.keys and key in one.keys and name_ in one.touches and _stands(one, world)]
        served = [one for one in asking if one.state is State.YES]
        if not served:
            continue
        newest = max(asking, key=lambda one: one.order)
        if newest.withdraws:
            assert not world.told[key, name_], "the newest wish is to stop"
        elif newest.state is State.YES and not _somebody_may_mean_them(newest, ended):
            assert world.told[key, name_], "the newest wish is to go on"


def _stands(one: Wish, world: World) -> bool:
    """Whether it is still wanted; so is an opt-in that was in effect and was refused when it was sent again."""
    reached = one.state is State.REFUSED and not one.withdraws and one.request in world.reached
    return reached or one.state in (State.YES, State.DROPPED)


def _somebody_may_mean_them(opt_in: Wish, ended: list[Wish]) -> bool:
    """Whether a newer withdrawal may be this person's, by another key: then privacy goes first."""
    return any(one.withdraws and one.order > opt_in.order and same(one, opt_in) is not Same.NO for one in ended)
