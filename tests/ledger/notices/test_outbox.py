"""The outbox on a real PostgreSQL: it gets every change of status, and messages are sent in order, at least once."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapters.contract import Answer, Verdict
from domain.notices import Callback, Failure, Style
from domain.outcomes import Reason
from ledger.delivery import cancelling
from ledger.desk import attention, deeds
from ledger.notices import outbox, receivers, webhooks
from ledger.notices.outbox import Claimed
from ledger.notices.webhooks import announce_webhooks
from tasks import retain
from tasks.settle import settle
from tasks.submission import SubmitError
from tests.ledger.conftest import APPLIED, Desk, everybody, people

EXPIRED = Answer(Verdict.ACTION, Reason.SESSION_EXPIRED)
SECRET_URL = "https://producer.example/callback?token=7"


def announce(desk: Desk, **hosts: str) -> None:
    with desk.engine.begin() as connection:
        announce_webhooks(connection, hosts)


def claim(desk: Desk, **more: Any) -> list[Claimed]:
    known = {"receivers": ["crm", "crm2", "shop", "idle"], "styles": list(Style), "lease_s": 60.0}
    with desk.engine.begin() as connection:
        return outbox.claim(connection, desk.masters, **{**known, **more})


def end(desk: Desk, message: Claimed, answer: int = 204) -> None:
    with desk.engine.begin() as connection:
        outbox.delivered(connection, message, answer)


def lock(desk: Desk, connection: Any, public_id: UUID) -> deeds.LockedRequest:
    standing = deeds.lock_request(connection, public_id)
    assert standing is not None
    return standing


def told(desk: Desk) -> list[str]:
    return [status for (status,) in desk.rows("SELECT CAST(status AS text) FROM outbox ORDER BY id")]


@pytest.fixture
def crm(desk: Desk) -> Desk:
    """A desk whose operator has one receiver."""
    announce(desk, crm="crm.example")
    return desk


def test_every_way_of_changing_a_status_is_told(crm: Desk) -> None:
    """Submitted, closed with exceptions, retried, closed by the read-back's verdict, cancelled, confirmed."""
    receipt = crm.submit(people(3))
    crm.work_off(crm.tools_for(lambda call, batch: [EXPIRED if one.line == 2 else APPLIED for one in batch]))
    assert told(crm) == ["running", "completed_with_exceptions"]
    with crm.engine.begin() as connection:
        attention.reopen(connection, lock(crm, connection, receipt.recorded.public_id), attention.Selection())
    assert told(crm)[2:] == ["running"]
    crm.work_off(crm.tools_for(everybody(APPLIED)))
    assert told(crm)[3:] == ["completed"]

    crm.execute("TRUNCATE outbox")
    large = crm.submit(people(5))
    crm.execute("UPDATE requests SET status = 'unconfirmed' WHERE public_id = :id", id=large.recorded.public_id)
    with crm.engine.begin() as connection:
        deeds.confirm(connection, lock(crm, connection, large.recorded.public_id), "cli:bob")
    with crm.engine.begin() as connection:
        request = lock(crm, connection, large.recorded.public_id)
        deeds.cancel(connection, request, "cli:bob")
        cancelling.cancel_rest(connection, request.id)
    settle(crm.tools_for(everybody(APPLIED)))
    assert told(crm) == ["running", "unconfirmed", "running", "cancelled"], "and closing what is cancelled changes none"


def test_a_status_written_by_hand_is_told_too_and_loading_never(crm: Desk) -> None:
    crm.submit(people(1))
    crm.execute("TRUNCATE outbox")
    crm.execute("UPDATE requests SET status = 'loading'")
    assert told(crm) == []
    crm.execute("UPDATE requests SET status = 'completed'")
    crm.execute("UPDATE requests SET status = 'completed', due_reason = 'x'")
    assert told(crm) == ["completed"]


def test_what_is_rolled_back_is_not_told(crm: Desk) -> None:
    crm.submit(people(1))
    crm.execute("TRUNCATE outbox")
    with crm.engine.connect() as connection:
        connection.execute(text("UPDATE requests SET status = 'completed'"))
        assert connection.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 1
        connection.rollback()
    assert told(crm) == []


