"""A model of the ledger, compared with the real one: whatever is submitted, claimed, crashed, recorded, retried,
cancelled and superseded in any order, the record stays true, and in the end everybody is settled."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text

from domain.outcomes import NAMED_ONLY, Outcome, Reason
from domain.requests import Kind, Subject
from domain.retry import Setback
from domain.wishes import Ref
from ledger.delivery import cancelling, chunks, near_requests, outcomes, successions, vendors
from ledger.delivery.chunks import Lease, LeaseLostError, Purpose
from ledger.delivery.claiming import claim
from ledger.delivery.outcomes import Settled
from ledger.delivery.pending import open_people
from ledger.delivery.pending import pending as pending_of
from ledger.desk import attention, closing_by_hand, deeds
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from ledger.requests import closing, new_request, recording
from ledger.sealing import MasterKeys
from tasks.wishes import weigh
from tests.row_order import rows_as_promised
from tests.stubs import StubAdapter
from tests.transitions import may_follow

EXAMPLES = int(os.environ.get("LEDGER_MODEL_EXAMPLES", "15"))
STEPS = 40
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VENDORS = {"readable": 2, "unreadable": 3}  # people per chunk; only the first can be read back
NEEDS_ATTENTION = {"refused", "needs_action", "exhausted", "unreachable"}
MOST_REQUESTS = 4
DEEDS = ["resume", "resume", "serve", "serve", "strike", "probe", "hold"]
ENDS = [
    Outcome.ACCEPTED,
    Outcome.ACCEPTED,
    Outcome.ABSENT,
    Outcome.REFUSED,
    Outcome.NEEDS_ACTION,
    Outcome.EXHAUSTED,
    Outcome.UNREACHABLE,
]
HAS_YES = {"accepted", "verified", "absent"}
CLOSED = {"completed", "completed_with_exceptions"}
LONG_S = 3600.0

Delivery = tuple[int, int, int]
"""Request, vendor and line."""


@dataclass
class Asked:
    """A request as the model knows it."""

    id: int
    public_id: UUID
    kind: Kind
    effective_at: datetime
    vendor_ids: frozenset[int]
    lines: dict[int, frozenset[str]]
    """The identifiers of each line."""
    cancelled: bool = False

    def user(self, line: int) -> str | None:
        """The vendor's key for the person."""
        return next((one for one in self.lines[line] if one[0] == "u"), None)

    def is_newer(self, other: "Asked") -> bool:
        """Whether it stands after the other in the order of wishes."""
        return self.place > other.place

    @property
    def place(self) -> tuple[datetime, bool, int]:
        return self.effective_at, self.kind is not Kind.OPT_IN, self.id


@dataclass
class Held:
    """A lease, and what its worker means to do."""

    lease: Lease
    to_send: set[int]
    moot: dict[int, Ref]
    ask: dict[int, Reason]
    pending: set[int]
    sent: set[int] = field(default_factory=set)

    @property
    def purpose(self) -> Purpose:
        """To deliver, or to read back."""
        return self.lease.purpose

    @property
    def good_end(self) -> Outcome:
        """How a delivery of it ends where all is well."""
        return Outcome.VERIFIED if self.purpose is Purpose.VERIFY else Outcome.ACCEPTED


def who(numbers: Iterable[tuple[int, str]]) -> list[frozenset[str]]:
    """Identifiers of some of three people, of each not always the same ones: `u`ser_id, `e`-mail, `p`hone number, a
    vendor's own `i`d, and the address of the whole `f`amily."""
    return list(
        dict.fromkeys(
            frozenset("f" if which == "f" else f"{which}{number}" for which in given) for number, given in numbers
        )
    )


def subject(identifiers: frozenset[str]) -> Subject:
    """A person with these identifiers."""
    made: Subject = {}
    for one in identifiers:
        match one[0]:
            case "u":
                made["user_id"] = f"user-{one[1:]}"
            case "i":
                made["vendors"] = {"insider": {"insider_id": f"insider-{one[1:]}"}}
            case "f":
                made["email"] = "family@private.example"
            case "e":
                made["email"] = f"mail-{one[1:]}@private.example"
            case _:
                made["phone_number"] = f"+82101234567{one[1:]}"
    return made


