"""A worker and beat as separate processes: no fault of Redis ends them, begun deeds are finished, and keys are replaced
beside their work."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from domain.requests import Kind, Subject
from ledger.delivery.vendors import announce
from ledger.desk import selected
from ledger.desk.reports import deliveries_of
from ledger.keys import fingerprinter
from ledger.master_keys import wrapped_by_each
from ledger.people.involved import requests_of
from ledger.people.prints import Prints
from ledger.requests.key_needs import keys_of
from ledger.sealing import MasterKeys, generate_master_key
from local.compare import disagreements
from local.sandbox import Sandbox
from tasks import fingerprint_keys, rotate, selections
from tasks.selections import Criteria, Deed, Order
from tasks.submission import Submission
from tasks.submit import submit
from tests.forked import forked_sandbox
from tests.ledger.conftest import people
from tests.redis_servers import Server, redis_server
from tests.worker_host import Host

REQUESTS = 25
CANCELLED = "SELECT count(*) FROM requests WHERE status = 'cancelled'"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with redis_server(tmp_path) as running:
        yield running


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[Sandbox]:
    """Vendors without faults."""
    with forked_sandbox(tmp_path, faults="none", seed=1) as vendors:
        yield vendors


@pytest.fixture
def host(tmp_path: Path, engine: Engine, postgres_url: str, server: Server, calm: Sandbox) -> Iterator[Host]:
    keys = generate_master_key()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENT_")}
    environment = {
        **clean,
        **{name: value for name, value in calm.environment.items() if "DFINERY" in name},
        "CONSENT_DATA_DIR": str(tmp_path / "data"),
        "CONSENT_DATABASE_URL": postgres_url,
        "CONSENT_REDIS_URL": server.url,
        "CONSENT_MASTER_KEYS": keys,
    }
    host = Host(engine, MasterKeys.parse(keys), tmp_path, environment)
    try:
        yield host
    finally:
        host.stop()


@contextmanager
def befallen(begin: Callable[[], object], end: Callable[[], object]) -> Iterator[None]:
    begin()
    try:
        yield
    finally:
        end()


@pytest.mark.timeout(280)
def test_a_full_redis_holds_nobody_up_and_a_role_change_ends_nobody(host: Host, server: Server) -> None:
    client = server.client()
    with host.engine.begin() as connection:
        announce(connection, {"dfinery": 10})
    host.start()
    host.await_delivery(host.submit())
    with befallen(lambda: client.config_set("maxmemory", 1), lambda: client.config_set("maxmemory", 0)):
        host.await_log("memory is full")  # a turn that was taken before would serve the next request unawares
        host.await_delivery(host.submit())
    host.await_log("Redis has room again")
    with befallen(lambda: client.replicaof("127.0.0.1", "1"), lambda: client.replicaof("NO", "ONE")):
        host.await_log("cannot look for due work: Redis cannot be used")
        waits = host.submit()
    host.await_delivery(waits)
    host.await_log("due work is looked for again")
    told = [line for line in host.logs().splitlines() if "worker.turns" in line or "worker.clock" in line]
    assert len([line for line in told if "memory is full" in line]) == 1, told
    assert len([line for line in told if "cannot look for due work" in line]) == 1, told
    assert len([line for line in told if "looked for again" in line]) == 1, told


@pytest.mark.timeout(280)
def test_a_worker_ends_a_deed_that_was_left_by_who_began_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """`retry`, `cancel` and their like over a selection, killed half-way."""
    monkeypatch.setattr(selected, "MOST_REQUESTS", 10)
    with host.engine.begin() as connection:
        announce(connection, {"dfinery": 10})
    for _ in range(REQUESTS):
        host.submit()
    with host.engine.begin() as connection:
        connection.execute(text("UPDATE requests SET status = 'unconfirmed'"))  # so that no worker sends any
    deed = selections.begin(host.engine, Order(Deed.CANCEL, Criteria()), "cli:ann")
    selections.step(host.engine, deed.public_id, lambda _: None)  # and then it is killed
    with host.engine.connect() as connection:
        assert connection.execute(text(CANCELLED)).scalar_one() == 10
    host.start()
    host.await_true("SELECT ended_at IS NOT NULL FROM deeds WHERE public_id = :id", id=deed.public_id)
    with host.engine.connect() as connection:
        assert connection.execute(text(CANCELLED)).scalar_one() == REQUESTS


DONE = "SELECT COALESCE(sum(deliveries), 0) FROM tallies JOIN requests ON id = request_id WHERE public_id = :id"


@pytest.mark.timeout(280)
def test_master_and_fingerprint_key_are_replaced_at_once_under_a_campaign(host: Host, calm: Sandbox) -> None:
    old, new = host.environment["CONSENT_MASTER_KEYS"], generate_master_key()
    both, alone = MasterKeys.parse(f"{new},{old}"), MasterKeys.parse(new)
    everybody = people(320)
    calm.seed(everybody)
    pace = "CONSENT_DFINERY__REQUESTS_PER_MINUTE"
    host.environment[pace] = "60"  # the campaign outlasts the rotations, also where a start takes long
    with host.engine.begin() as connection:
        announce(connection, {"dfinery": 5})

    def submitted(some: list[Subject], masters: MasterKeys) -> UUID:
        order = Submission(Kind.ERASURE, ("dfinery",))
        return submit(order, some, engine=host.engine, masters=masters, wake=lambda _: None).recorded.public_id

    def done() -> int:
        with host.engine.connect() as connection:
            return int(connection.execute(text(DONE), {"id": campaign}).scalar_one())

    def rewrap() -> None:
        while not rotate.rotate(host.engine, both, "cli:ann", lambda _: None).settled:
            pass

    campaign = submitted(everybody[:300], MasterKeys.parse(old))
    host.start()
    host.await_that(done)
    host.restart(f"{new},{old}")
    before = done()
    host.await_that(lambda: done() > before)
    assert done() < 300
    with ThreadPoolExecutor() as at_once:
        rewrapped = at_once.submit(rewrap)
        reprinted = at_once.submit(fingerprint_keys.rotate, host.engine, both, "cli:ann", lambda _: None)
        requests = {campaign: everybody[:300]} | {submitted([one], both): [one] for one in everybody[300:]}
    rewrapped.result()
    assert reprinted.result().unreadable == 0
    host.environment[pace] = "300"
    host.restart(new)
    for request in requests:
        host.await_delivery(request)

    held = calm.facts()
    for request, them in requests.items():
        with host.engine.connect() as connection:
            rows = list(deliveries_of(connection, request))
        assert len(rows) == len(them)
        assert disagreements(Kind.ERASURE, rows, [str(one["user_id"]) for one in them], held) == []
    with host.engine.begin() as connection:
        prints = Prints(fingerprinter(connection, alone))
        for request, them in requests.items():
            for one in them[::10]:
                found = requests_of(connection, prints.identifiers(one))
                assert [where.request_id for where in found] == [request]
        assert {one.id for one in wrapped_by_each(connection) if one.is_needed} == set(alone.ids)

    def only_one_key() -> bool:
        fingerprint_keys.go_on(host.engine, alone)
        with host.engine.connect() as connection:
            return [one.number for one in keys_of(connection)] == [2]

    host.await_that(only_one_key)
