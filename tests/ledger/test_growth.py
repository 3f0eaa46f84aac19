"""The cost of a step does not grow with what is running, waiting or past: counted by what PostgreSQL has read."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from bench.plans import statements_of
from domain.requests import Kind
from ledger import forgetting, volumes
from ledger.data_keys import keeps
from ledger.delivery import chunks, same_people, wishes
from ledger.delivery.claiming import READ_BACK_SHARE
from ledger.delivery.claiming import claim as claim_chunks
from ledger.requests import closing, key_needs, settling
from tasks import fingerprint_keys
from tasks.retain import keep_forgetting
from tasks.settle import settle
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.ledger.test_volumes import age, long_ago, shelf, turn_over  # noqa: F401 - a fixture

RUNNING = 3_000


def a_crowd(desk: Desk, count: int, *, vendor: str = "insider") -> None:
    """So many running requests of one person each, as if each had been submitted."""
    desk.execute(
        """
        WITH fresh AS (
            INSERT INTO requests (public_id, kind, status, subjects, vendor_ids, options, due_at)
            SELECT gen_random_uuid(), 'opt_out', 'running', 1, ARRAY[vendors.id], options, due_at
            FROM vendors, generate_series(1, :count), (SELECT * FROM requests ORDER BY id LIMIT 1) AS like_this
            WHERE name = :vendor RETURNING id),
        keys AS (
            INSERT INTO data_keys (request_id, wrapped)
            SELECT fresh.id, wrapped FROM fresh, (SELECT wrapped FROM data_keys LIMIT 1) AS like_this),
        persons AS (
            INSERT INTO subjects (request_id, line, sealed, whole_print, user_print, email_print)
            SELECT id, 1, '', gen_random_uuid(), gen_random_uuid(), gen_random_uuid() FROM fresh)
        INSERT INTO chunks (request_id, vendor_id, first_line, last_line)
        SELECT fresh.id, vendors.id, 1, 1 FROM fresh, vendors WHERE name = :vendor""",
        count=count,
        vendor=vendor,
    )
    desk.execute("ANALYZE requests, chunks")


def steps_of(plan: Any) -> Iterator[Any]:
    yield plan
    for step in plan.get("Plans", ()):
        yield from steps_of(step)


def plans_of(desk: Desk, work: Callable[[Connection], Any]) -> Iterator[Any]:
    """Each step of the plans by which PostgreSQL does some work, with what it took; rolled back."""
    with desk.engine.connect() as connection:
        with statements_of(desk.engine) as heard:
            work(connection)
        connection.rollback()
        for statement, bound in list(heard):
            if statement.split(maxsplit=1)[0] not in ("SELECT", "WITH", "UPDATE", "INSERT", "DELETE"):
                continue
            ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", bound).all()
            yield from steps_of(plan[0]["Plan"])
            connection.rollback()


def read_by(desk: Desk, work: Callable[[Connection], Any]) -> dict[str, float]:
    """How many rows PostgreSQL reads from each table for some work, and `scans` of a whole large one; rolled back."""
    read: dict[str, float] = {"scans": 0.0}
    for step in plans_of(desk, work):
        if "Relation Name" in step:
            rows = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
            read[step["Relation Name"]] = read.get(step["Relation Name"], 0.0) + rows
            read["scans"] += "Seq Scan" in step["Node Type"] and rows > RUNNING / 4
    return read


def costs_of(desk: Desk, work: Callable[[Connection], Any]) -> list[set[float]]:
    """What PostgreSQL reckons that each statement of some work with bound lists costs, by the length of these lists."""
    with desk.engine.connect() as connection:
        with statements_of(desk.engine) as heard:
            work(connection)
        connection.rollback()
        return [
            {_cost(connection, statement, bound, times) for times in (1, 50)}
            for statement, bound in list(heard)
            if bound and any(isinstance(value, list) for value in bound.values())
        ]


def _cost(connection: Connection, statement: str, bound: dict[str, Any], times: int) -> float:
    longer = {name: value * times if isinstance(value, list) else value for name, value in bound.items()}
    ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", longer).all()
    return float(plan[0]["Plan"]["Total Cost"])


def test_plans_of_settling_and_claiming_do_not_depend_on_how_many_are_bound(desk: Desk) -> None:
    """Else PostgreSQL finds a kept plan dearer than one for the moment, and plans each time anew."""
    desk.submit(people(1))
    a_crowd(desk, RUNNING)
    done = desk.one("SELECT min(id) FROM requests")
    desk.execute("UPDATE chunks SET state = 'closed' WHERE request_id = :id", id=done)
    for work in (
        lambda connection: closing.close_settled(connection, done),
        lambda connection: claim_chunks(connection, "insider", 8),
    ):
        costs = costs_of(desk, work)
        assert costs
        assert [len(one) for one in costs] == [1] * len(costs)


# Settling


def test_a_held_vendors_requests_are_not_looked_at_again_and_again(desk: Desk) -> None:
    desk.submit(people(1))
    a_crowd(desk, RUNNING)
    desk.execute("UPDATE vendors SET held_at = now(), held_reason = 'forbidden', probe_at = now() + interval '1 day'")
    settle(desk.tools({}))  # the slow round has its turn

    def sweep(connection: Connection) -> None:
        closing.close_settled(connection)

    read = read_by(desk, sweep)
    assert sum(read.values()) < 10


def test_only_what_changed_is_looked_at(desk: Desk) -> None:
    desk.submit(people(1))
    a_crowd(desk, RUNNING)
    settle(desk.tools({}))
    desk.execute("UPDATE chunks SET state = 'closed' WHERE request_id IN (5, 6, 7)")
    read = read_by(desk, closing.close_settled)
    assert read["scans"] == 0
    assert sum(read.values()) < 100
    assert settle(desk.tools({})) == 3
    assert desk.one("SELECT count(*) FROM requests WHERE status = 'running'") == RUNNING - 2
    assert desk.one("SELECT count(*) FROM settling") == 0


@pytest.mark.parametrize("others", [0, 3])
def test_a_worker_that_dies_between_closing_and_settling_loses_nothing(desk: Desk, others: int) -> None:
    """Its chunk is closed, and it never says so: the next sweep finds the request, though it looks at no other."""
    for _ in range(1 + others):
        desk.submit(people(1))
    settle(desk.tools({}))
    with desk.engine.begin() as connection:
        (claimed, *_) = claim_chunks(connection, "insider", 1)
        held = chunks.lease(connection, claimed.chunk_id, lease_s=60, holder="test", masters=desk.masters)
        assert held is not None
        chunks.close(connection, held)
    assert settle(desk.tools({})) == 1
    assert desk.rows("SELECT CAST(status AS text) FROM requests WHERE status <> 'running'") == [("completed",)]


def test_a_sweep_that_dies_loses_nothing(desk: Desk) -> None:
    desk.submit(people(1))
    settle(desk.tools({}))
    desk.execute("UPDATE chunks SET state = 'closed'")
    with desk.engine.connect() as connection:
        assert closing.close_settled(connection).number == 1
        connection.rollback()
    assert settle(desk.tools({})) == 1


def test_a_chunk_that_is_closed_while_a_sweep_runs_is_found_by_the_next_one(desk: Desk) -> None:
    desk.announce(insider=1)
    desk.submit(people(2))
    settle(desk.tools({}))
    first, second = (row[0] for row in desk.rows("SELECT id FROM chunks ORDER BY id"))
    desk.execute("UPDATE chunks SET state = 'closed' WHERE id = :id", id=first)
    with desk.engine.connect() as closing, closing.begin():
        closing.execute(text("UPDATE chunks SET state = 'closed' WHERE id = :id"), {"id": second})
        assert settle(desk.tools({})) == 0
    assert settle(desk.tools({})) == 1


def test_what_nothing_marks_is_found_by_the_slow_round(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an upgrade, or by hand. The round goes on where it was, and begins anew at its end."""
    monkeypatch.setattr(settling, "MOST_IN_A_ROUND", 4)
    for _ in range(10):
        desk.submit(people(1))
    desk.execute("UPDATE chunks SET state = 'closed'")
    desk.execute("DELETE FROM settling")
    closed = []
    for _ in range(4):
        closed.append(settle(desk.tools({})))
        assert settle(desk.tools({})) == 0, "once a minute"
        desk.execute("UPDATE turns SET due_at = now()")
    assert closed == [4, 4, 2, 0]


