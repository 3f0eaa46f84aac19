"""However B2CORE pages its lists of contacts, a finished erasure has left none of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import parse_qs, unquote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.b2core.profile import MOST_CONTACTS, read_profile
from adapters.conformance import answer
from adapters.conformance.walking import converse, in_words
from adapters.contract import Call, Order, Person, Verdict
from domain.requests import Kind
from tests.contract.samples import adapter_of
from tests.examples import examples

ORDER = Order(Kind.ERASURE)
MARY = {"vendors": {"b2core": {"profile_id": "p-1"}}}
ORDERS: dict[str, Callable[[list[str]], list[str]]] = {
    "oldest first": list,
    "newest first": lambda rows: rows[::-1],
    "odd ones first": lambda rows: rows[1::2] + rows[::2],
}


@dataclass
class Pages:
    """A vendor with one client, whose contacts come in pages."""

    contacts: list[str]
    page: int = 25
    order: Callable[[list[str]], list[str]] = list
    knows_offset: bool = True
    knows_limit: bool = True
    added: dict[int, int] = field(default_factory=dict)  # so many more contacts at the n-th request
    lags: int = 0  # a list still shows what was deleted during so many requests
    calls: list[str] = field(default_factory=list)
    exists: bool = True
    left: list[str] | None = None  # contacts there were when the profile was deleted
    _gone: dict[str, int] = field(default_factory=dict)
    _names: count = field(default_factory=count)

    def __call__(self, call: Call, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.raw_path.decode().partition('?')[0]}")
        self.contacts += [f"late-{next(self._names)}" for _ in range(self.added.get(len(self.calls), 0))]
        path = [unquote(part) for part in request.url.raw_path.decode().partition("?")[0].split("/")[3:]]
        match request.method, path:
            case "GET", ["p-1", "contacts"]:
                return answer(200, [{"contactId": one} for one in self._cut(request)])
            case "DELETE", ["p-1", "contacts", contact] if contact in self.contacts:
                self.contacts.remove(contact)
                self._gone[contact] = len(self.calls)
                return answer(200)
            case "DELETE", ["p-1"] if self.exists:
                self.exists, self.left = False, list(self.contacts)
                return answer(204)
        return answer(404)

    def _cut(self, request: httpx.Request) -> list[str]:
        query = parse_qs(request.url.query.decode())
        still = [one for one, when in self._gone.items() if len(self.calls) - when <= self.lags]
        rows = self.order(self.contacts + still)
        offset = int(query.get("offset", ["0"])[0]) if self.knows_offset else 0
        limit = int(query.get("limit", [str(self.page)])[0]) if self.knows_limit else self.page
        return rows[offset : offset + min(limit, self.page)]


def test_the_contacts_of_a_second_page_are_deleted_before_the_profile() -> None:
    vendor = Pages([f"c-{n}" for n in range(60)])
    (said,), _ = converse(adapter_of("b2core"), ORDER, [MARY], vendor)
    assert said.verdict is Verdict.APPLIED
    assert (vendor.exists, vendor.left) == (False, [])
    assert vendor.calls[-2:] == ["GET /v1/profiles/p-1/contacts", "DELETE /v1/profiles/p-1"]


@settings(deadline=None, max_examples=examples(100))
@given(
    held=st.integers(0, 60),
    page=st.sampled_from([1, 2, 3, 7, 10, 25, 100, 1_000]),
    order=st.sampled_from(sorted(ORDERS)),
    knows_offset=st.booleans(),
    knows_limit=st.booleans(),
    added=st.dictionaries(st.integers(1, 60), st.integers(1, 12), max_size=4),
    again=st.booleans(),
)
def test_an_erasure_that_is_done_has_left_no_contact(
    *, held: int, page: int, order: str, knows_offset: bool, knows_limit: bool, added: dict[int, int], again: bool
) -> None:
    contacts = [f"c/{n}" for n in range(held)]
    vendor = Pages(contacts, page, ORDERS[order], knows_offset, knows_limit, added)
    (said,), _ = converse(adapter_of("b2core"), ORDER, [MARY], vendor, tried=again)
    assert said.verdict is Verdict.APPLIED
    assert not vendor.exists
    # Nobody can see what is added between the last empty list and the deletion.
    late = vendor.added.get(len(vendor.calls), 0)
    assert len(vendor.left or ()) <= late
    assert vendor.calls.count("DELETE /v1/profiles/p-1") == 1
    wanted = held + sum(more for when, more in added.items() if when <= len(vendor.calls)) - len(vendor.left or ())
    assert sum(call.startswith("DELETE /v1/profiles/p-1/contacts/") for call in vendor.calls) == wanted


@settings(deadline=None, max_examples=examples(60))
@given(held=st.integers(1, 30), page=st.integers(1, 40), lags=st.integers(1, 5))
def test_a_list_that_lags_behind_never_has_a_contact_deleted_twice(held: int, page: int, lags: int) -> None:
    vendor = Pages([f"c-{n}" for n in range(held)], page, lags=lags)
    adapter = adapter_of("b2core")
    (said,), turns = converse(adapter, ORDER, [MARY], vendor)
    looks = 0
    while said.verdict is Verdict.WAITING:
        looks += 1
        assert looks < 50
        assert not any(call == "DELETE /v1/profiles/p-1" for call in vendor.calls)
        (said,), turns = converse(adapter, ORDER, [MARY], vendor, begin=said.step, carry=said.carry)
    assert in_words(said) == "applied"
    assert turns
    assert (vendor.exists, vendor.left) == (False, [])
    deletions = [call for call in vendor.calls if call.startswith("DELETE")]
    assert len(set(deletions)) == len(deletions)


def test_a_client_with_no_end_of_contacts_is_left_for_later() -> None:
    vendor = Pages(["c"], added=dict.fromkeys(range(1, 5_000), 1))
    (said,), _ = converse(adapter_of("b2core"), ORDER, [MARY], vendor)
    assert in_words(said) == "retry/busy"
    assert vendor.exists
    assert len(vendor.calls) < 3 * MOST_CONTACTS


@pytest.mark.parametrize("looks", [1, 2, 5])
def test_a_deletion_taken_for_later_is_looked_at_and_never_sent_again(looks: int) -> None:
    sent: list[str] = []

    def vendor(call: Call, request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        if call.step == "contacts":
            return answer(200, [])
        if call.step == "profile":
            return answer(202)
        return answer(404) if sent.count("GET") > 1 + looks else answer(200, {"profileId": "p-1", "enabled": True})

    adapter = adapter_of("b2core")
    (said,), turns = converse(adapter, ORDER, [MARY], vendor)
    for _ in range(looks):
        assert in_words(said) == "waiting/pending_at_vendor"
        assert isinstance(said.carry, str)
        assert "p-1" not in repr(said)
        (said,), turns = converse(adapter, ORDER, [MARY], vendor, begin=said.step, carry=said.carry)
        assert [turn.request.method for turn in turns] == ["GET"]
    assert in_words(said) == "applied"
    assert sent.count("DELETE") == 1


@pytest.mark.parametrize("kind", [Kind.OPT_OUT, Kind.OPT_IN])
def test_a_change_taken_for_later_is_looked_at_until_it_shows(kind: Kind) -> None:
    wanted, methods = kind is Kind.OPT_IN, []

    def vendor(call: Call, request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        now = wanted if len(methods) > 2 else not wanted
        return answer(202) if request.method == "PATCH" else answer(200, {"profileId": "p-1", "enabled": now})

    adapter = adapter_of("b2core")
    (said,), _ = converse(adapter, Order(kind), [MARY], vendor)
    assert in_words(said) == "waiting/pending_at_vendor"
    (said,), _ = converse(adapter, Order(kind), [MARY], vendor, begin=said.step, carry=said.carry)
    assert in_words(said) == "waiting/pending_at_vendor"
    (said,), _ = converse(adapter, Order(kind), [MARY], vendor, begin=said.step, carry=said.carry)
    assert in_words(said) == "applied"
    assert methods == ["PATCH", "GET", "GET"]


def test_what_is_kept_of_a_profile_comes_back() -> None:
    person = Person(1, MARY, None)
    vendor = Pages(["c 1", "c/2"], lags=9)
    (said,), _ = converse(adapter_of("b2core"), ORDER, [MARY], vendor)
    kept = read_profile(said.carry)
    assert (kept.profile_id, kept.deleted, kept.met) == ("p-1", ("c 1", "c/2"), True)
    assert "p-1" not in repr((kept, person))