PEOPLE = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["u", "e", "ue", "ep", "uep", "uf", "uf", "i", "ui"])),
    min_size=1,
    max_size=4,
).map(who)

Wish = tuple[Kind, list[frozenset[str]], int | None, tuple[str, ...]]
"""A kind, people, the minutes of when it takes effect, and vendors."""
WISH: st.SearchStrategy[Wish] = st.tuples(
    st.sampled_from(list(Kind)),
    PEOPLE,
    st.none() | st.integers(0, 3),
    st.sampled_from([("readable",), ("readable", "unreadable")]),
)


class LedgerMachine(RuleBasedStateMachine):
    """The steps that a producer, dispatchers, workers, a read-back and an operator take, in any order."""

    engine: Engine
    emptied: Callable[[], None]
    masters: MasterKeys

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[int, Asked] = {}
        self.messages: list[int] = []
        self.held: list[Held] = []
        self.zombies: list[Held] = []
        self.history: dict[tuple[int, int, int, int], tuple[str, str | None, int]] = {}
        self.told: dict[tuple[int, str], int] = {}
        """The request whose wish each vendor was told last of each user_id."""

    # --- the scene

    def empty(self) -> None:
        """An empty ledger that knows two vendors."""
        self.emptied()
        with self.engine.begin() as connection:
            vendors.announce(connection, VENDORS)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.engine.begin() as connection:
            return rows_as_promised(statement, connection.execute(text(statement), values))

    def execute(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    # --- a producer

    @initialize(wishes=st.lists(WISH, min_size=2, max_size=3))
    def begin(self, wishes: list[Wish]) -> None:
        """Something is always asked of some."""
        self.empty()
        for wish in wishes:
            self._submit(wish)

    @precondition(lambda self: len(self.asked) < MOST_REQUESTS)
    @rule(wish=WISH)
    def submit(self, wish: Wish) -> None:
        self._submit(wish)

    def _submit(self, wish: Wish) -> None:
        kind, subjects, minutes, names = wish
        effective_at = None if minutes is None else NOON + timedelta(minutes=minutes)
        with self.engine.begin() as connection:
            chosen = [one for one in vendors.all_vendors(connection) if one.name in names]
            new = new_request.NewRequest(kind=kind, vendors=chosen, options=b"{}", effective_at=effective_at)
            prints = Prints(fingerprinter(connection, self.masters))
            recorded = recording.record(connection, new, map(subject, subjects), masters=self.masters, prints=prints)
        assert (recorded.people, recorded.duplicates) == (len(subjects), 0)
        ((id_, at),) = self.rows(
            "SELECT id, effective_at FROM requests WHERE public_id = :public_id", public_id=recorded.public_id
        )
        lines = dict(enumerate(subjects, start=1))
        self.asked[id_] = Asked(id_, recorded.public_id, kind, at, frozenset(one.id for one in chosen), lines)

    # --- a dispatcher

    def _claim(self, vendor: str, window: int) -> list[int]:
        under_way = """
            SELECT count(*) FROM chunks JOIN vendors ON vendors.id = vendor_id
            WHERE name = :vendor AND state IN ('queued', 'leased') AND due_at > now()"""
        ((held_by, probe_due),) = self.rows(
            "SELECT held_by, probe_at <= now() FROM vendors WHERE name = :vendor", vendor=vendor
        )
        ((before,),) = self.rows(under_way, vendor=vendor)
        with self.engine.begin() as connection:
            connection.execute(text("SELECT setseed(0)"))  # claims draw lots, and a run must repeat
            claimed = [one.chunk_id for one in claim(connection, vendor, window)]
        ((after,),) = self.rows(under_way, vendor=vendor)
        if claimed:
            assert after == before + len(claimed) <= window, "more under way than the window allows"
            assert len(set(claimed)) == len(claimed)
        if held_by is not None:
            assert len(claimed) <= (1 if held_by == "worker" and probe_due else 0), "sent to a vendor that is held"
        live = {one.lease.chunk_id for one in self.held}
        assert not live & set(claimed), "a chunk was claimed that a worker holds"
        self.messages += claimed
        return claimed

    # --- workers

    @precondition(lambda self: self.asked)
    @rule(
        vendor=st.sampled_from(["readable", *VENDORS]),
        window=st.integers(1, 6),
        name=st.sampled_from(["w1", "w2"]),
        later=st.booleans(),
        arrive=st.booleans(),
    )
    def work(self, vendor: str, window: int, name: str, later: bool, arrive: bool) -> None:
        """Chunks are claimed, and mostly leased at once."""
        if later:
            self.time_passes()
        for chunk_id in self._claim(vendor, window):
            if arrive or later:
                self.messages.remove(chunk_id)
                self._lease(chunk_id, name)

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), repeated=st.booleans(), name=st.sampled_from(["w1", "w2"]))
    def lease(self, data: st.DataObject, repeated: bool, name: str) -> None:
        """Messages come in any order, and may come twice."""
        chunk_id = data.draw(st.sampled_from(self.messages))
        if not repeated:
            self.messages.remove(chunk_id)
        self._lease(chunk_id, name)

    def _lease(self, chunk_id: int, name: str) -> Held | None:
        with self.engine.begin() as connection:
            lease = chunks.lease(connection, chunk_id, lease_s=LONG_S, holder=name, masters=self.masters)
        if lease is None:
            return None
        assert chunk_id not in {one.lease.chunk_id for one in self.held}, "a second live lease of one chunk"
        with self.engine.begin() as connection:
            awaits = "pending" if lease.purpose is Purpose.DELIVER else "accepted"
            found = open_people(lease, pending_of(connection, lease, awaits=awaits, with_sessions=False))
        pending = {one.line for one in found}
        for line, opened in found:
            assert opened == subject(self.asked[lease.request_id].lines[line])
        to_send, moot, ask = set(pending), dict[int, Ref](), dict[int, Reason]()
        if lease.purpose is Purpose.DELIVER:
            with self.engine.begin() as connection:
                weighed = weigh(connection, lease, sorted(pending), StubAdapter(name=lease.vendor), self.masters)
                successions.repeat(connection, lease.vendor_id, weighed.repeat)
            to_send = pending - weighed.kept_back
            moot, ask = weighed.superseded, weighed.ask
            self._check_handed_out(lease, to_send)
            self._check_superseded(lease, moot)
        held = Held(lease, to_send, moot, ask, pending)
        self.held.append(held)
        return held

    def _check_handed_out(self, lease: Lease, to_send: set[int]) -> None:
        mine = self.asked[lease.request_id]
        assert not mine.cancelled, "a cancelled request was handed out"
        latest = self._latest()
        for line in to_send:
            for other, there in self._others(mine, lease.vendor_id, line):
                outcome = latest.get((other.id, lease.vendor_id, there), ("pending",))[0]
                if mine.kind is Kind.OPT_IN and other.is_newer(mine) and other.kind is not Kind.OPT_IN:
                    came_to_nothing = other.cancelled or outcome in {"cancelled", "not_applicable", "refused"}
                    assert came_to_nothing, f"an opt-in is sent though a newer {other.kind} is on record"
        for held in self.held:
            if held.purpose is Purpose.DELIVER and held.lease.vendor_id == lease.vendor_id:
                sending = held.to_send - held.sent
                theirs = {self.asked[held.lease.request_id].user(line) for line in sending} - {None}
                both = [line for line in to_send if mine.user(line) in theirs]
                assert held.lease.request_id == lease.request_id or not both, "two requests of one person in flight"
                same = held.lease.request_id == lease.request_id and sending & to_send
                assert not same, "one delivery handed out twice"

    def _check_superseded(self, lease: Lease, moot: dict[int, Ref]) -> None:
        mine, latest = self.asked[lease.request_id], self._latest()
        for line, by in moot.items():
            other = self.asked[by.request]
            assert other.is_newer(mine), "superseded by an older wish"
            if mine.kind is Kind.OPT_IN:
                assert other.kind is not Kind.OPT_IN
                assert related(mine.lines[line], other.lines[by.line])
            else:
                assert mine.user(line) is not None
                assert mine.user(line) == other.user(by.line), "a withdrawal is dropped for another person's wish"
                assert latest[by.request, lease.vendor_id, by.line][0] in HAS_YES, "dropped without the vendor's yes"
                assert mine.kind is Kind.OPT_OUT or other.kind is Kind.ERASURE, "dropped for a wish that does less"

    def _others(self, mine: Asked, vendor_id: int, line: int) -> list[tuple[Asked, int]]:
        """Other requests of a line's person at this vendor, and where in them."""
        return [
            (other, there)
            for other in self.asked.values()
            if other.id != mine.id and vendor_id in other.vendor_ids
            for there, ids in other.lines.items()
            if related(mine.lines[line], ids)
        ]

    def _held(self, data: st.DataObject) -> Held:
        return data.draw(st.sampled_from(self.held), label="which worker")

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        """The answers of some; superseded ones are recorded with the first."""
        held = self._held(data)
        waiting = sorted(held.to_send - held.sent)
        ends = ENDS if held.purpose is Purpose.DELIVER else [Outcome.VERIFIED, Outcome.VERIFIED, Outcome.NEEDS_ACTION]
        some = data.draw(st.dictionaries(st.sampled_from(waiting), st.sampled_from(ends)) if waiting else st.just({}))
        self._record(held, some)

    def _record(self, held: Held, ended: dict[int, Outcome]) -> bool:
        lease = held.lease
        settled = [Settled([line], Outcome.SUPERSEDED, None, 0, by) for line, by in held.moot.items()]
        settled += [Settled([line], Outcome.NEEDS_ACTION, reason, 0) for line, reason in held.ask.items()]
        settled += [Settled([line], outcome, Reason.BUSY, 1) for line, outcome in ended.items()]
        with self.engine.begin() as connection:
            stands = chunks.renew(connection, lease, LONG_S).stands
            outcomes.append(connection, lease, settled, used_sessions=False)
        assert stands is not self.asked[lease.request_id].cancelled
        for line, outcome in ended.items():
            user = self.asked[lease.request_id].user(line)
            if held.purpose is Purpose.DELIVER and outcome in (Outcome.ACCEPTED, Outcome.ABSENT) and user:
                self.told[lease.vendor_id, user] = lease.request_id
        held.sent |= ended.keys()
        held.pending -= ended.keys() | held.moot.keys() | held.ask.keys()
        held.moot, held.ask = {}, {}
        return stands

    @precondition(lambda self: self.held)
    @rule(data=st.data(), delay_s=st.sampled_from([0.0, LONG_S]), end=st.none() | st.sampled_from(ENDS))
    def end_run(self, data: st.DataObject, delay_s: float, end: Outcome | None) -> None:
        """Close the chunk where everybody in it is settled, else put it back; mostly all have been answered first."""
        held = self._held(data)
        if end is not None:
            end = end if held.purpose is Purpose.DELIVER else held.good_end
            self._record(held, dict.fromkeys(held.to_send - held.sent, end))
        self._end_run(held, delay_s)

    def _end_run(self, held: Held, delay_s: float) -> None:
        lease = held.lease
        self.held.remove(held)
        self._record(held, {})
        with self.engine.begin() as connection:
            chunks.renew(connection, lease, LONG_S)
            if held.pending:
                setbacks = [Setback(lease.starts, time(), time(), tuple(sorted(held.pending)))]
                chunks.put_back(connection, lease, delay_s=delay_s, setbacks=setbacks)
            else:
                chunks.close(connection, lease)
                if lease.purpose is Purpose.DELIVER and lease.vendor == "readable":
                    chunks.open_verification(connection, lease, 0.0)
        with self.engine.begin() as connection:
            cancelling.cancel_rest(connection, lease.request_id)
        with self.engine.begin() as connection:
            closing.close_settled(connection, lease.request_id)

    # --- what goes wrong

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """A worker freezes or vanishes, and its lease runs out."""
        held = self._held(data)
        self._expire(held)

    def _expire(self, held: Held) -> None:
        self.held.remove(held)
        self.zombies.append(held)
        self.execute(
            "UPDATE chunks SET due_at = now() - interval '1 second' WHERE id = :id AND lease = :lease",
            id=held.lease.chunk_id,
            lease=held.lease.id,
        )

    @rule(name=st.sampled_from(["w1", "w2"]))
    def replace_worker(self, name: str) -> None:
        """A worker is known to be gone, and one of the same name has come."""
        with self.engine.begin() as connection:
            chunks.release(connection, name)
        gone = [one for one in self.held if name in self._holders(one)]
        assert gone == [], "release has left a lease to a worker that is gone"
        lost = [one for one in self.held if not self._is_held(one)]
        self.zombies += lost
        self.held = [one for one in self.held if one not in lost]

    def _holders(self, held: Held) -> list[str]:
        return [row[0] for row in self.rows("SELECT holder FROM chunks WHERE lease = :lease", lease=held.lease.id)]

    def _is_held(self, held: Held) -> bool:
        return bool(self._holders(held))

    @precondition(lambda self: self.zombies)
    @rule(data=st.data())
    def wake_up(self, data: st.DataObject) -> None:
        """A worker that was taken for dead goes on as if nothing had happened."""
        held = data.draw(st.sampled_from(self.zombies), label="which zombie")
        still = self._is_held(held)
        self.zombies.remove(held)
        before = self._outcomes()
        if still:  # nobody else has taken it yet, so it is as good as ever
            self._record(held, dict.fromkeys(held.to_send - held.sent, held.good_end))
            self.held.append(held)
            return
        with pytest.raises(LeaseLostError):
            self._record(held, dict.fromkeys(held.to_send, Outcome.REFUSED))
        with pytest.raises(LeaseLostError), self.engine.begin() as connection:
            chunks.close(connection, held.lease)
        with pytest.raises(LeaseLostError), self.engine.begin() as connection:
            chunks.put_back(connection, held.lease, delay_s=0.0, setbacks=[])
        assert self._outcomes() == before, "a worker without a lease has recorded something"

    @rule()
    def time_passes(self) -> None:
        """Whatever waits is due, and messages may have been lost."""
        self.execute("UPDATE chunks SET due_at = now() - interval '1 second' WHERE state IN ('waiting', 'queued')")

    # --- holds

    @rule(vendor=st.sampled_from(sorted(VENDORS)), deed=st.sampled_from(DEEDS))
    def hold(self, vendor: str, deed: str) -> None:
        ((id_, held_by, strikes),) = self.rows(
            "SELECT id, held_by, strikes FROM vendors WHERE name = :vendor", vendor=vendor
        )
        with self.engine.begin() as connection:
            match deed:
                case "strike":
                    held = vendors.strike(connection, id_, Reason.FORBIDDEN, limit=2, probe_after_s=LONG_S)
                    assert held == (held_by is not None or strikes >= 1)
                case "hold":
                    assert vendors.hold(connection, vendor, "anna")
                case "resume":
                    assert vendors.resume(connection, vendor)
                case "serve":
                    vendors.well_answered(connection, id_)
                case _:
                    connection.execute(text("UPDATE vendors SET probe_at = now() WHERE probe_at IS NOT NULL"))
        ((now_held_by,),) = self.rows("SELECT held_by FROM vendors WHERE id = :id", id=id_)
        if held_by == "anna":
            assert now_held_by == (None if deed == "resume" else "anna"), "what a person held was lifted by a machine"

    # --- an operator

    def _deed(self, data: st.DataObject) -> Asked:
        return self.asked[data.draw(st.sampled_from(sorted(self.asked)), label="which request")]

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), reason=st.sampled_from([None, None, Reason.BUSY.value, "newer_opt_in", "superseded"]))
    def retry(self, data: st.DataObject, reason: str | None) -> None:
        one = self._deed(data)
        assume(not one.cancelled)
        waits = {
            key
            for key, (outcome, why, _) in self._latest().items()
            if key[0] == one.id
            and (
                outcome == "superseded"
                if reason == "superseded"
                else outcome in NEEDS_ATTENTION - {"unreachable"}
                and (outcome != "refused" and why not in NAMED_ONLY if reason is None else why == reason)
            )
        }
        with self.engine.begin() as connection:
            locked = deeds.lock_request(connection, one.public_id)
            assert locked is not None
            reopened = attention.reopen(connection, locked, attention.Selection(reason=reason))
        assert sum(reopened.deliveries.values()) == len(waits)
        latest = self._latest()
        assert all(latest[key][0] == "pending" for key in waits)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def close_by_hand(self, data: st.DataObject) -> None:
        one = self._deed(data)
        vendor_id = data.draw(st.sampled_from(sorted(one.vendor_ids)))
        with self.engine.begin() as connection:
            locked = deeds.lock_request(connection, one.public_id)
            assert locked is not None
            closing_by_hand.close_by_hand(connection, locked, vendor_id, None)
            successions.follow_up(connection, one.id, vendor_id)
            closing.judge_again(connection, one.id)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        one = self._deed(data)
        with self.engine.begin() as connection:
            locked = deeds.lock_request(connection, one.public_id)
            assert locked is not None
            assume(locked.status == "running")
            deeds.cancel(connection, locked, "anna")
        one.cancelled = True
        with self.engine.begin() as connection:
            cancelling.cancel_rest(connection, one.id)

    @rule()
    def sweep(self) -> None:
        """What beat does now and then."""
        with self.engine.begin() as connection:
            closing.close_settled(connection)
            cancelling.sweep(connection)

    # --- what must always be true

    def _outcomes(self) -> dict[tuple[int, int, int, int], tuple[str, str | None, int]]:
        found = self.rows(
            "SELECT request_id, vendor_id, line, round, CAST(outcome AS text), reason, attempts FROM outcomes"
        )
        return {(row[0], row[1], row[2], row[3]): (row[4], row[5], row[6]) for row in found}

    def _latest(self) -> dict[Delivery, tuple[str, str | None, int]]:
        latest: dict[Delivery, tuple[str, str | None, int]] = {}
        for (request_id, vendor_id, line, _), told in sorted(self._outcomes().items()):
            latest[request_id, vendor_id, line] = told
        return latest

    @invariant()
    def the_record_is_true(self) -> None:
        now = self._outcomes()
        assert self.history.items() <= now.items(), "an outcome was changed or lost"
        self.history = now
        rounds: dict[Delivery, list[tuple[int, str]]] = {}
        for (request_id, vendor_id, line, round_), (outcome, _, _) in sorted(now.items()):
            rounds.setdefault((request_id, vendor_id, line), []).append((round_, outcome))
        for told in rounds.values():
            assert [round_ for round_, _ in told] == list(range(1, len(told) + 1)), "a round is missing"
            steps = [None, *(None if outcome == "pending" else Outcome(outcome) for _, outcome in told)]
            for before, after in pairwise(steps):
                by_hand = after is Outcome.CANCELLED
                assert after is None or by_hand or may_follow(before, after), f"{after} follows {before}"
        self._check_tallies(
            Counter((key[0], key[1], told[-1][1]) for key, told in rounds.items() if told[-1][1] != "pending")
        )
        self._check_closed({key: told[-1][1] for key, told in rounds.items()})

    def _check_tallies(self, counted: Counter[tuple[int, int, str]]) -> None:
        kept = self.rows("SELECT request_id, vendor_id, CAST(outcome AS text), deliveries FROM tallies")
        assert all(row[3] >= 0 for row in kept), "a tally is negative"
        assert counted == Counter({(row[0], row[1], row[2]): row[3] for row in kept if row[3]}), "the tallies are off"

    def _check_closed(self, latest: dict[Delivery, str]) -> None:
        for id_, status, closed_at in self.rows("SELECT id, CAST(status AS text), closed_at FROM requests"):
            one = self.asked[id_]
            assert (status == "cancelled") == one.cancelled
            if status not in CLOSED and closed_at is None:
                continue
            assert closed_at is not None
            for vendor_id in one.vendor_ids:
                for line in one.lines:
                    assert latest.get((id_, vendor_id, line), "pending") != "pending", "closed, and somebody is pending"

    # --- and in the end

    def teardown(self) -> None:
        """Nothing goes wrong any more: then everybody is settled before long."""
        if not self.asked:
            return
        for held in list(self.held):
            self._expire(held)
        with self.engine.begin() as connection:
            for vendor in VENDORS:
                vendors.resume(connection, vendor)
        for _ in range(60):
            self.time_passes()
            for vendor in VENDORS:
                for chunk_id in self._claim(vendor, 100):
                    if run := self._lease(chunk_id, "w1"):
                        self._record(run, dict.fromkeys(run.to_send, run.good_end))
                        self._end_run(run, 0.0)
            self.sweep()
            ((left,),) = self.rows("""
                SELECT (SELECT count(*) FROM requests WHERE closed_at IS NULL)
                     + (SELECT count(*) FROM chunks WHERE state <> 'closed')""")
            if not left:
                break
        self.the_record_is_true()
        assert left == 0, "somebody is never settled"
        for row in self.rows("SELECT id, CAST(status AS text) FROM requests WHERE status <> 'cancelled'"):
            needs = {told[0] for key, told in self._latest().items() if key[0] == row[0]} & NEEDS_ATTENTION
            assert row[1] == ("completed_with_exceptions" if needs else "completed")
        self._check_last_words()

    def _check_last_words(self) -> None:
        """The last order that a vendor got about a person is what the newest wish with its yes asks for."""
        latest = self._latest()
        for (vendor_id, user), number in self.told.items():
            mine = [
                (one, line)
                for one in self.asked.values()
                for line in one.lines
                if one.user(line) == user
                and latest.get((one.id, vendor_id, line), ("pending",))[0] in HAS_YES | {"superseded"}
            ]
            if not mine:
                continue
            newest, line = max(mine, key=lambda found: found[0].place)
            withdrawn = self.asked[number].kind is not Kind.OPT_IN
            if newest.kind is not Kind.OPT_IN:
                assert withdrawn, "the newest wish is to stop, and an older opt-in had the last word"
            elif latest[newest.id, vendor_id, line][0] in HAS_YES and not any(
                other.is_newer(newest) for other, _ in self._others(newest, vendor_id, line)
            ):
                assert not withdrawn, "the newest wish is to go on, and an older withdrawal had the last word"


def related(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether these may be one person: the same user_id, or a shared identifier and no different one."""
    mine, theirs = ({_kind(each): each for each in ids} for ids in (one, other))
    both = mine.keys() & theirs.keys()
    if "u" in both and mine["u"] == theirs["u"]:
        return True
    return bool(one & other) and all(mine[kind] == theirs[kind] for kind in both)


def _kind(identifier: str) -> str:
    return "e" if identifier[0] == "f" else identifier[0]


@pytest.mark.timeout(900)  # 40 s of processor, and others may keep the machine busy
def test_whatever_happens_the_record_is_true(
    engine: Engine, emptied: Callable[[], None], masters: MasterKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "COPY_FROM", 2)  # some are inserted, some are copied
    monkeypatch.setattr(near_requests, "FEW", 2)  # some find other requests few, some many
    machine = type(
        "Machine", (LedgerMachine,), {"engine": engine, "emptied": staticmethod(emptied), "masters": masters}
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            print_blob=False,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
