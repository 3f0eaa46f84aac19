"""A large request beside very many small ones is compared with them once. At every moment it finds the same as a
comparison chunk by chunk, whatever has happened since."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from adapters.contract import Answer, Verdict
from bench.plans import statements_of
from domain.requests import Kind, Subject
from domain.wishes import Ref
from ledger.delivery import chunks, compared_before, near_requests
from ledger.delivery.chunks import Lease
from ledger.delivery.same_people import Found, same_people
from ledger.desk.fresh_identifiers import complete
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from ledger.sealing import SealingKey
from tests.ledger.conftest import Desk, everybody, people
from tests.ledger.test_growth import a_crowd

CHUNK = 10
EVERYBODY = people(3 * CHUNK)


@dataclass
class Campaign:
    """An opt-in of three chunks beside a crowd; nobody of it is in the crowd."""

    desk: Desk
    patch: pytest.MonkeyPatch
    number: int = 0
    chunks: list[int] = field(default_factory=list)

    def start(self) -> None:
        self.number = self.wish(*EVERYBODY, kind=Kind.OPT_IN)
        found = self.desk.rows("SELECT id FROM chunks WHERE request_id = :id ORDER BY id", id=self.number)
        self.chunks = [chunk for (chunk,) in found]
        self.desk.execute("UPDATE chunks SET state = 'queued' WHERE request_id = :id", id=self.number)

    def wish(self, *subjects: Subject, kind: Kind = Kind.OPT_OUT, **more: Any) -> int:
        self.desk.submit(list(subjects), kind=kind, vendors=("insider",), **more)
        return int(self.desk.one("SELECT max(id) FROM requests"))

    def leased(self, connection: Connection, chunk: int) -> tuple[Lease, range]:
        lease = chunks.lease(connection, self.chunks[chunk], lease_s=60, holder="test", masters=self.desk.masters)
        assert lease is not None
        return lease, range(lease.first_line, lease.last_line + 1)

    def compare(self, chunk: int) -> Found:
        with self.desk.engine.connect() as connection:
            found = same_people(connection, *self.leased(connection, chunk))
            connection.rollback()
        return found

    def alone(self, chunk: int) -> Found:
        """What the chunk finds by itself."""
        with self.patch.context() as patch:
            patch.setattr(compared_before, "beside", lambda *_: None)
            patch.setattr(compared_before, "compare_all", lambda *_: False)
            return self.compare(chunk)

    def found(self) -> dict[int, set[Ref]]:
        """By line, in all chunks; the same in both ways."""
        matches: dict[int, set[Ref]] = {}
        for chunk in range(len(self.chunks)):
            found, alone = self.compare(chunk), self.alone(chunk)
            assert {line: set(refs) for line, refs in found.matches.items()} == {
                line: set(refs) for line, refs in alone.matches.items()
            }
            assert found.incomplete == alone.incomplete
            matches |= {line: set(refs) for line, refs in found.matches.items()}
        return matches

    def looks_up_its_people(self) -> bool:
        """Whether the next chunk looks each of its people up."""
        with statements_of(self.desk.engine) as heard:
            self.compare(1)
        return any("mine AS MATERIALIZED" in statement for statement, _ in heard)


@pytest.fixture
def campaign(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    monkeypatch.setattr(near_requests, "FEW", 4)
    monkeypatch.setattr(compared_before, "SMALL", 6)
    monkeypatch.setattr(compared_before, "_memory", compared_before._Memory())
    desk.announce(insider=CHUNK)
    desk.submit([{"user_id": "somebody else"}], vendors=("insider",))
    a_crowd(desk, 3 * CHUNK - 4)
    campaign = Campaign(desk, monkeypatch)
    campaign.start()
    return campaign


def test_it_is_compared_once_and_then_with_what_has_come(campaign: Campaign) -> None:
    assert campaign.compare(0).matches == {}
    assert not campaign.looks_up_its_people()
    number = campaign.wish(EVERYBODY[14])
    assert not campaign.looks_up_its_people()
    assert campaign.found() == {15: {Ref(number, 1)}}
    assert campaign.found() == {15: {Ref(number, 1)}}, "it is remembered"
    assert not campaign.looks_up_its_people()


def _newer(campaign: Campaign) -> dict[int, set[Ref]]:
    return {3: {Ref(campaign.wish(EVERYBODY[2]), 1)}}


def _by_one_identifier(campaign: Campaign) -> dict[int, set[Ref]]:
    shared: dict[int, Subject] = {
        5: {"email": EVERYBODY[4]["email"]},
        15: {"phone_number": EVERYBODY[14]["phone_number"]},
        25: {"user_id": EVERYBODY[24]["user_id"]},
    }
    return {line: {Ref(campaign.wish(one), 1)} for line, one in shared.items()}


def _larger(campaign: Campaign) -> dict[int, set[Ref]]:
    """It is compared with each chunk."""
    number = campaign.wish(*EVERYBODY[6:14])
    return {line: {Ref(number, line - 6)} for line in range(7, 15)}


def _with_identifiers_of_vendors_own(campaign: Campaign) -> dict[int, set[Ref]]:
    email = EVERYBODY[7]["email"]
    return {8: {Ref(campaign.wish({"vendors": {"insider": {"identifiers": {"email": email}}}}), 1)}}


def _cancelled(campaign: Campaign) -> dict[int, set[Ref]]:
    """While a worker has it, and afterwards."""
    number = campaign.wish(EVERYBODY[9])
    assert campaign.found() == {10: {Ref(number, 1)}}
    campaign.desk.execute(
        "UPDATE chunks SET state = 'leased', lease = gen_random_uuid() WHERE request_id = :id", id=number
    )
    campaign.desk.execute("UPDATE requests SET status = 'cancelled' WHERE id = :id", id=number)
    assert campaign.found() == {10: {Ref(number, 1)}}
    campaign.desk.execute("UPDATE chunks SET state = 'closed', lease = NULL WHERE request_id = :id", id=number)
    campaign.desk.execute(
        "UPDATE requests SET closed_at = now(), effective_at = now() - interval '1 day' WHERE id = :id", id=number
    )
    return {}


def _begins_later(campaign: Campaign) -> dict[int, set[Ref]]:
    number = campaign.wish(EVERYBODY[0], not_before=datetime.now(UTC) + timedelta(days=1))
    assert campaign.found() == {}
    campaign.desk.execute("UPDATE requests SET not_before = now() WHERE id = :id", id=number)
    return {1: {Ref(number, 1)}}


def _done_meanwhile(campaign: Campaign) -> dict[int, set[Ref]]:
    """A newer withdrawal that has ended matters to an opt-in."""
    number = campaign.wish(EVERYBODY[1])
    campaign.desk.execute("UPDATE chunks SET state = 'closed' WHERE request_id = :id", id=number)
    campaign.desk.execute("UPDATE requests SET status = 'completed', closed_at = now() WHERE id = :id", id=number)
    return {2: {Ref(number, 1)}}


def _runs_again(campaign: Campaign) -> dict[int, set[Ref]]:
    """An older one that had ended before."""
    campaign.desk.execute(
        "UPDATE requests SET status = 'running', closed_at = NULL, effective_at = effective_at - interval '1 day' "
        "WHERE id = 1"
    )
    return {21: {Ref(1, 1)}}


def _other_identifiers_there(campaign: Campaign) -> dict[int, set[Ref]]:
    """Somebody of the crowd is completed."""
    number = campaign.desk.one("SELECT min(request_id) + 3 FROM subjects")
    campaign.desk.execute(
        """UPDATE subjects SET email_print = mine.email_print
        FROM (SELECT email_print FROM subjects WHERE request_id = :mine AND line = 4) AS mine
        WHERE request_id = :number""",
        mine=campaign.number,
        number=number,
    )
    return {4: {Ref(number, 1)}}


def _an_identifier_of_a_vendors_own_there(campaign: Campaign) -> dict[int, set[Ref]]:
    """Somebody's other fingerprints stay as they are."""
    stranger: Subject = {"user_id": "a stranger"}
    number = campaign.wish(stranger)
    assert campaign.found() == {}
    more: Subject = {**stranger, "vendors": {"insider": {"identifiers": {"email": EVERYBODY[19]["email"]}}}}
    with campaign.desk.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, campaign.desk.masters))
        complete(connection, number, {1: more}, kind=Kind.OPT_OUT, key=SealingKey.generate(), prints=prints)
    return {20: {Ref(number, 1)}}


