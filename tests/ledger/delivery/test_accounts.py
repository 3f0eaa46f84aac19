"""Several accounts of one vendor: each has deliveries, a hold, a queue and sessions of its own."""

from collections.abc import Sequence
from typing import Any

import fakeredis
import pytest

from adapters.contract import Answer, Call, Order, Person, Rate, Verdict
from adapters.insider.settings import InsiderSettings
from adapters.registry import create
from domain.outcomes import Reason
from domain.requests import Kind, Subject
from ledger.delivery.vendors import describe
from tasks.queues import DISPATCH, WakeUp, queue_of
from tasks.reach import reach_of
from tasks.subjects import SubjectError, check_subject
from tasks.submission import SubmitError
from tasks.toolbox import Toolbox
from tests.ledger.conftest import APPLIED, Desk, everybody, people
from tests.made_up.tokens import TokenServer, TokenVendor
from tests.made_up.vendor import any_credentials, exchange_with
from tests.stubs import StubAdapter, StubExchange, person
from worker.throttle import Lanes

FORBIDDEN = Answer(Verdict.VENDOR, Reason.BAD_CREDENTIALS)
ACCOUNTS = ("insider@brand", "insider@outlet")


@pytest.fixture
def accounts(desk: Desk) -> Desk:
    """A desk with two accounts at Insider, beside another vendor."""
    desk.switch_off("insider")
    desk.announce(**dict.fromkeys(ACCOUNTS, 10), dfinery=10)
    return desk


def tools(desk: Desk, keeps_sessions: bool = False, **answers: Any) -> Toolbox:
    names = {name: answers.get(name.partition("@")[2] or name, APPLIED) for name in (*ACCOUNTS, "dfinery")}
    return desk.tools(
        {
            name: StubExchange(everybody(answer), StubAdapter(name=name, keeps_sessions=keeps_sessions))
            for name, answer in names.items()
        }
    )


def sent_to(desk: Desk) -> list[str]:
    return sorted({vendor for vendor, _ in desk.outcomes()})


@pytest.mark.parametrize(
    ("named", "reached"),
    [
        ((), ["dfinery", *ACCOUNTS]),
        (("insider",), [*ACCOUNTS]),
        (("insider@outlet",), ["insider@outlet"]),
        (("insider@outlet", "insider"), [*ACCOUNTS]),
        (("insider@brand", "dfinery"), ["dfinery", "insider@brand"]),
    ],
)
def test_a_request_names_accounts_or_goes_to_all(accounts: Desk, named: tuple[str, ...], reached: list[str]) -> None:
    accounts.submit(people(2), vendors=named)
    accounts.work_off(tools(accounts))
    assert sent_to(accounts) == reached


def test_the_account_without_a_name_is_one_of_them(accounts: Desk) -> None:
    accounts.execute("UPDATE vendors SET enabled = true, off_by = NULL WHERE name = 'insider'")
    accounts.submit(people(1), vendors=("insider",))
    assert accounts.rows("SELECT name FROM chunks JOIN vendors ON vendors.id = vendor_id ORDER BY name") == [
        ("insider",),
        ("insider@brand",),
        ("insider@outlet",),
    ]


def test_an_account_that_is_not_there_is_refused(accounts: Desk) -> None:
    for given in ({"vendors": ("insider@nobody",)}, {"options": {"insider@nobody": {}}}):
        with pytest.raises(SubmitError, match=r"known are .*insider@brand"):
            accounts.submit(people(1), **given)


@pytest.mark.parametrize("name", ["insider@brnad", "insider@BRAND", "dfinery@brand"])
def test_a_person_given_for_an_account_that_is_not_there_is_refused(accounts: Desk, name: str) -> None:
    def person_for(name: str) -> Subject:
        return {"user_id": "u", "vendors": {name: {"uuid": "u"}}}

    for block in (*ACCOUNTS, "insider", "dfinery", "akinon"):  # whether asked or not
        accounts.submit([person_for(block)])
    before = accounts.one("SELECT count(*) FROM requests")
    for those in ([*people(1), person_for(name)], iter([*people(1), person_for(name)])):
        with pytest.raises(SubmitError, match=r"^person 2: vendors\..* is for an account that is not known here"):
            accounts.submit(those)
    assert accounts.one("SELECT count(*) FROM requests") == before


def test_one_account_is_held_and_the_other_goes_on(accounts: Desk) -> None:
    accounts.submit(people(3), vendors=("insider",))
    accounts.work_off(tools(accounts, brand=FORBIDDEN), runs=6)
    assert sent_to(accounts) == ["insider@outlet"]
    held = "SELECT name FROM vendors WHERE held_at IS NOT NULL"
    assert accounts.rows(held) == [("insider@brand",)]