def test_what_says_to_be_done_in_error_is_found_in_turn(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many need action: so many are looked at each minute, and all have their turn."""
    monkeypatch.setattr(settling, "MOST_IN_A_ROUND", 4)
    desk.submit(people(1))
    a_crowd(desk, 9)
    desk.execute("UPDATE chunks SET state = 'closed'")
    desk.execute("INSERT INTO tallies SELECT id, 1, 'needs_action', 1 FROM requests")
    desk.execute("UPDATE requests SET status = 'completed', closed_at = now()")
    desk.execute("DELETE FROM settling")
    found = []
    for _ in range(3):
        settle(desk.tools({}))
        found.append(desk.one("SELECT count(*) FROM requests WHERE status = 'completed_with_exceptions'"))
        settle(desk.tools({}))
        desk.execute("UPDATE turns SET due_at = now()")
    assert found == [4, 8, 10]


def test_many_sweeps_at_once_close_each_once(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    for _ in range(30):
        desk.submit(people(1))
    desk.execute("UPDATE chunks SET state = 'closed'")
    assert sum(in_threads(4, lambda: settle(desk.tools({})))) == 30


# Leasing


def test_a_lease_is_taken_and_renewed_whatever_else_runs(desk: Desk) -> None:
    desk.submit(people(1))
    a_crowd(desk, RUNNING)
    desk.execute("ANALYZE data_keys")
    chunk_id = desk.one("SELECT min(id) FROM chunks")
    desk.execute("UPDATE chunks SET state = 'queued' WHERE id = :id", id=chunk_id)

    def take(connection: Connection) -> chunks.Lease | None:
        return chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=desk.masters)

    taking = read_by(desk, take)
    with desk.engine.begin() as connection:
        held = take(connection)
    assert held is not None
    renewing = read_by(desk, lambda connection: chunks.renew(connection, held, 60))
    for read in (taking, renewing):
        assert read["chunks"] > 0
        assert sum(read.values()) < 20


# Reading back under a campaign, and delivering under very many read-backs


def to_read_back(desk: Desk, request_id: int, count: int, *, newer: bool = False) -> None:
    desk.execute(
        """INSERT INTO chunks (request_id, vendor_id, first_line, last_line, round, purpose, due_at)
        SELECT :request_id, 1, n, n, 2, 'verify', now() - interval '1 second' * :ago
        FROM generate_series(1, :count) AS n""",
        request_id=request_id,
        count=count,
        ago=0 if newer else 100_000,
    )


@pytest.mark.parametrize(
    ("window", "newer", "same_request"), [(1, True, False), (2, False, True), (8, True, True), (20, False, False)]
)
def test_neither_deliveries_nor_read_backs_starve_the_other(
    desk: Desk, window: int, *, newer: bool, same_request: bool
) -> None:
    """One place at a time becomes free, as under a campaign: in the long run each has its share."""
    desk.announce(insider=1)
    desk.submit(people(100))
    desk.submit(people(1))
    to_read_back(desk, 1 if same_request else 2, 100, newer=newer)
    out: list[int] = []
    served: list[str] = []
    for _ in range(60):
        with desk.engine.begin() as connection:
            fresh = claim_chunks(connection, "insider", window)
        served += [one.purpose for one in fresh]
        out += [one.chunk_id for one in fresh]
        assert len(out) <= window
        desk.execute("UPDATE chunks SET state = 'closed' WHERE id = :id", id=out.pop(0))
    expected = max(1, round(window * READ_BACK_SHARE)) / window
    share = served[window:].count("verify") / len(served[window:])
    if window == 1:  # by chance: that of 59 none is a read-back happens once in twenty million runs
        assert 0 < share < 1
    else:
        assert abs(share - expected) < 0.1


@pytest.mark.parametrize("what", ["deliver", "verify"])
def test_what_one_does_not_need_the_other_may_use(desk: Desk, what: str) -> None:
    desk.announce(insider=1)
    desk.submit(people(20))
    if what == "verify":
        to_read_back(desk, 1, 20)
        desk.execute("UPDATE chunks SET state = 'closed' WHERE purpose = 'deliver'")
    with desk.engine.begin() as connection:
        assert [one.purpose for one in claim_chunks(connection, "insider", 8)] == [what] * 8


def test_a_held_vendor_is_probed_by_one_chunk_whatever_is_to_be_read_back(desk: Desk) -> None:
    desk.announce(insider=1)
    desk.submit(people(5))
    to_read_back(desk, 1, 5)
    desk.execute("UPDATE vendors SET held_at = now(), held_reason = 'forbidden', probe_at = now()")
    with desk.engine.begin() as connection:
        assert len(claim_chunks(connection, "insider", 8)) == 1


# Dropping a volume


def lone_requests(desk: Desk, count: int) -> None:
    """So many requests of one person that have closed."""
    desk.submit(people(1))
    a_crowd(desk, count)
    desk.execute("UPDATE chunks SET state = 'closed'")
    desk.execute("UPDATE requests SET status = 'completed', closed_at = now()")
    desk.execute("INSERT INTO tallies SELECT id, 1, 'refused', 1 FROM requests")


def test_a_volume_of_lone_requests_is_dropped_in_steps(shelf: Desk, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811 - the fixture
    """No statement writes more than a step's rows, and none waits for long."""
    monkeypatch.setattr(volumes, "STEP", 50)
    monkeypatch.setattr(volumes, "STEP_CHUNKS", 60)
    lone_requests(shelf, 400)
    turn_over(shelf)
    age(shelf, 10)
    long_ago(shelf, 10)
    written: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.split(maxsplit=1)[0] in ("UPDATE", "DELETE", "SELECT"):
            written.append(cursor.rowcount)

    event.listen(shelf.engine, "after_cursor_execute", note)
    try:
        assert volumes.drop_expired(shelf.engine, 9) == [volumes.Dropped(1, requests=401, unresolved=401)]
    finally:
        event.remove(shelf.engine, "after_cursor_execute", note)
    assert max(written) <= 60
    assert shelf.one("SELECT count(*) FROM data_keys") == 0
    assert shelf.one("SELECT count(*) FROM chunks") == 0
    assert shelf.one("SELECT to_regclass('subjects_1')") is None


@pytest.mark.parametrize("after", [1, 8, 15, 22])
def test_a_drop_that_was_killed_is_continued(shelf: Desk, monkeypatch: pytest.MonkeyPatch, after: int) -> None:  # noqa: F811 - the fixture
    """Wherever it was killed: the next call drops the volume, and counts all of it."""
    monkeypatch.setattr(volumes, "STEP", 20)
    monkeypatch.setattr(volumes, "STEP_CHUNKS", 20)
    lone_requests(shelf, 60)
    turn_over(shelf)
    age(shelf, 10)
    long_ago(shelf, 10)
    statements = 0

    class KilledError(BaseException):
        pass

    def kill(*_: Any) -> None:
        nonlocal statements
        statements += 1
        if statements > after:
            raise KilledError

    event.listen(shelf.engine, "before_cursor_execute", kill)
    try:
        with pytest.raises(KilledError):
            volumes.drop_expired(shelf.engine, 9)
    finally:
        event.remove(shelf.engine, "before_cursor_execute", kill)
    assert volumes.drop_expired(shelf.engine, 9) == [], "until the turn of the dead one is over"
    shelf.execute("UPDATE turns SET due_at = now()")
    assert volumes.drop_expired(shelf.engine, 9) == [volumes.Dropped(1, requests=61, unresolved=61)]
    assert shelf.one("SELECT count(*) FROM chunks") == 0
    assert shelf.one("SELECT to_regclass('outcomes_1')") is None


def test_one_young_request_keeps_all_of_its_volume(shelf: Desk, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811 - the fixture
    monkeypatch.setattr(volumes, "STEP", 20)
    lone_requests(shelf, 60)
    turn_over(shelf)
    age(shelf, 10)
    long_ago(shelf, 10)
    shelf.execute("UPDATE requests SET closed_at = now() WHERE id = 50")
    assert volumes.drop_expired(shelf.engine, 9) == []
    assert shelf.one("SELECT count(*) FROM requests") == shelf.one("SELECT count(*) FROM data_keys")


# Comparing with others


def lookups(desk: Desk, chunk_id: int, lines: list[int]) -> tuple[dict[str, float], same_people.Found]:
    found: list[same_people.Found] = []

    def compare(connection: Connection) -> None:
        lease = chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=desk.masters)
        assert lease is not None
        found.append(same_people.same_people(connection, lease, lines))

    searched: dict[str, float] = {}
    with desk.engine.connect() as connection:
        with statements_of(desk.engine) as heard:
            compare(connection)
        for statement, bound in list(heard)[1:]:
            ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", bound).all()
            for step in steps_of(plan[0]["Plan"]):
                if "Relation Name" in step:
                    searched[step["Relation Name"]] = searched.get(step["Relation Name"], 0.0) + step["Actual Loops"]
        connection.rollback()
    return searched, found[0]


@pytest.mark.parametrize("where", ["nowhere", "oldest", "middle"])
def test_a_person_is_looked_for_where_something_can_matter_and_nowhere_else(shelf: Desk, where: str) -> None:  # noqa: F811 - the fixture
    """Very many requests run beside them, there are volumes of the past, and something of one may still be running."""
    straggler = {"nowhere": None, "oldest": 1, "middle": 2}[where]
    shelf.submit(people(9)[4:5])
    shelf.work_off(shelf.tools_for(everybody(APPLIED)))
    for volume in range(1, 4):
        if volume == straggler:
            shelf.submit(people(3), kind=Kind.ERASURE)
            shelf.execute("UPDATE chunks SET due_at = now() + interval '1 day' WHERE state = 'waiting'")
        else:
            shelf.submit(people(9)[5:])
            shelf.work_off(shelf.tools_for(everybody(APPLIED)))
        turn_over(shelf)
    long_ago(shelf, 0)
    a_crowd(shelf, 200)
    receipt = shelf.submit(people(3), kind=Kind.OPT_IN)
    assert receipt.recorded.people == 3
    request_id, chunk_id = shelf.rows("SELECT max(request_id), max(id) FROM chunks")[0]
    shelf.execute("UPDATE chunks SET state = 'queued' WHERE id = :id", id=chunk_id)
    searched, found = lookups(shelf, chunk_id, [1, 2, 3])
    present = shelf.one("SELECT id FROM volumes WHERE :id >= first_request AND :id < past_request", id=request_id)
    volumes_searched = {int(name.rpartition("_")[2]) for name in searched if name.startswith("subjects_")}
    assert volumes_searched == {present, *([straggler] if straggler else [])}
    assert set(found.matches) == ({1, 2, 3} if straggler else set())
    assert sum(searched.get(f"subjects_{volume}", 0) for volume in volumes_searched) < 40


@pytest.mark.parametrize("newer", [False, True])
def test_of_a_straggler_only_what_is_open_is_looked_at(
    shelf: Desk,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
    *,
    newer: bool,
) -> None:
    """A campaign in an old volume with one chunk left: the people of that one are held against ours. Where its wish is
    newer than ours, those who are done count as well, and all of ours are looked up. Both ways find the same."""
    shelf.submit(people(30), kind=Kind.OPT_IN)
    shelf.work_off(shelf.tools_for(everybody(APPLIED)), runs=2)
    shelf.execute("UPDATE chunks SET state = 'waiting', due_at = now() + interval '1 day' WHERE state <> 'closed'")
    shelf.queued.clear()
    turn_over(shelf)
    long_ago(shelf, 1)
    a_crowd(shelf, 200)
    shelf.submit([*people(30)[5:10], *people(25)[20:], {"user_id": "nobody else"}], kind=Kind.OPT_OUT)
    if not newer:
        shelf.execute("UPDATE requests SET effective_at = effective_at - interval '1 hour' WHERE id = 1")
    else:
        shelf.execute("UPDATE requests SET effective_at = effective_at + interval '1 hour' WHERE id = 1")
    chunk_id = shelf.one("SELECT min(id) FROM chunks WHERE request_id = (SELECT max(request_id) FROM chunks)")
    lines = list(range(1, 11))

    def compared() -> tuple[dict[str, float], wishes.Others]:
        found: list[wishes.Others] = []
        shelf.execute("UPDATE chunks SET state = 'queued', lease = NULL WHERE id = :id", id=chunk_id)
        with shelf.engine.connect() as connection:
            lease = chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=shelf.masters)
            assert lease is not None
            found.append(wishes.find_others(connection, lease, lines, shelf.masters))
            connection.rollback()
        return lookups(shelf, chunk_id, lines)[0], found[0]

    searched, found = compared()
    assert (searched["subjects_1"] == 1) is not newer
    assert {ref.line for refs in found.matches.values() for ref in refs} == set(
        range(6, 11) if newer else range(21, 26)
    )
    monkeypatch.setattr(same_people, "_left_in_mine", lambda *_: None)
    searched_all, the_same = compared()
    assert searched_all["subjects_1"] > 10
    assert found.matches == the_same.matches
    assert found.people == the_same.people