def _other_identifiers_here(campaign: Campaign) -> dict[int, set[Ref]]:
    number = campaign.desk.one("SELECT min(request_id) + 5 FROM subjects")
    campaign.desk.execute(
        """UPDATE subjects SET user_print = theirs.user_print
        FROM (SELECT user_print FROM subjects WHERE request_id = :number) AS theirs
        WHERE request_id = :mine AND line = 30""",
        mine=campaign.number,
        number=number,
    )
    return {30: {Ref(number, 1)}}


def _of_a_ledger_that_was_restored(campaign: Campaign) -> dict[int, set[Ref]]:
    """What was there bears numbers of transactions that are yet to come here."""
    number = campaign.wish(EVERYBODY[5])
    compared_before._memory.forget(campaign.number)
    campaign.desk.execute("UPDATE requests SET changed = '9000000000' WHERE id <> :id", id=campaign.number)
    assert campaign.found() == {6: {Ref(number, 1)}}
    with statements_of(campaign.desk.engine) as heard:
        campaign.compare(0)
    assert not any("theirs AS MATERIALIZED" in statement for statement, _ in heard), "they are not looked up again"
    other = campaign.wish(EVERYBODY[6])
    return {6: {Ref(number, 1)}, 7: {Ref(other, 1)}}


def _of_another_server(campaign: Campaign) -> dict[int, set[Ref]]:
    """Its snapshots mean something else: as if these transactions had been seen."""
    known = compared_before._memory.get(campaign.number)
    assert known is not None
    number = campaign.wish(EVERYBODY[8])
    elsewhere = compared_before._Compared("elsewhere", "9000000000:9000000000:", None, known.matches, known.apart)
    compared_before._memory.keep(campaign.number, elsewhere)
    return {9: {Ref(number, 1)}}