def test_what_is_given_for_one_account_is_not_told_to_the_other(accounts: Desk) -> None:
    seen: dict[str, list[Subject]] = {}

    def noting(name: str) -> Any:
        def answering(_call: Call, batch: Sequence[Person]) -> list[Answer]:
            seen.setdefault(name, []).extend(one.subject for one in batch)
            return [APPLIED] * len(batch)

        return answering

    subject = check_subject(
        {"user_id": "u", "vendors": {"akinon@tr": {"session_id": "of-tr"}, "akinon": {"session_id": "of-others"}}}
    )
    names = ("akinon@tr", "akinon@eu")
    accounts.announce(**dict.fromkeys(names, 10))
    accounts.submit([subject], vendors=("akinon",))
    assert accounts.one("SELECT count(*) FROM sessions") == 2
    both = {name: StubExchange(noting(name), StubAdapter(name=name, keeps_sessions=True)) for name in names}
    accounts.work_off(accounts.tools(both))
    blocks = {name: one.get("vendors") for name, (one,) in seen.items()}
    assert blocks == {
        "akinon@tr": {"akinon@tr": {"session_id": "of-tr"}},
        "akinon@eu": {"akinon@eu": {"session_id": "of-others"}},
    }
    assert accounts.one("SELECT count(*) FROM sessions") == 0


def test_options_are_for_all_accounts_or_for_one(accounts: Desk) -> None:
    seen: dict[str, Any] = {}

    def noting(name: str) -> Any:
        def answering(call: Call, batch: Sequence[Person]) -> list[Answer]:
            seen[name] = call.order.options.whole
            return [APPLIED] * len(batch)

        return answering

    accounts.submit(
        people(1), vendors=("insider",), options={"insider": {"whole": ["age"]}, "insider@brand": {"whole": ["city"]}}
    )
    both = {name: StubExchange(noting(name), StubAdapter(name=name)) for name in ACCOUNTS}
    accounts.work_off(accounts.tools(both))
    assert seen == {"insider@brand": ("city",), "insider@outlet": ("age",)}


# What an account knows of a person, and who may say so


def insider(name: str) -> Any:
    return create(name, InsiderSettings(partner_name="x", request_token="t", look_first_up_to=0))


def test_an_adapter_finds_people_by_its_own_block_first() -> None:
    subject = check_subject({"vendors": {"insider@brand": {"insider_id": "b-1"}, "insider": {"insider_id": "all-1"}}})
    call = Call(Order(Kind.OPT_OUT), "consent")
    found = {name: insider(name).address(call.order, subject).key for name in (*ACCOUNTS, "insider")}
    assert found == {
        "insider@brand": ("insider_id", "b-1"),
        "insider@outlet": ("insider_id", "all-1"),
        "insider": ("insider_id", "all-1"),
    }


def test_who_is_found_by_one_account_alone_is_unreachable_at_the_others(accounts: Desk) -> None:
    with accounts.engine.begin() as connection:
        describe(connection, {name: reach_of(insider(name)) for name in ACCOUNTS})
    told: dict[str, int] = {}
    subject = check_subject({"vendors": {"insider@brand": {"insider_id": "b-1"}}})
    accounts.submit(iter([subject]), vendors=("insider",), warn=lambda unreachable, _people: told.update(unreachable))
    assert told == {"insider@outlet": 1}


@pytest.mark.parametrize("name", ["insider@", "insider@A", "jane@x.org", "insider@x.org", "nobody@brand"])
def test_a_block_of_something_else_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(SubjectError) as refused:
        check_subject({"user_id": "u", "vendors": {name: {"insider_id": "x"}}})
    assert name not in str(refused.value.faults)


def test_a_fault_in_an_accounts_block_names_its_place() -> None:
    with pytest.raises(SubjectError) as refused:
        check_subject({"user_id": "u", "vendors": {"insider@brand": {"surprise": "x"}}})
    assert [fault.field for fault in refused.value.faults] == ["vendors.insider@brand.surprise"]


# What is an account's own in Redis


def test_every_account_has_queues_of_its_own() -> None:
    assert queue_of("insider@brand") == "consent.vendor.insider@brand"
    assert WakeUp(DISPATCH, "insider@brand").queue == "consent.dispatch.insider@brand"


async def test_every_account_has_a_limit_of_its_own() -> None:
    redis = fakeredis.FakeAsyncRedis()
    for name in ACCOUNTS:
        await Lanes.open(redis, name, {"": 600.0, "look": 60.0}).take(Rate("look"))
    assert sorted(await redis.keys("consent:throttle:*")) == [
        b"consent:throttle:insider@brand:look",
        b"consent:throttle:insider@outlet:look",
    ]


async def test_every_account_has_a_token_of_its_own() -> None:
    redis, call = fakeredis.FakeServer(), Call(Order(Kind.ERASURE), "first")
    for name in ACCOUNTS:
        server = TokenServer()
        exchange = exchange_with(TokenVendor(name=name), server, credentials=any_credentials(redis))
        assert [answer.verdict for answer in await exchange.ask(call, [person(1)])] == [Verdict.APPLIED]
        assert server.logins == 1