def test_without_vendors_own_identifiers_nobody_looks_for_them(shelf: Desk) -> None:  # noqa: F811 - the fixture
    shelf.submit(people(1))
    a_crowd(shelf, 200)
    shelf.submit(people(2), kind=Kind.OPT_IN)
    chunk_id = shelf.one("SELECT max(id) FROM chunks")
    shelf.execute("UPDATE chunks SET state = 'queued' WHERE id = :id", id=chunk_id)
    searched, found = lookups(shelf, chunk_id, [1, 2])
    assert sum(count for name, count in searched.items() if name.startswith("other_identifiers")) < 10
    assert found.matches[1]


@pytest.mark.parametrize(("beside", "statements"), [(0, 1), (200, 2)])
def test_a_comparison_takes_few_statements(desk: Desk, beside: int, statements: int) -> None:
    """One tells what can matter, or where it can lie where it is very much; another one looks there."""
    desk.submit(people(1))
    if beside:
        a_crowd(desk, beside)
    else:
        desk.work_off(desk.tools_for(everybody(APPLIED)))
    desk.submit([{"user_id": "nobody else"}])
    chunk_id = desk.one("SELECT max(id) FROM chunks")
    desk.execute("UPDATE chunks SET state = 'queued' WHERE id = :id", id=chunk_id)
    with desk.engine.connect() as connection:
        lease = chunks.lease(connection, chunk_id, lease_s=60, holder="test", masters=desk.masters)
        assert lease is not None
        with statements_of(desk.engine) as heard:
            assert not wishes.find_others(connection, lease, [1], desk.masters).matches
        connection.rollback()
    assert len(heard) == statements