@pytest.mark.parametrize(
    "happens",
    [
        _newer,
        _by_one_identifier,
        _larger,
        _with_identifiers_of_vendors_own,
        _cancelled,
        _begins_later,
        _done_meanwhile,
        _runs_again,
        _other_identifiers_there,
        _an_identifier_of_a_vendors_own_there,
        _other_identifiers_here,
        _of_a_ledger_that_was_restored,
        _of_another_server,
    ],
)
def test_it_finds_what_a_chunk_by_itself_finds(
    campaign: Campaign, happens: Callable[[Campaign], dict[int, set[Ref]]]
) -> None:
    if happens is _runs_again:
        campaign.desk.execute(
            """UPDATE subjects SET user_print = mine.user_print
            FROM (SELECT user_print FROM subjects WHERE request_id = :mine AND line = 21) AS mine
            WHERE request_id = 1""",
            mine=campaign.number,
        )
        campaign.desk.execute(
            "UPDATE requests SET status = 'completed', effective_at = effective_at - interval '1 day' WHERE id = 1"
        )
    assert campaign.found() == {}
    assert not campaign.looks_up_its_people()
    expected = happens(campaign)
    assert campaign.found() == expected
    assert campaign.found() == expected


def test_an_opt_in_gives_way_to_a_withdrawal_that_came_between_two_chunks(campaign: Campaign) -> None:
    desk = campaign.desk
    desk.execute("UPDATE chunks SET due_at = now() + interval '1 hour' WHERE request_id <> :id", id=campaign.number)
    tools = desk.tools_for(everybody(Answer(Verdict.APPLIED)))
    desk.queued += [("insider", campaign.chunks[0])]
    assert desk.work_off(tools, runs=1) == 1
    assert not campaign.looks_up_its_people()
    newer = campaign.wish(EVERYBODY[14])
    desk.execute("UPDATE chunks SET due_at = now() + interval '1 hour' WHERE request_id = :id", id=newer)
    desk.queued += [("insider", chunk) for chunk in campaign.chunks[1:]]
    desk.work_off(tools)
    found = desk.rows(
        "SELECT CAST(outcome AS text), array_agg(line ORDER BY line) FROM outcomes WHERE request_id = :id GROUP BY 1",
        id=campaign.number,
    )
    assert dict(found) == {"accepted": [line for line in range(1, 31) if line != 15], "superseded": [15]}


