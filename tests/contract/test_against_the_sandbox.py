"""Adapters walked against the sandbox's vendors, a second reading of the same pages, without a network."""

import json
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.conformance import answer
from adapters.conformance.walking import converse, in_words, understand
from adapters.contract import Adapter, Call, Order, Person, ReadsBack, Verdict
from domain.chunking import halve
from domain.outcomes import Reason
from domain.requests import Kind, Subject
from sandbox import exchange as sandbox
from sandbox.contract import Vendor
from sandbox.exchange import RefusedError
from sandbox.faults import FaultPlan
from sandbox.people import read_person
from sandbox.vendors.akinon import Akinon, AkinonAccount
from sandbox.vendors.dfinery import CUSTOM, PERSONAL, Dfinery, DfineryAccount
from sandbox.vendors.dfinery import FLAGS as NINE
from tests.contract.samples import adapter_of

Ended = dict[int, str]
FLAGS = ("email_allowed", "sms_allowed", "whatsapp_allowed", "call_allowed")


class Counter:
    """One vendor of the sandbox, over no network; notes which rules of its page were broken."""

    def __init__(self, vendor: Vendor, plan: FaultPlan | None = None) -> None:
        self.vendor = vendor
        self.plan = plan or FaultPlan()
        self.broken: list[str] = []
        self.requests: list[str] = []

    def __call__(self, _call: object, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().removeprefix("/api/v1")
        self.requests.append(f"{request.method} {path}")
        call = sandbox.Call(
            request.method,
            path,
            "",
            request.headers,
            request.content,
            monotonic(),
            self.plan,
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
    akinon = Akinon(AkinonAccount())
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


def held_by_dfinery(ci_delete_by: str = "user_ids") -> Counter:
    dfinery = Dfinery(DfineryAccount())
    dfinery.admit(read_person({"user_id": "u-1"}))
    return Counter(dfinery, FaultPlan(ci_delete_by=ci_delete_by))


VALUES = {
    **dict.fromkeys(PERSONAL, st.text(min_size=1, max_size=20)),
    "nickname": st.text(max_size=20),
    "points": st.integers(),
    "vip": st.booleans(),
}


@given(
    overwrite=st.fixed_dictionaries({}, optional=VALUES),
    as_option=st.booleans(),
    ci_delete_by=st.sampled_from(["user_ids", "user_id"]),
)
def test_an_erasure_at_dfinery_reaches_what_the_controller_names_and_that_alone(
    overwrite: dict[str, str | int | bool], ci_delete_by: str, *, as_option: bool
) -> None:
    vendor = held_by_dfinery(ci_delete_by)
    adapter = adapter_of(
        "dfinery", api_token=DfineryAccount().api_token, **({} if as_option else {"overwrite": overwrite})
    )
    options = adapter.options_model.model_validate({"overwrite": overwrite} if as_option else {})
    order = Order(Kind.ERASURE, options)
    assert isinstance(adapter, ReadsBack)
    before, _ = converse(adapter, order, [{"user_id": "u-1"}], vendor, begin=adapter.reading(order))
    done, _ = converse(adapter, order, [{"user_id": "u-1"}], vendor)
    after, _ = converse(adapter, order, [{"user_id": "u-1"}], vendor, begin=adapter.reading(order))
    assert [in_words(each[0]) for each in (before, done, after)] == ["user/not_in_effect", "applied", "applied"]
    held = vendor.facts()
    assert held["flags"] == dict.fromkeys(NINE, "Unsubscribed")
    assert held["properties"] == {**PERSONAL, **CUSTOM, **overwrite}
    assert not held["ci"]
    assert not vendor.broken


def test_an_erasure_at_dfinery_overwrites_who_the_person_is_by_default() -> None:
    vendor = held_by_dfinery()
    adapter = adapter_of("dfinery", api_token=DfineryAccount().api_token)
    converse(adapter, Order(Kind.OPT_OUT), [{"user_id": "u-1"}], vendor)
    assert vendor.facts()["properties"] == {**PERSONAL, **CUSTOM}
    converse(adapter, Order(Kind.ERASURE), [{"user_id": "u-1"}], vendor)
    held = vendor.facts()["properties"]
    assert not held.items() & PERSONAL.items()
    assert vendor.facts()["known"] == []


@pytest.mark.parametrize("overwrite", [{"points": "none"}, {"age": 0}, {"nickname": 7, "user_name": "x"}])
def test_a_value_of_the_wrong_type_keeps_no_flag_and_is_not_hidden(overwrite: dict[str, object]) -> None:
    vendor = held_by_dfinery()
    adapter = adapter_of("dfinery", api_token=DfineryAccount().api_token, overwrite=overwrite)
    answers, _ = converse(adapter, Order(Kind.ERASURE), [{"user_id": "u-1"}], vendor)
    assert in_words(answers[0]) == "user/rejected"
    held = vendor.facts()
    assert held["flags"] == dict.fromkeys(NINE, "Unsubscribed")
    assert not held["ci"]


def taken(
    adapter: Adapter, order: Order, step: str, people: list[Person], vendor: Callable[..., httpx.Response]
) -> Ended:
    """Who ended how, bisecting as the engine does: a half keeps its step and what it carries."""
    call = Call(order, step)
    answers = understand(adapter, call, people, vendor(call, adapter.build(call, people)))
    ended: Ended = {}
    if answers[0].verdict is Verdict.SPLIT:
        if len(people) == 1:
            return {people[0].line: "refused"}
        for half in halve(people):
            ended |= taken(adapter, order, step, list(half), vendor)
        return ended
    onward = [
        (answer.step, person._replace(carry=answer.carry)) for person, answer in zip(people, answers, strict=True)
    ]
    if answers[0].verdict is not Verdict.PROCEED:
        return {person.line: in_words(answer) for person, answer in zip(people, answers, strict=True)}
    for next_step in dict.fromkeys(step for step, _ in onward):
        group = [person for its_step, person in onward if its_step == next_step]
        ended |= taken(adapter, order, next_step, group, vendor)
    return ended


@given(
    count=st.integers(1, 20),
    bad=st.sets(st.integers(1, 20), max_size=4),
    by=st.sampled_from(["user_ids", "user_id"]),
    message=st.sampled_from(["Too many user ids in request.", "Invalid request format.", "message"]),
)
def test_a_4002_of_one_record_is_its_own_whichever_form_the_vendor_takes(
    count: int, bad: set[int], by: str, message: str
) -> None:
    refusal = answer(400, {"result_code": 4002, "result_msg": message, "result_data": None})

    def vendor(call: Call, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        users = [row["user_id"] for row in body["user_properties"]] if call.step == "flags" else body.get(by)
        if users is None or (call.step == "ci" and {f"u-{line}" for line in bad} & set(users)):
            return refusal
        data = {"successful_user_ids": users, "failure_details": None}
        return answer(200, {"result_code": 2000, "result_msg": None, "result_data": data})

    people = [Person(line, {"user_id": f"u-{line}"}, f"u-{line}") for line in range(1, count + 1)]
    ended = taken(adapter_of("dfinery"), Order(Kind.ERASURE), "flags", people, vendor)
    assert ended == {line: "refused" if line in bad else "applied" for line in range(1, count + 1)}