def test_claiming_beside_very_many_reads_a_bounded_number_of_rows(desk: Desk) -> None:
    desk.submit(people(1))
    a_crowd(desk, RUNNING)

    def claim(connection: Connection) -> None:
        claim_chunks(connection, "insider", 8)

    read = read_by(desk, claim)
    assert read["scans"] == 0
    assert sum(read.values()) < 600, "LOOKED_AT and NEWEST, a few rows each"


@pytest.mark.parametrize("beside", [0, 200])
def test_a_claim_takes_few_statements(desk: Desk, beside: int) -> None:
    """One locks the vendor, one counts what is out, one looks at what is due and queues it: no row of what was only
    looked at reaches the program."""
    desk.submit(people(1))
    if beside:
        a_crowd(desk, beside)
    with desk.engine.connect() as connection:
        claim_chunks(connection, "insider", 1)  # which notes that the vendor is served
        with statements_of(desk.engine) as heard:
            assert len(claim_chunks(connection, "insider", 8)) == min(beside, 7)
        connection.rollback()
    assert len(heard) == 3


# Forgetting


def test_a_step_of_forgetting_does_not_read_everybody_who_still_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 600
    desk.announce(insider=count)
    desk.submit(people(count))
    with desk.engine.begin() as connection:
        forgetting.forget_but(connection, 1, range(2, count + 1))
    monkeypatch.setattr(forgetting, "STEP", 100)
    rows = [step["Actual Rows"] * step["Actual Loops"] for step in plans_of(desk, forgetting.delete_prints)]
    assert max(rows) < count / 2
    left = f"SELECT count(*) FROM subjects WHERE {keeps('subjects')}"  # noqa: S608 - an expression of ours
    assert desk.one(left) == count - 1
    keep_forgetting(desk.engine)
    assert desk.rows("SELECT line FROM subjects WHERE sealed = ''") == [(1,)]