def test_what_was_being_written_while_it_was_compared_is_found(campaign: Campaign) -> None:
    """Its number is lower than those that were seen, and it was written by a transaction that began before."""
    with campaign.desk.engine.connect() as writing:
        number = _copied(writing, campaign, line=12)
        campaign.wish({"user_id": "a later one"})
        assert campaign.found() == {}
        assert not campaign.looks_up_its_people()
        writing.commit()
    assert campaign.found() == {12: {Ref(number, 1)}}


def test_what_the_comparing_transaction_writes_itself_is_found(campaign: Campaign) -> None:
    with campaign.desk.engine.connect() as connection:
        lease = campaign.leased(connection, 0)  # from now on it has a number
        campaign.wish({"user_id": "a later one"})
        assert same_people(connection, *lease).matches == {}
        number = _copied(connection, campaign, line=13)
        connection.execute(
            text("UPDATE chunks SET state = 'queued', lease = NULL WHERE id = :id"), {"id": campaign.chunks[0]}
        )
        connection.commit()
    assert campaign.found() == {13: {Ref(number, 1)}}


def _copied(connection: Connection, campaign: Campaign, *, line: int) -> int:
    """A request of one person, who is on this line of the campaign too."""
    number = connection.execute(
        text("""
        INSERT INTO requests (public_id, kind, status, subjects, vendor_ids, options, due_at)
        SELECT gen_random_uuid(), 'opt_out', 'running', 1, vendor_ids, options, due_at FROM requests WHERE id = :id
        RETURNING id"""),
        {"id": campaign.number},
    ).scalar_one()
    values = {"number": number, "id": campaign.number, "line": line}
    connection.execute(
        text("""
        INSERT INTO subjects (request_id, line, sealed, whole_print, user_print)
        SELECT :number, 1, '', gen_random_uuid(), user_print FROM subjects WHERE request_id = :id AND line = :line"""),
        values,
    )
    return int(number)


def test_requests_from_before_transactions_were_noted_are_found(campaign: Campaign) -> None:
    number = campaign.wish(EVERYBODY[3])
    campaign.desk.execute("UPDATE requests SET changed = NULL")
    assert campaign.found() == {4: {Ref(number, 1)}}
    assert not campaign.looks_up_its_people()


def test_while_a_fingerprint_key_is_replaced_each_chunk_is_compared_by_itself(campaign: Campaign) -> None:
    assert campaign.found() == {}
    campaign.desk.execute(
        """INSERT INTO keys (purpose, wrapped, number, state, replaced_at, to_request, at_request, at_line)
        VALUES ('an older one', '', 0, 'reprinting', now(), 0, 0, 0)"""
    )
    try:
        assert campaign.looks_up_its_people()
    finally:
        campaign.desk.execute("DELETE FROM keys WHERE purpose = 'an older one'")


@pytest.mark.parametrize(
    ("name", "most"),
    [("CROWD", 8), ("MATCHES", 0), ("SMALL", 3 * CHUNK)],
    ids=["more run than can be looked up", "more is found than is remembered", "it is small itself"],
)
def test_where_it_is_too_much_each_chunk_is_compared_by_itself(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(compared_before, name, most)
    number = campaign.wish(EVERYBODY[0])
    assert campaign.found() == {1: {Ref(number, 1)}}
    assert campaign.looks_up_its_people()


def test_what_has_come_is_bounded(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more has come than can be looked up, or too many share an identifier, it is compared chunk by chunk."""
    assert campaign.found() == {}
    assert not campaign.looks_up_its_people()
    monkeypatch.setattr(compared_before, "MATCHES", 2)
    for line in (1, 2, 3):
        number = campaign.wish(EVERYBODY[line - 1])
    assert campaign.found() == {line: {Ref(number - 3 + line, 1)} for line in (1, 2, 3)}
    assert campaign.looks_up_its_people()


def test_few_comparisons_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared_before, "REMEMBERED", 2)
    memory = compared_before._Memory()
    for request in (1, 2, 1, 3):
        memory.keep(request, None)
    assert [request in memory for request in (1, 2, 3)] == [True, False, True]
