"""Which chunks are sent to the workers, and when."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from adapters.contract import Answer, Verdict
from domain.outcomes import Reason
from ledger.delivery import chunks, switching, vendors
from ledger.delivery.chunks import LeaseLostError
from ledger.delivery.claiming import LOOKED_AT, QUEUE_GRACE_S, Claimed
from ledger.delivery.claiming import claim as claim_chunks
from tasks.dispatch import dispatch
from tasks.queues import BrokerError
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.stubs import StubAdapter, StubExchange


def claim(desk: Desk, window: int, vendor: str = "insider", express: int = 0) -> list[int]:
    return [one.chunk_id for one in claim_described(desk, window, vendor, express)]


def claim_described(desk: Desk, window: int, vendor: str = "insider", express: int = 0) -> list[Claimed]:
    with desk.engine.begin() as connection:
        return claim_chunks(connection, vendor, window, express=express)


def close(desk: Desk, chunk_id: int) -> None:
    """As if it had been delivered."""
    held = lease(desk, chunk_id)
    assert held is not None
    with desk.engine.begin() as connection:
        chunks.close(connection, held)


def lease(desk: Desk, chunk_id: int, lease_s: float = 60.0) -> chunks.Lease | None:
    with desk.engine.begin() as connection:
        return chunks.lease(connection, chunk_id, lease_s=lease_s, holder="test", masters=desk.masters)


def requests_of(desk: Desk, ids: list[int]) -> Counter[int]:
    found = desk.rows("SELECT request_id, id FROM chunks WHERE id = ANY(:ids)", ids=ids)
    return Counter(request for request, _ in found)


def test_no_more_than_the_window(desk: Desk) -> None:
    desk.submit(people(100))
    assert len(claim(desk, 3)) == 3
    assert claim(desk, 3) == []
    assert len(claim(desk, 5)) == 2


def test_a_lease_is_renewed_whatever_keys_there_are(desk: Desk) -> None:
    """Else what was sent while its people were forgotten would not be recorded, and each renewal would read them."""
    desk.submit(people(1))
    held = lease(desk, claim(desk, 1)[0])
    assert held is not None
    desk.execute("DELETE FROM data_keys")
    with desk.engine.begin() as connection:
        assert chunks.renew(connection, held, 60.0).stands


def test_what_is_closed_or_put_back_makes_room(desk: Desk) -> None:
    desk.submit(people(100))
    first, second = claim(desk, 2)
    for chunk_id, ending in ((first, chunks.close), (second, chunks.put_back)):
        held = lease(desk, chunk_id)
        assert held is not None
        assert claim(desk, 2) == []
        with desk.engine.begin() as connection:
            if ending is chunks.close:
                chunks.close(connection, held)
            else:
                chunks.put_back(connection, held, delay_s=60.0, setbacks=[])
        assert len(claim(desk, 2)) == 1


def test_a_huge_request_does_not_delay_a_small_one(desk: Desk) -> None:
    desk.submit(people(500))
    desk.submit(people(10))
    desk.submit(people(20))
    assert requests_of(desk, claim(desk, 6)) == {1: 3, 2: 1, 3: 2}


def test_requests_take_turns(desk: Desk) -> None:
    for _ in range(3):
        desk.submit(people(100))
    assert requests_of(desk, claim(desk, 6)) == {1: 2, 2: 2, 3: 2}


def test_a_newcomer_gets_the_first_place_that_is_free(desk: Desk) -> None:
    """One place at a time becomes free under a campaign: it must not always go to the older request."""
    desk.submit(people(500))
    first, *_ = claim(desk, 8)
    desk.submit(people(500))
    close(desk, first)
    assert requests_of(desk, claim(desk, 8)) == {2: 1}


def test_campaigns_end_up_with_equal_shares_however_they_came(desk: Desk) -> None:
    out: list[int] = []
    for _ in range(3):
        desk.submit(people(300))
        out += claim(desk, 6)
    for _ in range(30):
        close(desk, out.pop(0))
        out += claim(desk, 6)
    assert requests_of(desk, out) == {1: 2, 2: 2, 3: 2}


def test_more_campaigns_than_the_window_has_places_all_get_on(desk: Desk) -> None:
    for _ in range(6):
        desk.submit(people(300))
    served: Counter[int] = Counter()
    for _ in range(60):
        (chunk_id,) = claim(desk, 1)
        served += requests_of(desk, [chunk_id])
        close(desk, chunk_id)
    assert len(served) == 6


def test_a_small_request_needs_no_room(desk: Desk) -> None:
    desk.submit(people(500))
    assert len(claim(desk, 4, express=2)) == 4
    for _ in range(3):
        desk.submit(people(1))
    desk.submit(people(500))
    found = requests_of(desk, claim(desk, 4, express=2))
    assert sum(found.values()) == 2, "and there are only so many places for small ones"
    assert set(found) <= {2, 3, 4}, "a campaign waits for room like others"
    assert claim(desk, 4, express=2) == []


def test_a_small_request_gets_one_express_place_and_not_a_second_one(desk: Desk) -> None:
    desk.submit(people(500))
    assert len(claim(desk, 2, express=2)) == 2
    desk.submit(people(10))
    desk.execute("UPDATE chunks SET last_line = 5 WHERE request_id = 2")
    desk.execute(
        "INSERT INTO chunks (request_id, vendor_id, first_line, last_line) "
        "SELECT 2, vendor_id, 6, 10 FROM chunks WHERE request_id = 2"
    )
    assert requests_of(desk, claim(desk, 2, express=2)) == {2: 1}
    assert claim(desk, 2, express=2) == []


def test_of_many_that_wait_the_small_ones_come_first(desk: Desk) -> None:
    for count in (300, 300, 300, 1, 300, 10):
        desk.submit(people(count))
    assert set(requests_of(desk, claim(desk, 2))) == {4, 6}


def test_a_vendors_window_is_its_own(desk: Desk) -> None:
    desk.announce(insider=10, algonomy=10)
    desk.submit(people(50))
    assert len(claim(desk, 2)) == 2
    assert len(claim(desk, 2, "algonomy")) == 2


def test_the_window_holds_when_many_dispatch_at_once(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    desk.submit(people(400))
    results = in_threads(8, lambda: claim(desk, 5))
    ids = [chunk_id for result in results for chunk_id in result]
    assert len(ids) == len(set(ids)) == 5


def test_a_second_dispatcher_of_a_vendor_waits_for_the_first(desk: Desk) -> None:
    desk.submit(people(400))
    with ThreadPoolExecutor(1) as other:
        with desk.engine.begin() as connection:
            assert len(claim_chunks(connection, "insider", 5)) == 5
            second = other.submit(claim, desk, 5)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)
        assert second.result(timeout=60) == []


def test_one_of_many_gets_the_lease(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    desk.submit(people(10))
    (chunk_id,) = claim(desk, 1)
    leases = in_threads(8, lambda: lease(desk, chunk_id))
    assert sum(isinstance(held, chunks.Lease) for held in leases) == 1
    assert leases.count(None) == 7


def test_a_chunk_that_is_not_queued_cannot_be_leased(desk: Desk) -> None:
    desk.submit(people(10))
    assert lease(desk, 1) is None
    assert lease(desk, 4711) is None


@pytest.mark.parametrize("leased", [False, True])
def test_a_chunk_whose_message_or_worker_was_lost_is_queued_again(desk: Desk, leased: bool) -> None:
    desk.submit(people(10))
    (chunk_id,) = claim(desk, 1)
    old = lease(desk, chunk_id) if leased else None
    assert claim(desk, 1) == []
    desk.make_everything_due()
    assert claim(desk, 1) == [chunk_id]
    new = lease(desk, chunk_id)
    assert new is not None
    assert new.starts == (2 if leased else 1)
    if old is not None:
        for late in (
            lambda connection: chunks.renew(connection, old, 60.0),
            lambda connection: chunks.close(connection, old),
            lambda connection: chunks.put_back(connection, old, delay_s=0.0, setbacks=[]),
        ):
            with pytest.raises(LeaseLostError), desk.engine.begin() as connection:
                late(connection)
    with desk.engine.begin() as connection:
        chunks.renew(connection, new, 60.0)


def test_a_claim_is_good_for_a_while(desk: Desk) -> None:
    desk.submit(people(10))
    claim(desk, 1)
    left = desk.one("SELECT CAST(extract(epoch FROM due_at - now()) AS double precision) FROM chunks")
    assert QUEUE_GRACE_S - 5 < left <= QUEUE_GRACE_S


def test_nothing_is_sent_to_a_vendor_that_is_switched_off(desk: Desk) -> None:
    desk.submit(people(10))
    desk.switch_off("insider")
    assert claim(desk, 8) == []
    assert claim(desk, 8, "acme") == []
    with desk.engine.begin() as connection:
        assert switching.switch_on(connection, "insider", "cli:test")
    assert len(claim(desk, 8)) == 1


def strike(desk: Desk, limit: int = 1, reason: Reason = Reason.FORBIDDEN) -> bool:
    with desk.engine.begin() as connection:
        return vendors.strike(connection, 1, reason, limit=limit, probe_after_s=10.0)


def make_probe_due(desk: Desk) -> None:
    desk.execute("UPDATE vendors SET probe_at = now() - interval '1 second' WHERE probe_at IS NOT NULL")


def test_a_held_vendor_gets_one_chunk_when_its_probe_is_due(desk: Desk) -> None:
    desk.submit(people(100))
    assert strike(desk)
    assert claim(desk, 8) == []
    make_probe_due(desk)
    (probe,) = claim(desk, 8)
    make_probe_due(desk)
    assert claim(desk, 8) == [], "a second one while the first is under way"
    held = lease(desk, probe)
    assert held is not None
    with desk.engine.begin() as connection:
        chunks.put_back(connection, held, delay_s=0.0, setbacks=[])
    assert claim(desk, 8) != []
    assert claim(desk, 8) == []


def test_a_vendor_that_serves_is_held_no_longer(desk: Desk) -> None:
    desk.submit(people(100))
    strike(desk)
    with desk.engine.begin() as connection:
        vendors.well_answered(connection, 1)
        (vendor,) = vendors.all_vendors(connection)
    assert (vendor.held_at, vendor.held_reason, vendor.strikes, vendor.probe_at) == (None, None, 0, None)
    assert len(claim(desk, 8)) == 8


def test_it_takes_so_many_strikes_in_a_row(desk: Desk) -> None:
    assert [strike(desk, limit=3) for _ in range(2)] == [False, False]
    with desk.engine.begin() as connection:
        vendors.well_answered(connection, 1)
    assert [strike(desk, limit=3) for _ in range(3)] == [False, False, True]
    with desk.engine.begin() as connection:
        (vendor,) = vendors.all_vendors(connection)
    assert (vendor.held_reason, vendor.held_by) == ("forbidden", "worker")


def test_what_is_held_by_hand_gets_no_probe_and_is_lifted_by_hand_only(desk: Desk) -> None:
    desk.submit(people(100))
    with desk.engine.begin() as connection:
        assert vendors.hold(connection, "insider", "anna")
        assert not vendors.hold(connection, "acme", "anna")
    assert strike(desk)  # chunks that were under way
    make_probe_due(desk)
    assert claim(desk, 8) == []
    with desk.engine.begin() as connection:
        vendors.well_answered(connection, 1)
        (vendor,) = vendors.all_vendors(connection)
    assert (vendor.held_reason, vendor.held_by) == ("by_hand", "anna")
    assert claim(desk, 8) == []
    with desk.engine.begin() as connection:
        assert vendors.resume(connection, "insider")
    assert len(claim(desk, 8)) == 8


def test_dispatch_sends_what_it_claimed(desk: Desk) -> None:
    desk.submit(people(100))
    tools = desk.tools({"insider": StubExchange(everybody(APPLIED), StubAdapter())})
    assert dispatch("insider", tools) == 8  # chunks_in_flight
    assert dispatch("insider", tools) == 0
    assert dispatch("acme", tools) == 0
    assert {vendor for vendor, _ in desk.queued} == {"insider"}
    assert len(desk.queued) == 8


@pytest.mark.parametrize("purpose", ["deliver", "verify"])
def test_what_was_claimed_is_described(desk: Desk, purpose: str) -> None:
    receipts = [desk.submit(people(20)), desk.submit(people(23)[20:])]
    requests = {receipt.public_id for receipt in (one.recorded for one in receipts)}
    desk.execute("UPDATE chunks SET purpose = CAST(:purpose AS chunk_purpose)", purpose=purpose)
    claimed = claim_described(desk, 10)
    assert {one.chunk_id for one in claimed} == {chunk_id for (chunk_id,) in desk.rows("SELECT id FROM chunks")}
    assert {one.request for one in claimed} == requests
    assert sorted(one.people for one in claimed) == [3, 10, 10]
    assert {one.purpose for one in claimed} == {purpose}


def test_with_redis_away_chunks_wait_and_are_not_lost(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.submit(people(20))

    def away(vendor: str, chunks: Sequence[Claimed]) -> None:
        raise BrokerError

    exchange = StubExchange(everybody(Answer(Verdict.APPLIED)), StubAdapter())
    assert dispatch("insider", desk.tools({"insider": exchange}, send_deliver=away)) == 0
    assert "redis is away: 2 chunks for insider wait" in caplog.text
    desk.make_everything_due()
    assert dispatch("insider", desk.tools({"insider": exchange})) == 2


def test_of_very_many_requests_all_have_their_turn(desk: Desk) -> None:
    many_open(desk, LOOKED_AT * 3)
    served: Counter[int] = Counter()
    for _ in range(400):
        served += requests_of(desk, claim(desk, 10))
        desk.execute("UPDATE chunks SET state = 'closed' WHERE state = 'queued'")
        if len(served) == LOOKED_AT * 3:
            return
    raise AssertionError(f"only {len(served)} requests were served")


def test_what_cannot_go_yet_does_not_keep_others_waiting(desk: Desk) -> None:
    """One of very many can go, and it is neither among the next in turn nor among the newest."""
    many_open(desk, 201)
    desk.execute("UPDATE requests SET to_resolve_from = 1 WHERE id <> 101")
    assert requests_of(desk, claim(desk, 10)) == {101: 1}


def test_a_wide_window_is_filled_at_once(desk: Desk) -> None:
    many_open(desk, 300)
    assert len(claim(desk, 150)) == 150


def test_the_newest_request_need_not_wait_for_the_turn_to_come_round(desk: Desk) -> None:
    many_open(desk, LOOKED_AT * 3)
    desk.execute("UPDATE chunks SET due_at = now() + interval '1 hour'")  # each of them rests
    desk.submit(people(1))
    assert requests_of(desk, claim(desk, 10)) == {LOOKED_AT * 3 + 1: 1}


def test_what_begins_later_takes_nobodys_turn(desk: Desk) -> None:
    desk.submit(people(10 * 5))
    many_open(desk, LOOKED_AT * 3)
    desk.execute("UPDATE chunks SET due_at = now() + interval '1 hour' WHERE request_id > 1")
    for _ in range(5):
        (chunk_id,) = claim(desk, 1)
        close(desk, chunk_id)


def test_a_claim_costs_the_same_however_much_begins_later(desk: Desk) -> None:
    many_open(desk, LOOKED_AT)
    few = pages_of_a_claim(desk)
    desk.execute("UPDATE chunks SET due_at = now() + interval '1 hour'")
    many_open(desk, LOOKED_AT * 20)
    desk.execute("UPDATE chunks SET due_at = now() + interval '1 hour'")
    many_open(desk, LOOKED_AT)
    assert pages_of_a_claim(desk) < 2 * few


def test_a_claim_costs_the_same_however_many_requests_are_open(desk: Desk) -> None:
    many_open(desk, LOOKED_AT * 2)
    few = pages_of_a_claim(desk)
    many_open(desk, LOOKED_AT * 20)
    assert pages_of_a_claim(desk) < 2 * few


def many_open(desk: Desk, number: int) -> None:
    """So many more requests of one person, written straight into the ledger: nobody opens them."""
    desk.announce(insider=10)
    desk.execute(
        "WITH new AS ("
        " INSERT INTO requests (public_id, kind, status, subjects, vendor_ids, options, due_at)"
        " SELECT gen_random_uuid(), 'opt_out', 'running', 1, ARRAY[vendors.id], '', now() + interval '1 month'"
        " FROM vendors, generate_series(1, :number) WHERE name = 'insider' RETURNING id, vendor_ids)"
        " INSERT INTO chunks (request_id, vendor_id, first_line, last_line) SELECT id, vendor_ids[1], 1, 1 FROM new",
        number=number,
    )
    with desk.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE chunks, requests"))


def pages_of_a_claim(desk: Desk) -> int:
    """How many pages a claim reads, as PostgreSQL counts them."""
    with desk.engine.connect() as connection:
        read = text(
            "SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit) FROM pg_statio_user_tables"
            " WHERE relname IN ('chunks', 'requests')"
        )
        flush = text("SELECT pg_stat_force_next_flush()")
        connection.execute(flush)
        connection.commit()
        before = connection.execute(read).scalar_one()
        claim_chunks(connection, "insider", 10)
        connection.commit()
        connection.execute(flush)
        connection.commit()
        return int(connection.execute(read).scalar_one() - before)
