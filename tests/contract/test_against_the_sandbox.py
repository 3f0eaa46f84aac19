"""Adapters walked against the sandbox's vendors, a second reading of the same pages, without a network."""

import json
from time import monotonic
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Order
from domain.outcomes import Reason
from domain.requests import Kind, Subject
from sandbox import exchange as sandbox
from sandbox.accounts import Accounts
from sandbox.contract import Vendor
from sandbox.exchange import RefusedError
from sandbox.faults import FaultPlan
from sandbox.people import read_person
from sandbox.vendors.akinon import Akinon
from tests.contract.samples import adapter_of
from tests.contract.walking import converse, in_words

ACCOUNTS = Accounts()
FLAGS = ("email_allowed", "sms_allowed", "whatsapp_allowed", "call_allowed")


class Counter:
    """One vendor of the sandbox, over no network; notes which rules of its page were broken."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.broken: list[str] = []
        self.requests: list[str] = []

    def __call__(self, _call: object, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        call = sandbox.Call(
            request.method,
            request.url.raw_path.decode(),
            "",
            request.headers,
            request.content,
            monotonic(),
            FaultPlan(),
        )
        try:
            answer = self.vendor.answer(call)
        except RefusedError as refused:
            answer = refused.answer
            self.broken += [refused.rule] if refused.rule else []
        self.broken += call.broken_rules
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    def facts(self) -> dict[str, Any]:
        (facts,) = self.vendor.facts(monotonic())
        return facts


def shopper(**block: Any) -> Subject:
    return {"email": "a@example.org", "vendors": {"akinon": {"session_id": "s-1", **block}}}


def shop(*marks: str) -> Counter:
    akinon = Akinon(ACCOUNTS)
    akinon.admit(read_person({**shopper(csrf_token="c-1"), "marks": list(marks)}))
    return Counter(akinon)


@given(
    kind=st.sampled_from([Kind.ERASURE, Kind.OPT_OUT]),
    telling=st.sampled_from(["profile", "nocookie", "tokencookie"]),
    others=st.sets(st.sampled_from(["older", "stalecsrf"])),
    with_token=st.booleans(),
    loyalty=st.booleans(),
)
def test_a_withdrawal_reaches_a_profile_of_any_sort(
    kind: Kind, telling: str, others: set[str], *, with_token: bool, loyalty: bool
) -> None:
    stale = "stalecsrf" in others
    vendor = shop(*others, *([] if telling == "profile" else [telling]))
    person = shopper(**({"csrf_token": "c-1"} if with_token else {}))
    adapter = adapter_of("akinon", loyalty=loyalty)
    answers, _ = converse(adapter, Order(kind), [person], vendor)
    assert in_words(answers[0]) == "seen"
    held = vendor.facts()
    assert not any(held["flags"].values())
    assert any(held["fields"].values()) is (kind is not Kind.ERASURE)
    assert held["codes_sent"] == 0
    assert not vendor.broken
    assert sum(request.startswith("PATCH") for request in vendor.requests) == 1 + (stale and with_token)
    assert ("GET /csrf_token/" in vendor.requests) is (telling != "profile" and (stale or not with_token))


@pytest.mark.parametrize("with_token", [True, False])
def test_where_no_token_is_told_one_must_come_with_the_session(with_token: bool) -> None:
    vendor = shop("notoken")
    person = shopper(**({"csrf_token": "c-1"} if with_token else {}))
    answers, _ = converse(adapter_of("akinon"), Order(Kind.OPT_OUT), [person], vendor)
    assert in_words(answers[0]) == ("seen" if with_token else "action/session_refused")
    assert not vendor.broken


def test_a_shop_that_requires_a_field_gets_the_permissions_and_is_not_said_to_be_done() -> None:
    vendor = shop("required")
    answers, _ = converse(adapter_of("akinon"), Order(Kind.ERASURE), [shopper(csrf_token="c-1")], vendor)
    assert in_words(answers[0]) == "user/rejected"
    held = vendor.facts()
    assert not any(held["flags"].values())
    assert all(held["fields"].values())
    answers, _ = converse(adapter_of("akinon", clear=[]), Order(Kind.ERASURE), [shopper(csrf_token="c-1")], vendor)
    assert in_words(answers[0]) == "seen"


ROUND = st.fixed_dictionaries({"code": st.sampled_from([None, "000000", "123456"]), "interrupted": st.booleans()})


@given(rounds=st.lists(ROUND, min_size=1, max_size=5), kind=st.sampled_from(list(Kind)))
def test_however_often_it_is_tried_nobody_gets_a_second_code(rounds: list[dict[str, Any]], kind: Kind) -> None:
    vendor = shop("loyalty")
    waited_for: set[Reason] = set()
    for each in rounds:
        person = shopper(csrf_token="c-1", **({"code": each["code"]} if each["code"] else {}))
        (said,), _ = converse(
            adapter_of("akinon", loyalty=True),
            Order(kind),
            [person],
            vendor,
            interrupted=each["interrupted"],
            waited_for=frozenset(waited_for),
        )
        assert vendor.facts()["codes_sent"] <= 1
        if each["code"] == "123456":
            assert in_words(said) == "seen"
        assert said.reason is None or said.verdict == "action"
        waited_for |= {cast(Reason, said.reason)} if said.reason else set()
    assert "second_code" not in vendor.broken


def test_a_write_asks_for_nothing_but_what_is_to_change() -> None:
    vendor = shop()
    _, turns = converse(adapter_of("akinon"), Order(Kind.OPT_OUT), [shopper(csrf_token="c-1")], vendor)
    assert json.loads(turns[-1].request.content) == dict.fromkeys(FLAGS, False)