def test_letting_go_of_a_fingerprint_key_reads_neither_the_list_nor_requests_that_it_has_passed(desk: Desk) -> None:
    for number in range(3):
        desk.submit(people(1), idempotency_key=f"key-{number}")
    replaced = fingerprint_keys.rotate(desk.engine, desk.masters, "cli:ann", lambda _: None)
    assert [one.requests for one in replaced.keys] == [0, 3]
    desk.execute(
        """INSERT INTO suppression (print, field, request_id, line, kind, at, key, newest_key)
           SELECT gen_random_uuid(), 'email', 1, line, 'erasure', now(), 1, 1
           FROM generate_series(1, :count) AS line""",
        count=RUNNING,
    )
    desk.execute("UPDATE requests SET idempotency_print = NULL WHERE id = 1")
    fingerprint_keys.go_on(desk.engine, desk.masters)
    read = read_by(desk, key_needs.look_on)
    assert read["requests"] == 2, "the first was passed"
    assert read_by(desk, key_needs.unneeded).get("suppression", 0) <= 1
    desk.execute("UPDATE requests SET idempotency_print = NULL")
    fingerprint_keys.go_on(desk.engine, desk.masters)
    assert read_by(desk, key_needs.look_on).get("requests", 0) == 0
    assert read_by(desk, key_needs.unneeded).get("suppression", 0) <= 1
    assert desk.one("SELECT count(*) FROM keys WHERE state = 'kept'") == 1
    desk.execute("DELETE FROM suppression")
    fingerprint_keys.go_on(desk.engine, desk.masters)
    assert desk.one("SELECT count(*) FROM keys") == 1