def test_a_notice_counts_deliveries_and_names_nobody(crm: Desk) -> None:
    receipt = crm.submit(people(3))
    crm.work_off(crm.tools_for(lambda call, batch: [EXPIRED if one.line == 2 else APPLIED for one in batch]))
    (first,) = claim(crm)
    assert first.notice.request_id == receipt.recorded.public_id
    assert (first.notice.status, first.notice.subjects) == ("running", 3)
    assert first.notice.vendors == {"insider": {"pending": 3}}, "as it was when it happened"
    end(crm, first)
    (second,) = claim(crm)
    assert second.notice.vendors == {"insider": {"pending": 0, "accepted": 2, "needs_action": 1}}
    assert (second.receiver, second.style, second.attempts) == ("crm", Style.STANDARD, 1)


def test_a_requests_messages_go_out_in_order_and_others_need_not_wait(crm: Desk) -> None:
    announce(crm, crm="crm.example", shop="shop.example")
    for _ in range(2):
        crm.submit(people(1))
    crm.work_off(crm.tools_for(everybody(APPLIED)))
    claimed = claim(crm)
    assert (
        sorted((one.receiver, one.notice.status) for one in claimed)
        == [("crm", "running")] * 2 + [("shop", "running")] * 2
    )
    assert claim(crm) == []
    mine = next(one for one in claimed if one.receiver == "crm")
    with crm.engine.begin() as connection:
        outbox.put_back(connection, mine, 3600.0, Failure.REFUSED, 500)
    assert claim(crm) == [], "what comes after a failed one waits for it"
    others = next(one for one in claimed if one.receiver == "shop" and one.notice.request_id == mine.notice.request_id)
    end(crm, others)
    (after,) = claim(crm)
    assert (after.receiver, after.notice.status) == ("shop", "completed")
    crm.execute("UPDATE outbox SET due_at = now() WHERE id = :id", id=mine.id)
    (again,) = claim(crm)
    assert (again.id, again.notice.message_id, again.attempts) == (mine.id, mine.notice.message_id, 2)
    with crm.engine.begin() as connection:
        outbox.give_up(connection, again, Failure.REFUSED, 500)
    assert [one.notice.status for one in claim(crm)] == ["completed"], "and goes on where it is given up"


def test_many_claimers_share_and_never_get_the_same(crm: Desk, in_threads: Any) -> None:
    for _ in range(12):
        crm.submit(people(1))
    shared = in_threads(6, lambda: claim(crm, window=100, most=3))
    ids = [message.id for batch in shared for message in batch]
    assert len(ids) == len(set(ids)) > 0


def test_a_lost_lease_is_claimed_again_under_the_same_id_and_its_old_holder_records_nothing(crm: Desk) -> None:
    crm.submit(people(1))
    (lost,) = claim(crm, lease_s=0.0)
    (again,) = claim(crm)
    assert again.notice.message_id == lost.notice.message_id
    assert again.lease != lost.lease
    end(crm, lost)
    assert crm.one("SELECT CAST(state AS text) FROM outbox") == "waiting"
    end(crm, again)
    assert crm.one("SELECT CAST(state AS text) FROM outbox") == "delivered"


def test_one_host_never_takes_the_places_of_another(crm: Desk) -> None:
    announce(crm, crm="slow.example", crm2="slow.example", shop="quick.example")
    for _ in range(4):
        crm.submit(people(1))
    claimed = claim(crm, window=3)
    assert sorted(one.host for one in claimed) == ["quick.example"] * 3 + ["slow.example"] * 3
    for one in claimed:
        if one.host == "quick.example":
            end(crm, one)
    assert [one.host for one in claim(crm, window=3)] == ["quick.example"], "three are under way at the slow one"


def test_a_receiver_that_a_process_does_not_know_stays_on_and_is_left_to_others(crm: Desk) -> None:
    crm.submit(people(1))
    announce(crm, shop="shop.example")
    crm.submit(people(1))
    assert [one.receiver for one in claim(crm, receivers=["shop"])] == ["shop"]
    assert claim(crm, receivers=[]) == []
    assert [one.receiver for one in claim(crm, receivers=["crm"])] == ["crm", "crm"]


