"""B2CORE's adapter, its exchange and its tokens against the vendor of the sandbox, on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import fakeredis
import pytest
from aiohttp.test_utils import TestServer

from adapters.b2core.settings import B2coreSettings
from adapters.conformance.walking import in_words
from adapters.contract import Addressed, Order, Person, Verdict
from adapters.credentials import Credentials
from adapters.exchange import Exchange
from adapters.transport import Transport
from adapters.vendors.b2core import B2core
from domain.requests import SUBJECT, Kind, Subject
from ledger.sealing import MasterKeys, generate_master_key
from sandbox.app import build_app
from sandbox.people import read_person
from sandbox.state import Sandbox
from sandbox.vendors.b2core import B2CoreAccount
from tasks.converse import Conversation
from tests.stubs import StubPermits

ACCOUNT = B2CoreAccount()


class NoSlots(AbstractAsyncContextManager[None]):
    """Room for everything."""

    async def __aexit__(self, *_: object) -> None:
        return None


class Vendor:
    """The sandbox's B2CORE, and what our side says to it."""

    def __init__(self, sandbox: Sandbox, base_url: str, **settings: Any) -> None:
        self.sandbox = sandbox
        secrets = {"client_id": ACCOUNT.client_id, "client_secret": ACCOUNT.client_secret}
        self.adapter = B2core(B2coreSettings.model_validate({"base_url": base_url, **secrets, **settings}))
        credentials = Credentials(fakeredis.FakeAsyncRedis(), MasterKeys.parse(generate_master_key()))
        self.transport = Transport(5.0)
        self.exchange = Exchange(self.adapter, self.transport, credentials, StubPermits())

    def admit(self, *records: dict[str, Any]) -> None:
        self.sandbox.admit([read_person(record) for record in records])

    def facts(self) -> list[dict[str, Any]]:
        return list(self.sandbox.vendors["b2core"].facts(asyncio.get_running_loop().time()))

    async def lead(self, order: Order, people: list[tuple[Person, str]]) -> dict[int, Any]:
        found: dict[int, Any] = {}

        def report(answered: Any) -> None:
            found.update({person.line: answered.answer for person in answered.people})

        await Conversation(self.exchange, order, NoSlots(), lambda: False, report).lead(people)
        return found

    def addressed(self, order: Order, subjects: list[Subject]) -> list[tuple[Person, str]]:
        named = []
        for line, subject in enumerate(subjects, start=1):
            addressed = self.adapter.address(order, subject)
            assert isinstance(addressed, Addressed)
            named.append((Person(line, subject, addressed.key), addressed.step))
        return named


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    sandbox = Sandbox()
    async with TestServer(build_app(sandbox)) as server:
        made = Vendor(sandbox, f"http://127.0.0.1:{server.port}/b2core")
        yield made
        await made.transport.aclose()


ERASE = Order(Kind.ERASURE)


@pytest.mark.parametrize("page", [1, 2, 25, 1_000])
async def test_an_erasure_leaves_no_contact(vendor: Vendor, page: int) -> None:
    vendor.sandbox.set_faults({"b2core": {"contacts_page": page}})
    people = [{"user_id": f"{mark}-{n}"} for mark in ("manycontacts", "latecontact", "plain") for n in range(2)]
    vendor.admit(*people)
    answers = await vendor.lead(ERASE, vendor.addressed(ERASE, [SUBJECT.validate_python(one) for one in people]))
    assert {in_words(answer) for answer in answers.values()} == {"applied"}
    assert [(fact["exists"], fact["contacts"]) for fact in vendor.facts()] == [(False, [])] * len(people)


async def test_no_call_is_made_with_a_token_that_has_ended(vendor: Vendor) -> None:
    vendor.sandbox.set_faults({"b2core": {"token_life_s": 1.0, "contacts_page": 1, "latency_s": 0.01}})
    people = [{"user_id": f"manycontacts-{n}"} for n in range(2)]
    vendor.admit(*people)
    answers = await vendor.lead(ERASE, vendor.addressed(ERASE, [SUBJECT.validate_python(one) for one in people]))
    assert {in_words(answer) for answer in answers.values()} == {"applied"}
    condition = vendor.sandbox.vendors["b2core"].condition()
    assert condition["calls_with_an_expired_token"] == 0
    assert 2 <= condition["tokens_issued"] <= 12


async def test_a_deletion_taken_for_later_is_asked_for_once(vendor: Vendor) -> None:
    vendor.sandbox.set_faults({"b2core": {"pending_s": 0.6}})
    vendor.admit({"user_id": "pending-1"})
    named = vendor.addressed(ERASE, [{"user_id": "pending-1"}])
    answers = await vendor.lead(ERASE, named)
    assert in_words(answers[1]) == "waiting/pending_at_vendor"
    for _ in range(20):
        if answers[1].verdict is not Verdict.WAITING:
            break
        await asyncio.sleep(0.1)
        person = named[0][0]._replace(carry=answers[1].carry, tried=True)
        answers = await vendor.lead(ERASE, [(person, answers[1].step)])
    assert in_words(answers[1]) == "applied"
    (fact,) = vendor.facts()
    assert (fact["exists"], fact["deletions"]) == (False, 1)


async def test_a_vendor_that_ignores_its_filter_loses_nobody(vendor: Vendor) -> None:
    vendor.admit(*({"user_id": f"u-{n}"} for n in range(3)))
    vendor.sandbox.set_faults({"b2core": {"ignored_filter": 1.0}})
    answers = await vendor.lead(ERASE, vendor.addressed(ERASE, [{"user_id": "u-1"}]))
    assert in_words(answers[1]) == "vendor/misconfigured"
    assert all(fact["exists"] and len(fact["contacts"]) == 2 for fact in vendor.facts())
