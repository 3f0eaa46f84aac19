"""Whose wish counts, in the real ledger and with the real adapters' addresses: the vendor records what it is sent."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from adapters.contract import Answer, Call, Person, Verdict
from adapters.insider.settings import FLAGS
from domain.outcomes import Outcome, Reason
from domain.requests import Kind, Subject
from ledger.delivery import chunks, near_requests, outcomes, same_people
from ledger.desk.fresh_sessions import Given
from ledger.desk.listing import deliveries_page, numbers_of
from ledger.desk.reports import deliveries_of
from ledger.notices.webhooks import announce_webhooks
from tasks import selections
from tasks.attend import Desk as AttendDesk
from tasks.deliver import deliver
from tasks.selections import Criteria, Deed, Order
from tasks.settle import settle
from tests.contract.samples import adapter_of
from tests.ledger.conftest import Desk
from tests.ledger.given_up import give_up_master_key
from tests.stubs import StubExchange

APPLIED = Answer(Verdict.APPLIED)
REFUSED = Answer(Verdict.USER, Reason.REJECTED)
BUSY = Answer(Verdict.RETRY, Reason.BUSY)
IN, OUT, ERASURE = Kind.OPT_IN, Kind.OPT_OUT, Kind.ERASURE
FAMILY = "fam@x.org"
BY_ADDRESS = {"vendors": {"insider": {"identifiers": {"email": FAMILY}}}}
JANE: Subject = {"user_id": "jane", "email": FAMILY}
JOHN: Subject = {"user_id": "john", "email": FAMILY}


@dataclass
class Vendor:
    """One vendor, known by its real adapter, that says yes to what arrives unless it is told otherwise."""

    desk: Desk
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    sent: list[tuple[int, Kind]] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)
    meanwhile: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.adapter = adapter_of(self.name, **self.settings)
        self.tools = self.desk.tools({self.name: StubExchange(self._answer, self.adapter)})

    async def _answer(self, call: Call, people: Sequence[Person]) -> list[Answer]:
        number = self.desk.one("SELECT max(request_id) FROM chunks WHERE state = 'leased' AND purpose = 'deliver'")
        self.sent += [(number, call.order.kind)] * len(people)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            await asyncio.to_thread(act)
        return [self.answers.get(number, APPLIED)] * len(people)

    def work_off(self) -> list[tuple[int, Kind]]:
        """Deliver until nothing is left to do; what was sent, by request, in order."""
        before = len(self.sent)
        for _ in range(8):
            self.desk.execute("UPDATE chunks SET state = 'closed' WHERE purpose = 'verify' AND state <> 'closed'")
            self.desk.make_everything_due()
            if not self.desk.work_off(self.tools, runs=30):
                break
        return self.sent[before:]


@dataclass
class Stage:
    """A ledger with vendors, and what people do in it."""

    desk: Desk

    def vendor(self, name: str, **settings: Any) -> Vendor:
        self.desk.announce(**{name: 10})
        return Vendor(self.desk, name, settings)

    def wish(self, kind: Kind, *people: Subject, **more: Any) -> int:
        self.desk.submit(list(people), kind=kind, **more)
        return int(self.desk.one("SELECT max(id) FROM requests"))

    def outcome(self, number: int, line: int = 1) -> tuple[str, str | None] | None:
        found = self.desk.rows(
            """SELECT CAST(outcome AS text), reason FROM outcomes WHERE request_id = :id AND line = :line
            ORDER BY round DESC LIMIT 1""",
            id=number,
            line=line,
        )
        return (found[0][0], found[0][1]) if found else None

    def status(self, number: int) -> str:
        return str(self.desk.one("SELECT CAST(status AS text) FROM requests WHERE id = :id", id=number))

    @property
    def attend(self) -> AttendDesk:
        return AttendDesk(self.desk.engine, "anna", wake=lambda vendors: None)

    def id_of(self, number: int) -> UUID:
        return UUID(str(self.desk.one("SELECT public_id FROM requests WHERE id = :id", id=number)))

    def retry(self, number: int, reason: str | None = None) -> int:
        return sum(self.attend.retry(self.id_of(number), None, reason).deliveries.values())

    def cancel(self, number: int) -> None:
        self.attend.cancel(self.id_of(number))

    def put_off(self, number: int) -> None:
        """Its turn comes in an hour."""
        self.desk.execute("UPDATE chunks SET due_at = now() + interval '1 hour' WHERE request_id = :id", id=number)

    def hold_aside(self, number: int) -> None:
        """As if its retry policy had run out: it waits for a person."""
        self.desk.execute(
            """INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
            SELECT request_id, vendor_id, line, 1, 1, 'exhausted', 'busy' FROM subjects JOIN chunks USING (request_id)
            WHERE request_id = :id""",
            id=number,
        )
        self.desk.execute(
            "INSERT INTO tallies SELECT request_id, vendor_id, outcome, count(*) FROM outcomes WHERE request_id = :id"
            " GROUP BY 1, 2, 3",
            id=number,
        )
        self.desk.execute("UPDATE chunks SET state = 'closed' WHERE request_id = :id", id=number)
        self.desk.execute(
            "UPDATE requests SET status = 'completed_with_exceptions', closed_at = now() WHERE id = :id", id=number
        )


@pytest.fixture
def stage(desk: Desk) -> Stage:
    desk.execute("DELETE FROM vendors")
    return Stage(desk)


EVERY_FLAG = {"insider": {"flags": list(FLAGS)}}
ACCEPTED = ("accepted", None)
SUPERSEDED = ("superseded", None)


# 1. A family's address


@pytest.mark.parametrize("vendor", ["algonomy", "dfinery", "insider"])
def test_one_persons_opt_in_never_takes_anothers_opt_out(stage: Stage, vendor: str) -> None:
    at = stage.vendor(vendor)
    first, second = stage.wish(OUT, JANE), stage.wish(IN, JOHN)
    at.work_off()
    assert stage.outcome(first) == ACCEPTED
    assert stage.outcome(second) in (ACCEPTED, ("not_applicable", "switched_off"))


def test_at_insider_by_the_address_both_go_out_in_order(stage: Stage) -> None:
    at = stage.vendor("insider")
    first, second = stage.wish(OUT, JANE | BY_ADDRESS), stage.wish(IN, JOHN | BY_ADDRESS)
    assert at.work_off() == [(first, OUT), (second, IN)]


def test_at_insider_by_the_address_an_older_opt_in_gives_way(stage: Stage) -> None:
    at = stage.vendor("insider")
    first, second = stage.wish(IN, JOHN | BY_ADDRESS), stage.wish(OUT, JANE | BY_ADDRESS)
    assert at.work_off() == [(second, OUT)]
    assert stage.outcome(first) == SUPERSEDED


def test_an_opt_out_that_comes_late_is_sent_for_its_person_though_the_family_has_opted_in(stage: Stage) -> None:
    at = stage.vendor("insider")
    first = stage.wish(OUT, JANE | BY_ADDRESS)
    stage.hold_aside(first)
    second = stage.wish(IN, JOHN | BY_ADDRESS)
    assert at.work_off() == [(second, IN)]
    assert stage.retry(first) == 1
    assert at.work_off() == [(first, OUT), (second, IN)], "and then the newer wish once more"
    assert (stage.outcome(first), stage.outcome(second)) == (ACCEPTED, ACCEPTED)
    assert (stage.status(first), stage.status(second)) == ("completed", "completed")
    stage.desk.assert_tallies_add_up()


def test_a_junk_address_of_fifty_people_supersedes_nobody(stage: Stage) -> None:
    at = stage.vendor("dfinery")
    fifty: list[Subject] = [{"user_id": f"u{n}", "email": "none@x.org"} for n in range(50)]
    first, second = stage.wish(OUT, *fifty), stage.wish(IN, {"user_id": "john", "email": "none@x.org"})
    at.work_off()
    assert {stage.outcome(first, line) for line in range(1, 51)} == {ACCEPTED}
    assert stage.outcome(second) == ACCEPTED


# 2. A wish from the future


def test_a_wish_is_never_newer_than_its_receipt(stage: Stage) -> None:
    at = stage.vendor("dfinery")
    first = stage.wish(IN, JANE, effective_at=datetime.now(UTC) + timedelta(minutes=4))
    at.work_off()
    second = stage.wish(OUT, JANE)
    assert at.work_off() == [(second, OUT)]
    received = stage.desk.one("SELECT effective_at <= received_at FROM requests WHERE id = :id", id=first)
    assert received is True


# 3. An erasure that reaches less


@pytest.mark.parametrize("vendor", ["algonomy", "dfinery"])
def test_an_erasure_that_the_vendor_cannot_be_told_of_supersedes_nothing(stage: Stage, vendor: str) -> None:
    at = stage.vendor(vendor)
    first = stage.wish(OUT, {"user_id": "g2", "email": "g2@x.org"})
    second = stage.wish(ERASURE, {"email": "g2@x.org"})
    assert at.work_off() == [(first, OUT)]
    assert stage.outcome(second) == ("unreachable", "no_identifier")


def test_an_erasure_without_the_session_of_the_opt_out_supersedes_nothing(stage: Stage) -> None:
    at = stage.vendor("akinon")
    given: Subject = {"email": "g2@x.org", "vendors": {"akinon": {"session_id": "good", "csrf_token": "token"}}}
    first, second = stage.wish(OUT, given), stage.wish(ERASURE, {"email": "g2@x.org"})
    assert at.work_off() == [(first, OUT)]
    assert stage.outcome(second) == ("unreachable", "no_identifier")


def test_an_opt_out_by_an_own_id_goes_out_whatever_an_erasure_by_address_did(stage: Stage) -> None:
    at = stage.vendor("insider")
    first = stage.wish(OUT, {"email": "g2@x.org", "vendors": {"insider": {"identifiers": {"uuid": "g2"}}}})
    stage.hold_aside(first)
    second = stage.wish(ERASURE, {"email": "g2@x.org"})
    assert at.work_off() == [(second, ERASURE)]
    stage.retry(first)
    assert at.work_off() == [(first, OUT)]


# 4. Providing what was missing, after a newer wish


def test_a_session_that_is_provided_is_used_though_an_erasure_without_one_came_since(stage: Stage) -> None:
    at = stage.vendor("akinon")
    given: Subject = {"email": "g2@x.org", "vendors": {"akinon": {"session_id": "old", "csrf_token": "token"}}}
    first = stage.wish(OUT, given)
    at.answers[first] = Answer(Verdict.ACTION, Reason.SESSION_EXPIRED)
    at.work_off()
    stage.wish(ERASURE, {"email": "g2@x.org"})
    at.work_off()
    assert stage.outcome(first) == ("needs_action", "session_expired")
    stage.desk.execute(
        "UPDATE vendors SET held_at = NULL, held_reason = NULL, held_by = NULL"
    )  # the stub's answer is no vendor's fault
    del at.answers[first]
    _provide(stage, first, {"email": "g2@x.org", "vendors": {"akinon": {"session_id": "new", "csrf_token": "token"}}})
    assert at.work_off() == [(first, OUT)]
    assert stage.outcome(first) == ACCEPTED


def _provide(stage: Stage, number: int, subject: Subject) -> None:
    assert stage.attend.provide(stage.id_of(number), [Given(1, subject)], stage.desk.masters) == {"akinon": 1}


# At a shop, where a session that was used is deleted


def _at_a_shop(stage: Stage, kind: Kind, user_id: str, session: str, **more: Any) -> int:
    given = {"akinon": {"session_id": session, "csrf_token": "token"}}
    return stage.wish(kind, {"user_id": user_id, "email": FAMILY, "vendors": given}, **more)


@pytest.mark.parametrize("newer", [OUT, ERASURE])
@pytest.mark.parametrize("answer", [APPLIED, Answer(Verdict.ACTION, Reason.SESSION_EXPIRED)])
def test_an_opt_in_gives_way_at_a_shop_to_what_was_done_by_its_key(stage: Stage, newer: Kind, answer: Answer) -> None:
    at = stage.vendor("akinon")
    first = _at_a_shop(stage, IN, "john", "one")
    stage.desk.execute("UPDATE requests SET not_before = now() + interval '1 hour' WHERE id = :id", id=first)
    second = _at_a_shop(stage, newer, "jane", "two")
    at.answers[second] = answer
    assert at.work_off() == [(second, newer)]
    stage.desk.execute("UPDATE requests SET not_before = now() WHERE id = :id", id=first)
    assert at.work_off() == []
    assert stage.outcome(first) == SUPERSEDED


def test_an_opt_in_that_was_overtaken_at_a_shop_asks_for_a_session(stage: Stage) -> None:
    at = stage.vendor("akinon")
    first = _at_a_shop(stage, OUT, "jane", "one")
    stage.desk.execute("UPDATE requests SET not_before = now() + interval '1 hour' WHERE id = :id", id=first)
    second = _at_a_shop(stage, IN, "jane", "two", options={"akinon": {"flags": ["sms_allowed"]}})
    assert at.work_off() == [(second, IN)]
    stage.desk.execute("UPDATE requests SET not_before = now() WHERE id = :id", id=first)
    assert at.work_off() == [(first, OUT)]
    assert stage.outcome(second) == ("unreachable", "no_identifier"), "the shop has the older wish"
    assert stage.status(second) == "completed_with_exceptions"
    _provide(stage, second, {"email": FAMILY, "vendors": {"akinon": {"session_id": "three", "csrf_token": "token"}}})
    assert at.work_off() == [(second, IN)]
    assert (stage.outcome(second), stage.status(second)) == (ACCEPTED, "completed")


# 5. Some flags


@pytest.mark.parametrize(
    ("vendor", "options"),
    [
        ("insider", {"insider": {"flags": ["sms_optin"]}}),
        ("dfinery", {"dfinery": {"flags": ["mkt_push_flag"]}}),
        ("dfinery", {}),  # nine flags off, five on
    ],
)
def test_an_opt_in_of_fewer_flags_supersedes_no_opt_out(stage: Stage, vendor: str, options: dict[str, Any]) -> None:
    at = stage.vendor(vendor)
    first, second = stage.wish(OUT, JANE), stage.wish(IN, JANE, options=options)
    assert at.work_off() == [(first, OUT), (second, IN)]
    late = stage.wish(OUT, {"user_id": "late"})
    stage.hold_aside(late)
    opt_in = stage.wish(IN, {"user_id": "late"}, options=options)
    at.work_off()
    stage.retry(late)
    assert at.work_off() == [(late, OUT), (opt_in, IN)]


def test_an_opt_in_of_all_flags_with_a_yes_makes_a_late_opt_out_moot(stage: Stage) -> None:
    at = stage.vendor("insider", look_first_up_to=0)
    first = stage.wish(OUT, JANE)
    stage.hold_aside(first)
    second = stage.wish(IN, JANE, options=EVERY_FLAG)
    at.work_off()
    stage.retry(first)
    assert at.work_off() == []
    assert stage.outcome(first) == SUPERSEDED
    assert stage.desk.rows("SELECT request_id, line, by_request, by_line FROM successions") == [(first, 1, second, 1)]
    with stage.desk.engine.connect() as connection:
        (exported,) = deliveries_of(connection, stage.id_of(first))
        numbers = numbers_of(connection, stage.id_of(first))
        assert numbers is not None
        listed = [
            deliveries_page(connection, numbers, outcome=outcome, after=("", 0), limit=9)
            for outcome in (None, "superseded")
        ]
    assert exported.superseded_by == stage.id_of(second)
    assert listed == [[exported], [exported]]


def test_an_erasure_that_sets_one_flag_supersedes_no_opt_out(stage: Stage) -> None:
    at = stage.vendor("insider")
    first = stage.wish(OUT, JANE)
    stage.hold_aside(first)
    stage.wish(ERASURE, JANE, options={"insider": {"whole": ["name"]}})
    at.work_off()
    stage.retry(first)
    assert at.work_off() == [(first, OUT)]


def test_an_opt_out_that_looks_for_more_profiles_is_not_moot(stage: Stage) -> None:
    at = stage.vendor("insider")
    first = stage.wish(OUT, JANE)
    stage.hold_aside(first)
    second = stage.wish(IN, JANE, options=EVERY_FLAG)
    at.work_off()
    stage.retry(first)
    assert at.work_off() == [(first, OUT), (second, IN)]


# 6. The newer one is cancelled, or comes to nothing


def test_what_gave_way_is_pending_again_when_the_newer_one_is_cancelled(stage: Stage) -> None:
    at = stage.vendor("insider")
    first = stage.wish(IN, JANE)
    second = stage.wish(OUT, JANE)
    stage.put_off(second)
    at.desk.work_off(at.tools)
    assert stage.outcome(first) == SUPERSEDED
    assert stage.status(first) == "completed"
    stage.cancel(second)
    assert stage.outcome(first) == ("pending", None)
    assert stage.status(first) == "running"
    assert at.work_off() == [(first, IN)]
    assert stage.status(first) == "completed"
    stage.desk.assert_tallies_add_up()


def test_of_a_chain_only_the_last_link_is_pending_again(stage: Stage) -> None:
    at = stage.vendor("insider", look_first_up_to=0)
    oldest, older = stage.wish(IN, JANE), stage.wish(OUT, JANE)
    stage.hold_aside(older)
    at.work_off()
    assert stage.outcome(oldest) == SUPERSEDED
    newest = stage.wish(IN, JANE, options=EVERY_FLAG)
    at.work_off()
    stage.retry(older)
    at.work_off()
    assert stage.outcome(older) == SUPERSEDED
    assert stage.desk.rows("SELECT request_id, by_request FROM successions ORDER BY 1") == [
        (oldest, older),
        (older, newest),
    ]
    # The newest one turns out not to be in effect, so what its yes had superseded is sent after all.
    stage.desk.execute("UPDATE requests SET status = 'running' WHERE id = :id", id=newest)
    stage.desk.execute(
        "INSERT INTO chunks (request_id, vendor_id, first_line, last_line, round, purpose) "
        "SELECT request_id, vendor_id, 1, 1, 2, 'verify' FROM chunks WHERE request_id = :id LIMIT 1",
        id=newest,
    )
    _record_not_in_effect(stage, newest)
    assert stage.outcome(older) == ("pending", None)
    assert stage.outcome(oldest) == SUPERSEDED
    assert at.work_off() == [(older, OUT)]


def _record_not_in_effect(stage: Stage, number: int) -> None:
    chunk_id = stage.desk.one("SELECT max(id) FROM chunks WHERE request_id = :id", id=number)
    stage.desk.execute("UPDATE chunks SET state = 'queued' WHERE id = :id", id=chunk_id)
    with stage.desk.engine.begin() as connection:
        lease = chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=stage.desk.masters)
        assert lease is not None
        chunks.renew(connection, lease, 60)
        ended = [outcomes.Settled((1,), Outcome.NEEDS_ACTION, Reason.NOT_IN_EFFECT, 4)]
        outcomes.append(connection, lease, ended, used_sessions=False)
        chunks.close(connection, lease)


@pytest.mark.parametrize("how", ["old", "forgotten"])
def test_someone_looks_where_the_older_one_cannot_simply_go_out(stage: Stage, how: str) -> None:
    at = stage.vendor("insider")
    at_first = datetime.now(UTC) - timedelta(days=31 if how == "old" else 1)
    first, second = stage.wish(IN, JANE, effective_at=at_first), stage.wish(OUT, JANE)
    stage.put_off(second)
    at.desk.work_off(at.tools)
    if how == "forgotten":
        stage.desk.execute("DELETE FROM data_keys WHERE request_id = :id", id=first)
    stage.cancel(second)
    assert stage.outcome(first) == ("needs_action", "successor_gone")
    assert stage.status(first) == "completed_with_exceptions"
    stage.desk.assert_tallies_add_up()
    if how == "old":
        assert stage.retry(first) == 0, "only where the reason is named"
        assert stage.retry(first, "successor_gone") == 1
        assert at.work_off() == [(first, IN)]


def test_a_person_is_sent_though_the_master_key_of_another_request_of_theirs_was_given_up(stage: Stage) -> None:
    at = stage.vendor("insider")
    first = stage.wish(OUT, JANE)
    stage.put_off(first)
    give_up_master_key(stage.desk.execute)
    second = stage.wish(ERASURE, JANE)
    at.desk.work_off(at.tools)
    assert at.sent == [(second, ERASURE)]
    assert stage.outcome(second) == ACCEPTED


def test_an_opt_in_is_not_sent_against_a_withdrawal_that_the_vendor_refused(stage: Stage) -> None:
    at = stage.vendor("insider")
    first, second = stage.wish(IN, JANE), stage.wish(OUT, JANE)
    at.answers[second] = REFUSED
    assert set(at.work_off()) == {(second, OUT)}
    assert stage.outcome(second) == ("refused", "rejected")
    assert stage.outcome(first) == ("needs_action", "successor_gone")
    assert stage.retry(first, "successor_gone") == 1
    assert at.work_off() == [(first, IN)]


def test_a_superseded_one_can_be_retried_by_name_and_gives_way_again(stage: Stage) -> None:
    at = stage.vendor("insider")
    first, second = stage.wish(IN, JANE), stage.wish(OUT, JANE)
    at.work_off()
    assert stage.retry(first) == 0
    assert stage.retry(first, "superseded") == 1
    assert at.work_off() == []
    assert stage.outcome(first) == SUPERSEDED
    assert stage.desk.rows("SELECT round, by_request FROM successions ORDER BY 1") == [(1, second), (3, second)]
    stage.desk.assert_tallies_add_up()


def test_the_session_of_what_gave_way_is_kept_until_the_newer_one_has_a_yes(stage: Stage) -> None:
    at = stage.vendor("akinon")
    given: Subject = {"email": "g2@x.org", "vendors": {"akinon": {"session_id": "one", "csrf_token": "token"}}}
    first, second = stage.wish(IN, given), stage.wish(OUT, given)
    stage.put_off(second)
    at.desk.work_off(at.tools)
    assert stage.outcome(first) == SUPERSEDED
    assert stage.desk.rows("SELECT request_id FROM sessions ORDER BY 1") == [(first,), (second,)]
    at.work_off()
    assert stage.outcome(second) == ACCEPTED
    assert stage.desk.rows("SELECT request_id FROM sessions") == []


def test_what_gave_way_at_a_shop_goes_out_with_its_session_when_the_newer_one_is_cancelled(stage: Stage) -> None:
    at = stage.vendor("akinon")
    given: Subject = {"email": "g2@x.org", "vendors": {"akinon": {"session_id": "one", "csrf_token": "token"}}}
    first, second = stage.wish(IN, given), stage.wish(OUT, given)
    stage.put_off(second)
    at.desk.work_off(at.tools)
    stage.cancel(second)
    assert at.work_off() == [(first, IN)]


def test_what_is_pending_again_is_told_to_receivers(stage: Stage) -> None:
    at = stage.vendor("insider")
    with stage.desk.engine.begin() as connection:
        announce_webhooks(connection, {"crm": "crm.example"})
    first, second = stage.wish(IN, JANE), stage.wish(OUT, JANE)
    stage.put_off(second)
    at.desk.work_off(at.tools)
    stage.cancel(second)
    told = stage.desk.rows("SELECT CAST(status AS text) FROM outbox WHERE request_id = :id ORDER BY id", id=first)
    assert told == [("running",), ("completed",), ("running",)]


# 7. In flight, and then cancelled


def test_an_opt_out_waits_for_an_opt_in_under_way_though_its_request_is_cancelled(stage: Stage) -> None:
    at = stage.vendor("insider")
    first = stage.wish(IN, JANE)
    seen: list[Any] = []

    def cancel_and_opt_out() -> None:
        stage.cancel(first)
        second = stage.wish(OUT, JANE)
        stage.desk.execute("UPDATE chunks SET state = 'queued' WHERE request_id = :id", id=second)
        deliver(stage.desk.one("SELECT id FROM chunks WHERE request_id = :id", id=second), at.tools)
        seen.append(stage.outcome(second))

    at.meanwhile = cancel_and_opt_out
    assert at.work_off() == [(first, IN), (first + 1, OUT)]
    assert seen == [None], "it has waited"


# 8. Known by a vendor's own id alone


@pytest.mark.parametrize(
    ("vendor", "subject"),
    [
        ("insider", {"vendors": {"insider": {"insider_id": "i-1"}}}),
        ("insider", {"vendors": {"insider": {"identifiers": {"custom": {"card": "7"}}}}}),
        ("insider", {"vendors": {"insider": {"identifiers": {"email": "a@x.org"}}}}),
        ("dfinery", {"vendors": {"dfinery": {"user_id": "d-1"}}}),
        ("algonomy", {"vendors": {"algonomy": {"user_id": "d-1"}}}),
    ],
)
@pytest.mark.parametrize("beside", ["few", "many"])
def test_who_is_known_by_a_vendors_id_alone_is_one_person_too(
    stage: Stage, vendor: str, subject: Subject, beside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if beside == "many":
        monkeypatch.setattr(near_requests, "FEW", 0)
    at = stage.vendor(vendor, **({"allow_opt_in": True} if vendor == "algonomy" else {}))
    first = stage.wish(IN, subject)
    at.answers[first] = BUSY
    at.desk.work_off(at.tools)
    second = stage.wish(OUT, subject)
    at.answers.clear()
    assert at.work_off() == [(second, OUT)]
    assert stage.outcome(first) == SUPERSEDED


def test_a_user_id_is_one_wherever_it_stands(stage: Stage) -> None:
    at = stage.vendor("dfinery")
    first = stage.wish(IN, {"user_id": "ours", "vendors": {"dfinery": {"user_id": "x"}}})
    second = stage.wish(OUT, {"user_id": "x"})
    assert at.work_off() == [(second, OUT)]
    assert stage.outcome(first) == SUPERSEDED


def test_a_plain_person_has_no_row_beside(stage: Stage) -> None:
    stage.vendor("dfinery")
    stage.wish(OUT, JANE, {"user_id": "x", "vendors": {"dfinery": {"user_id": "x"}}})
    assert stage.desk.one("SELECT count(*) FROM other_identifiers") == 0
    many: list[Subject] = [{"user_id": f"u{n}"} for n in range(1_001)]
    many += [{"vendors": {"insider": {"insider_id": "i-1"}}}, {"vendors": {"insider": {"insider_id": "i-1"}}}]
    copied = stage.wish(OUT, *many)
    assert stage.desk.rows("SELECT request_id, line, kind FROM other_identifiers") == [(copied, 1_002, "insider_id")]


# 9. An old erasure after a new relationship


@pytest.mark.parametrize("vendor", ["insider", "dfinery"])
def test_an_old_erasure_needs_a_persons_word_after_a_newer_opt_in(stage: Stage, vendor: str) -> None:
    at = stage.vendor(vendor)
    first = stage.wish(ERASURE, JANE)
    stage.hold_aside(first)
    second = stage.wish(IN, JANE)
    at.work_off()
    assert stage.retry(first) == 1
    assert at.work_off() == []
    assert stage.outcome(first) == ("needs_action", "newer_opt_in")
    assert stage.retry(first) == 0, "only where the reason is named"
    assert stage.retry(first, "newer_opt_in") == 1
    assert at.work_off() == [(first, ERASURE), (second, IN)]
    assert stage.outcome(first) == ACCEPTED
    stage.desk.assert_tallies_add_up()


# Bounds


def test_two_requests_of_thousands_with_one_address_stay_cheap(stage: Stage) -> None:
    stage.desk.announce(dfinery=500)
    at = Vendor(stage.desk, "dfinery")
    crowd: list[Subject] = [{"user_id": f"u{n}", "email": "none@x.org"} for n in range(3_000)]
    other: list[Subject] = [{"user_id": f"v{n}", "email": "none@x.org"} for n in range(3_000)]
    stage.wish(OUT, *crowd)
    opt_in = stage.wish(IN, *other)
    stage.desk.execute("ANALYZE subjects, requests, chunks")
    (chunk_id,) = stage.desk.rows("SELECT min(id) FROM chunks WHERE request_id = :id", id=opt_in)[0]
    stage.desk.execute("UPDATE chunks SET state = 'queued' WHERE id = :id", id=chunk_id)
    with stage.desk.engine.begin() as connection:
        lease = chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=stage.desk.masters)
        assert lease is not None
        before = _rows_read(connection)
        found = same_people.same_people(connection, lease, range(1, 501))
        read = _rows_read(connection) - before
    assert sum(map(len, found.matches.values())) <= 500 * same_people.MANY_PER_PERSON
    assert len(found.incomplete) == 500
    assert read < 500 * (same_people.PER_PERSON + 10) * 2, "every one of them was read for each"
    at.work_off()
    assert {stage.outcome(opt_in - 1, line) for line in (1, 1_500, 3_000)} == {ACCEPTED}


def _rows_read(connection: Connection) -> int:
    """Entries of the indexes of people that this transaction has read, and rows that it has scanned."""
    return int(
        connection.execute(
            text("""
            SELECT COALESCE(sum(idx_tup_fetch + seq_tup_read), 0) FROM pg_stat_xact_user_tables
            WHERE relname LIKE 'subjects%'""")
        ).scalar_one()
    )


def test_a_print_of_very_many_is_not_read_for_each_of_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_people, "PER_PERSON", 5)
    monkeypatch.setattr(same_people, "MANY_PER_PERSON", 2)
    at = stage.vendor("dfinery")
    crowd: list[Subject] = [{"user_id": f"u{n}", "email": "none@x.org"} for n in range(15)]
    other: list[Subject] = [{"user_id": f"v{n}", "email": "none@x.org"} for n in range(9)]
    opt_out, opt_in = stage.wish(OUT, *crowd), stage.wish(IN, *other)
    stage.put_off(opt_out)
    at.desk.work_off(at.tools)
    assert {stage.outcome(opt_in, line) for line in range(1, 10)} == {("needs_action", "too_many_matches")}
    at.work_off()
    assert {stage.outcome(opt_out, line) for line in range(1, 16)} == {ACCEPTED}, "withdrawals go out"
    stage.retry(opt_in, "too_many_matches")
    at.work_off()
    assert {stage.outcome(opt_in, line) for line in range(1, 10)} == {ACCEPTED}


# An opt-in that may have arrived, and is not wanted any more


def _cancel(stage: Stage, number: int) -> None:
    stage.cancel(number)


def _cancel_twice(stage: Stage, number: int) -> None:
    stage.cancel(number)
    stage.cancel(number)


def _close(stage: Stage, number: int) -> None:
    _exhaust(stage, number)
    stage.attend.close(stage.id_of(number), stage.desk.one("SELECT name FROM vendors"), None, "not wanted any more")


def _retry_and_cancel(stage: Stage, number: int) -> None:
    _exhaust(stage, number)
    assert stage.retry(number) == 1
    stage.cancel(number)


def _exhaust(stage: Stage, number: int) -> None:
    stage.desk.execute("UPDATE chunks SET state = 'closed' WHERE request_id = :id", id=number)
    stage.hold_aside(number)


BY_OWN_ID: Subject = {"vendors": {"insider": {"insider_id": "i-1"}}}


@pytest.mark.parametrize(
    ("given_up", "kind", "person"),
    [
        (_cancel, OUT, JANE),
        (_cancel, ERASURE, BY_OWN_ID),
        (_cancel_twice, OUT, {"vendors": {"insider": {"identifiers": {"uuid": "jane"}}}}),
        (_close, OUT, JANE),
        (_close, ERASURE, {"email": FAMILY}),
        (_retry_and_cancel, OUT, BY_OWN_ID),
        (_retry_and_cancel, ERASURE, JANE),
    ],
)
def test_a_withdrawal_goes_out_again_where_a_newer_opt_in_may_have_arrived_and_is_given_up(
    stage: Stage, given_up: Callable[[Stage, int], None], kind: Kind, person: Subject
) -> None:
    at = stage.vendor("insider")
    stop = stage.wish(kind, person)
    assert at.work_off() == [(stop, kind)]
    stage.wish(OUT, JOHN | {"email": "john@x.org"})
    at.work_off()
    opt_in = stage.wish(IN, BY_OWN_ID if person is BY_OWN_ID else JANE)
    at.answers[opt_in] = BUSY
    stage.desk.work_off(at.tools, runs=1)
    assert at.sent[-1] == (opt_in, IN)
    given_up(stage, opt_in)
    assert stage.outcome(stop) == ("pending", None)
    assert stage.status(stop) == "running"
    assert at.work_off() == [(stop, kind)]
    assert stage.outcome(stop) == ACCEPTED
    stage.desk.assert_tallies_add_up()
    assert at.work_off() == []
    if stage.status(opt_in) == "cancelled":
        stage.cancel(opt_in)
    assert stage.outcome(stop) == ACCEPTED, "once is enough"


def test_an_opt_in_that_is_cancelled_under_way_and_fails_is_given_up_when_it_ends(stage: Stage) -> None:
    at = stage.vendor("insider")
    stop = stage.wish(OUT, JANE)
    at.work_off()
    opt_in = stage.wish(IN, JANE)
    at.answers[opt_in] = BUSY
    at.meanwhile = lambda: stage.cancel(opt_in)
    assert at.work_off() == [(opt_in, IN)]
    settle(at.tools)  # as beat does every few seconds
    assert stage.outcome(opt_in) == ("cancelled", None)
    assert at.work_off() == [(stop, OUT)]


def test_nothing_goes_out_again_for_an_opt_in_that_was_never_sent_or_stands(stage: Stage) -> None:
    at = stage.vendor("insider")
    stop = stage.wish(OUT, JANE)
    at.work_off()
    never_sent = stage.wish(IN, JANE)
    stage.cancel(never_sent)
    assert stage.outcome(stop) == ACCEPTED
    stands = stage.wish(IN, JANE)
    at.meanwhile = lambda: stage.cancel(stands)
    assert at.work_off() == [(stands, IN)]
    assert (stage.outcome(stands), stage.outcome(stop)) == (ACCEPTED, ACCEPTED)


def test_a_newer_opt_in_with_a_yes_has_the_last_word_over_a_withdrawal_that_goes_out_again(stage: Stage) -> None:
    at = stage.vendor("insider")
    stop = stage.wish(OUT, JANE)
    at.work_off()
    given = stage.wish(IN, JANE, options={"insider": {"flags": ["sms_optin"]}})
    at.work_off()
    opt_in = stage.wish(IN, JANE)
    at.answers[opt_in] = BUSY
    stage.desk.work_off(at.tools, runs=1)
    stage.cancel(opt_in)
    assert at.work_off() == [(stop, OUT), (given, IN)]


def test_an_opt_in_that_is_cancelled_under_way_and_ends_without_a_yes_is_given_up_too(stage: Stage) -> None:
    at = stage.vendor("insider")
    stop = stage.wish(OUT, JANE)
    at.work_off()
    opt_in = stage.wish(IN, JANE)
    at.answers[opt_in] = Answer(Verdict.ACTION, Reason.CODE_UNCERTAIN)
    at.meanwhile = lambda: stage.cancel(opt_in)
    assert at.work_off() == [(opt_in, IN), (stop, OUT)]
    assert stage.outcome(opt_in) == ("needs_action", "code_uncertain")


def test_superseded_ones_are_retried_by_a_deed_over_a_selection(stage: Stage) -> None:
    """As one is by its own request: each goes out again where its successor has gone, and gives way where it stands."""
    at = stage.vendor("insider")
    others: list[Subject] = [{"user_id": f"u-{number}"} for number in range(3)]
    pairs = [(stage.wish(IN, one), stage.wish(OUT, one)) for one in (JANE, *others)]
    alone = stage.wish(IN, {"user_id": "alone"})
    at.work_off()
    order = Order(Deed.RETRY, Criteria(reason="superseded", vendor="insider"))
    assert selections.extent(stage.desk.engine, order, "cli:ann").deliveries == len(pairs)
    deed = selections.begin(stage.desk.engine, order, "cli:ann")
    standing = selections.step(stage.desk.engine, deed.public_id, stage.desk.woken.extend)
    assert standing is not None
    assert (standing.done.requests, standing.done.deliveries) == (len(pairs), {"insider": len(pairs)})
    assert [stage.status(older) for older, _ in pairs] == ["running"] * len(pairs)
    assert at.work_off() == []
    assert {stage.outcome(older) for older, _ in pairs} == {SUPERSEDED}
    assert stage.outcome(alone) == ("accepted", None)
    assert stage.desk.one("SELECT count(*) FROM notes WHERE deed = 'retry'") == len(pairs)
    stage.desk.assert_tallies_add_up()