def test_a_receiver_that_a_person_switches_off_is_told_nothing_whoever_starts(crm: Desk) -> None:
    crm.submit(people(1))
    with crm.engine.begin() as connection:
        assert webhooks.switch_receiver_off(connection, "crm", "cli:ann")
        assert not webhooks.switch_receiver_off(connection, "acme", "cli:ann")
    announce(crm, crm="crm.example")
    crm.submit(people(1))
    assert crm.rows("SELECT CAST(state AS text), failure FROM outbox") == [("given_up", "switched_off")]
    with crm.engine.begin() as connection:
        assert webhooks.lacking(connection, []) == []
        assert webhooks.switch_receiver_on(connection, "crm", "cli:ann")
        assert webhooks.lacking(connection, []) == ["crm"]
        assert webhooks.lacking(connection, ["crm"]) == []
    announce(crm, crm="elsewhere.example")
    crm.submit(people(1))
    assert [one.host for one in claim(crm)] == ["elsewhere.example"]
    assert crm.rows("SELECT by, deed, target FROM audit_entries WHERE deed LIKE 'webhook%' ORDER BY id") == [
        ("cli:ann", "webhook off", "crm"),
        ("cli:ann", "webhook on", "crm"),
    ]


def test_a_message_in_a_style_that_a_process_cannot_tell_is_left_to_others(desk: Desk) -> None:
    desk.submit(people(1), **own())
    assert claim(desk, styles=[Style.STANDARD]) == []
    assert len(claim(desk, styles=[Style.OPENDSR])) == 1


def own(**details: Any) -> Mapping[str, Any]:
    return {"callbacks": (Callback(SECRET_URL, "producer.example", Style.OPENDSR, details),)}


def test_a_requests_own_receiver_is_told_of_it_alone_and_its_address_is_sealed(desk: Desk) -> None:
    desk.submit(people(1), **own(id="abc"))
    desk.submit(people(1))
    (message,) = claim(desk)
    assert (message.receiver, message.url, message.style) == (None, SECRET_URL, Style.OPENDSR)
    assert message.notice.details == {"id": "abc"}
    assert SECRET_URL not in repr(message)
    (kept,) = desk.rows("SELECT CAST(webhooks AS text) || encode(sealed_url, 'escape') FROM webhooks")
    assert "token" not in kept[0]


def test_an_address_is_destroyed_with_the_requests_people(desk: Desk) -> None:
    desk.submit(people(1), **own())
    desk.execute("DELETE FROM data_keys")
    (message,) = claim(desk)
    assert (message.url, message.sealed) == (None, Failure.FORGOTTEN)


def test_another_callback_is_another_submission(desk: Desk) -> None:
    desk.submit(people(1), idempotency_key="k", **own())
    assert desk.submit(people(1), idempotency_key="k", **own()).repeated
    with pytest.raises(SubmitError):
        desk.submit(people(1), idempotency_key="k")


def test_how_receivers_stand_and_telling_again(crm: Desk) -> None:
    announce(crm, crm="crm.example", idle="idle.example")
    crm.submit(people(1), **own())
    first, idle, second = sorted(claim(crm), key=lambda one: one.host)
    end(crm, idle)
    with crm.engine.begin() as connection:
        outbox.put_back(connection, first, 3600.0, Failure.REFUSED, 503)
        outbox.give_up(connection, second, Failure.NOT_PUBLIC, None)
        found = {(one.receiver, one.host): one for one in receivers.receiver_states(connection)}
    mine = found["crm", "crm.example"]
    assert (mine.waiting, mine.failing, mine.given_up, mine.failure, mine.answer) == (1, 1, 0, "refused", 503)
    assert mine.oldest is not None
    theirs = found[None, "producer.example"]
    assert (theirs.waiting, theirs.given_up, theirs.failure, theirs.answer) == (0, 1, "not_public", None)
    assert found["idle", "idle.example"].waiting == 0
    assert claim(crm) == []
    with crm.engine.begin() as connection:
        assert receivers.send_again(connection, "nobody") == 0
        assert receivers.send_again(connection, "producer.example") == 1
        assert receivers.send_again(connection, None) == 1
    assert [(one.attempts, one.age_s < 600) for one in claim(crm)] == [(1, True)] * 2


def test_a_receiver_is_the_operators_or_a_requests(desk: Desk) -> None:
    with pytest.raises(DBAPIError):
        desk.execute("INSERT INTO webhooks (style, host) VALUES ('standard', 'x')")


def test_what_ended_long_ago_is_dropped_and_what_waits_is_not(crm: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        crm.submit(people(1))
    waits, told_long_ago, told_lately, given_up_long_ago, _ = claim(crm)
    for one in (told_long_ago, told_lately):
        end(crm, one)
    with crm.engine.begin() as connection:
        outbox.give_up(connection, given_up_long_ago, Failure.REFUSED, 500)
    crm.execute("UPDATE outbox SET happened_at = now() - interval '90 days'")
    crm.execute("UPDATE outbox SET ended_at = now() - interval '31 days' WHERE ended_at IS NOT NULL")
    crm.execute("UPDATE outbox SET ended_at = now() - interval '29 days' WHERE id = :id", id=told_lately.id)
    assert waits.id < told_long_ago.id
    with crm.engine.begin() as connection:
        assert outbox.drop_ended(connection, 30, most=1) == 0, "only the oldest is looked at, and it waits"
        assert outbox.drop_ended(connection, 30, most=2) == 1
    assert retain.keep_outbox(crm.engine) == 1
    left = [identity for (identity,) in crm.rows("SELECT id FROM outbox ORDER BY id")]
    assert (left[:2], len(left)) == ([waits.id, told_lately.id], 3)
    monkeypatch.setattr(retain, "MESSAGE_DAYS", -1.0)
    monkeypatch.setattr(retain, "ROUNDS", 0)
    assert retain.keep_outbox(crm.engine) == 0, "a call ends, however much there is"


def test_a_change_of_status_reads_no_other_requests_callbacks(crm: Desk) -> None:
    """The trigger of every request would grow slower with every callback that any request has ever brought along."""
    receipt = crm.submit(people(1))
    statements = (
        "ALTER TABLE webhooks DROP CONSTRAINT webhooks_request_id_fkey",  # of requests that are not there; rolled back
        "INSERT INTO webhooks (request_id, style, host)"
        " SELECT 1000000 + n, CAST('opendsr' AS webhook_style), 'x' FROM generate_series(1, 5000) AS n",
        "ANALYZE webhooks",
        "UPDATE requests SET status = 'completed' WHERE public_id = :id",
    )
    with crm.engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement), {"id": receipt.recorded.public_id})
        assert connection.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 2
        read = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'webhooks'"
        assert connection.execute(text(read)).scalar_one() < 100
        connection.rollback()


def test_of_what_waits_for_a_receiver_the_oldest_requests_come_first(crm: Desk) -> None:
    announce(crm, crm="crm.example", shop="shop.example")
    for _ in range(3):
        crm.submit(people(1))
    crm.work_off(crm.tools_for(everybody(APPLIED)))
    claimed = claim(crm, oldest=2)
    assert [(one.receiver, one.notice.status) for one in claimed] == [("crm", "running"), ("shop", "running")]
    with crm.engine.begin() as connection:
        outbox.put_back(connection, claimed[0], 3600.0, Failure.REFUSED, 500)
    end(crm, claimed[1])
    after = claim(crm, oldest=2)
    assert [(one.receiver, one.notice.status) for one in after] == [("shop", "running"), ("shop", "completed")]
    assert after[1].notice.request_id == claimed[1].notice.request_id
    assert sorted(str(one.receiver) for one in claim(crm)) == ["crm", "crm", "shop"], "and none is forgotten"


def test_a_receiver_that_is_down_costs_the_others_no_more_however_much_waits_for_it(crm: Desk) -> None:
    announce(crm, crm="crm.example", shop="shop.example")
    statements = (
        "ALTER TABLE outbox DROP CONSTRAINT outbox_request_id_fkey",  # of requests that are not there; rolled back
        "INSERT INTO outbox (webhook_id, request_id, own, status, counts, due_at)"
        " SELECT webhooks.id, 1000000 + n / 2, false, 'running', '{}', now() + interval '1 hour'"
        " FROM webhooks, generate_series(1, 20000) AS n WHERE name = 'crm'",
        "ANALYZE outbox",
    )
    read = "SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'outbox'"
    with crm.engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
        before = connection.execute(text(read)).scalar_one()
        assert outbox.claim(connection, crm.masters, lease_s=60.0, oldest=100, receivers=["crm"], styles=[]) == []
        assert connection.execute(text(read)).scalar_one() - before < 500
        connection.rollback()
