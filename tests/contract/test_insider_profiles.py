"""Insider's small requests, against the sandbox: who is looked up, what is changed, and that nobody is created."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.conformance import BODIES, answer
from adapters.conformance.walking import Turn, converse, in_words, understand
from adapters.contract import Addressed, Answer, Call, LooksFirst, Order, Person, Rate, ReadsBack
from adapters.insider.keys import Known, Profile, Search
from adapters.rates import buckets_of, cost_of, rate_of, slowest_bucket
from domain.requests import Kind, Subject
from sandbox.exchange import Call as SandboxCall
from sandbox.faults import FaultPlan
from sandbox.people import read_person
from sandbox.state import Sandbox
from tests.contract.samples import adapter_of
from tests.examples import examples
from tests.table_rows import each_row

SETTINGS = {"partner_name": "sandbox", "request_token": "sandbox-insider-request-token"}
WITHDRAWALS = [Kind.ERASURE, Kind.OPT_OUT]
SUBJECT: dict[str, Any] = {"user_id": "u-1", "email": "a@example.org", "phone_number": "+821012345678"}
FLAGS = {"gdpr_optin", "email_optin", "sms_optin", "whatsapp_optin"}


class Insider:
    """The sandbox's Insider, and what it was asked."""

    def __init__(self, *people: Mapping[str, Any], **account: str) -> None:
        self.sandbox = Sandbox({f"SANDBOX_INSIDER_{name.upper()}": value for name, value in account.items()})
        self.sandbox.admit([read_person(person) for person in people])
        self.paths: list[str] = []

    def __call__(self, call: Call, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.paths.append(path.removeprefix("/api/").replace("/v1", ""))
        asked = SandboxCall("POST", path, "", request.headers, request.content, 0.0, FaultPlan())
        told = self.sandbox.gates["insider"].decide(asked, admitted=True).answer
        assert told is not None
        return httpx.Response(told.status, headers=dict(told.headers), content=told.body)

    @property
    def facts(self) -> list[Mapping[str, Any]]:
        return list(self.sandbox.vendors["insider"].facts(0.0))

    @property
    def violations(self) -> dict[str, int]:
        return dict(self.sandbox.gates["insider"].traffic.violations)


def do(
    vendor: Insider, kind: Kind, *subjects: Subject, order: Mapping[str, Any] | None = None, **more: Any
) -> tuple[list[str], list[Turn]]:
    adapter = adapter_of("insider", **SETTINGS, **more)
    asked = Order(kind, **{"people": len(subjects), **(order or {})})
    answers, turns = converse(adapter, asked, subjects, vendor)
    return [in_words(each) for each in answers], turns


def read_back(vendor: Insider, kind: Kind, *subjects: Subject, **more: Any) -> list[str]:
    adapter = adapter_of("insider", **SETTINGS, **more)
    order = Order(kind, people=len(subjects))
    assert isinstance(adapter, ReadsBack)
    return [in_words(each) for each in converse(adapter, order, subjects, vendor, begin=adapter.reading(order))[0]]


def is_done(kind: Kind, fact: Mapping[str, Any]) -> bool:
    on = [flag for flag in FLAGS if fact["attributes"].get(flag)]
    left = set(fact["attributes"]) - FLAGS
    return not fact["may_interact"] and not on and (kind is Kind.OPT_OUT or not left)


# Who is looked up


@each_row("kind", WITHDRAWALS)
@each_row("erasure", ["attributes", "profile", "anonymize"])
def test_nobody_is_made_of_a_person_whom_insider_does_not_know(kind: Kind, erasure: str) -> None:
    vendor = Insider()
    assert do(vendor, kind, SUBJECT, erasure=erasure)[0] == ["absent/looked_up"]
    assert vendor.facts == []
    assert vendor.paths == ["user/profile"] * 3, "each identifier that is known"


@pytest.mark.parametrize("kind", WITHDRAWALS)
def test_both_profiles_of_a_person_are_treated(kind: Kind) -> None:
    vendor = Insider(SUBJECT | {"marks": ["apart"]}, {"user_id": "u-2", "email": "b@example.org"})
    assert do(vendor, kind, SUBJECT)[0] == ["applied/looked_up"]
    done = [is_done(kind, fact) for fact in vendor.facts if fact["user_id"] == "u-1"]
    assert done == [True, True]
    assert not is_done(kind, next(fact for fact in vendor.facts if fact["user_id"] == "u-2"))
    assert read_back(vendor, kind, SUBJECT) == ["applied/looked_up"]
    assert vendor.violations == {}


@pytest.mark.parametrize("kind", WITHDRAWALS)
def test_a_profile_that_several_identifiers_find_is_treated_once(kind: Kind) -> None:
    vendor = Insider(SUBJECT)
    _, turns = do(vendor, kind, SUBJECT)
    writes = [json.loads(turn.request.content)["users"] for turn in turns if turn.call.step != "look"]
    assert [len(users) for users in writes] == [1] * len(writes)
    assert all(users[0]["insider_id"] == "insider-1" for users in writes)


def test_email_and_phone_number_go_with_the_attributes_unless_they_name_the_profile() -> None:
    vendor = Insider(SUBJECT | {"marks": ["apart"]})
    _, turns = do(vendor, Kind.ERASURE, SUBJECT)
    users = json.loads(turns[-1].request.content)["users"]
    assert [{"email", "phone_number"} & set(user["whole"]) for user in users] == [
        {"email", "phone_number"},
        {"phone_number"},
    ]
    large = adapter_of("insider", **SETTINGS)
    for key, gone in [(("uuid", "u"), {"email", "phone_number"}), (("email", "a@x.org"), {"phone_number"}),
                      (("phone_number", "+821012345678"), {"email"})]:  # fmt: skip
        request = large.build(Call(Order(Kind.ERASURE), "attributes"), [Person(1, {}, key)])
        (user,) = json.loads(request.content)["users"]
        assert {"email", "phone_number"} & set(user["whole"]) == gone
        assert "gdpr_optin" not in user["whole"]
        assert {"email_optin", "sms_optin", "whatsapp_optin"} <= set(user["whole"])


@each_row(
    ("kind", "people", "up_to", "may_look", "looks"),
    [
        (Kind.ERASURE, 1, 1_000, True, True),
        (Kind.OPT_OUT, 1_000, 1_000, True, True),
        (Kind.ERASURE, 1_001, 1_000, True, False),
        (Kind.ERASURE, 1, 0, True, False),
        (Kind.ERASURE, 0, 1_000, True, False),
        (Kind.ERASURE, 1, 1_000, False, False),
        (Kind.OPT_IN, 1, 1_000, True, False),
        (Kind.OPT_OUT, 3, 2, True, False),
    ],
)
def test_small_withdrawals_look_first_and_nothing_else_does(
    kind: Kind, people: int, up_to: int, may_look: bool, looks: bool
) -> None:
    adapter = adapter_of("insider", **SETTINGS, look_first_up_to=up_to)
    order = Order(kind, people=people, may_look=may_look)
    addressed = adapter.address(order, SUBJECT)
    assert isinstance(addressed, Addressed)
    assert (addressed.step == "look") is looks
    assert isinstance(adapter, LooksFirst)
    assert (adapter.look_ups(order, [SUBJECT]) is not None) is looks
    assert isinstance(adapter, ReadsBack)
    assert (adapter.reading(order) == "read") is looks
    assert ("look" in adapter.steps(order)) is looks


@pytest.mark.parametrize("kind", WITHDRAWALS)
def test_what_was_not_looked_up_is_recorded_as_such(kind: Kind) -> None:
    assert do(Insider(SUBJECT), kind, SUBJECT, order={"may_look": False})[0] == ["applied/not_looked_up"]
    assert do(Insider(SUBJECT), kind, SUBJECT, order={"people": 5_000})[0] == ["applied"]


def test_the_calls_that_looking_takes_are_known_before() -> None:
    adapter = adapter_of("insider", **SETTINGS, profile_call_units=4)
    assert isinstance(adapter, LooksFirst)
    block = {"vendors": {"insider": {"insider_id": "i-1"}}}
    found = adapter.look_ups(Order(Kind.ERASURE, people=3), [SUBJECT, {"email": "b@x.org"}, {**SUBJECT, **block}])
    assert found is not None
    assert (found.rate, found.calls) == (Rate("profile", 4.0), 3 + 1 + 4)


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        (("uuid", "custom", "email", "phone_number"), ["uuid", "custom", "email", "phone_number"]),
        (("phone_number", "uuid"), ["phone_number", "uuid"]),
        (("custom.other", "email"), ["email"]),
        (("custom.card",), ["custom"]),
    ],
)
def test_the_settings_say_which_identifiers_there_are_and_which_is_strongest(
    order: Sequence[str], keys: Sequence[str]
) -> None:
    subject: Subject = {**SUBJECT, "vendors": {"insider": {"identifiers": {"custom": {"card": "7"}}}}}
    adapter = adapter_of("insider", **SETTINGS, identifiers=order)
    looked = adapter.address(Order(Kind.ERASURE, people=1), subject)
    assert isinstance(looked, Addressed)
    assert [key[0] for key in looked.key.keys] == keys
    compared = {"user_id" if key == "uuid" else key for key in keys}
    assert {kind.split(".")[0] for kind, _ in adapter.known_by(looked.key)} == compared
    own = {name: value for name, value in SUBJECT.items() if {"user_id": "uuid"}.get(name, name) in order}
    large = adapter.address(Order(Kind.ERASURE), own)
    weakest = [key for key in order if not key.startswith("custom")]
    if weakest:
        assert isinstance(large, Addressed)
        assert large.key[0] == weakest[0]
    else:
        assert isinstance(large, Answer)
        assert in_words(large) == "unreachable/no_identifier"


def test_an_identifier_that_identity_resolution_does_not_have_finds_nobody() -> None:
    vendor = Insider(SUBJECT | {"marks": ["apart"]}, identifiers="email")
    assert do(vendor, Kind.ERASURE, SUBJECT)[0] == ["applied/looked_up"]
    assert [is_done(Kind.ERASURE, fact) for fact in vendor.facts] == [False, True]


def test_where_every_identifier_is_ignored_nobody_is_said_to_be_absent() -> None:
    vendor = Insider(SUBJECT, identifiers="custom")
    assert do(vendor, Kind.ERASURE, SUBJECT)[0] == ["user/rejected"]


# What an erasure deletes


@pytest.mark.parametrize(
    ("people", "ends", "left"),
    [(1, "applied/profiles_deleted", 0), (5_000, "applied/deleted_not_looked_up", 1)],
)
def test_whole_profiles(people: int, ends: str, left: int) -> None:
    vendor = Insider(SUBJECT | {"marks": ["apart"]})
    said, turns = do(vendor, Kind.ERASURE, SUBJECT, order={"people": people}, erasure="profile")
    assert said == [ends]
    assert len(vendor.facts) == left
    assert {turn.call.step for turn in turns} <= {"look", "delete"}, "no flag is set in a profile that goes"
    if people == 1:
        assert read_back(vendor, Kind.ERASURE, SUBJECT, erasure="profile") == [ends]


@pytest.mark.parametrize(
    ("people", "ends", "anonymous"),
    [(1, "applied/profiles_anonymized", 2), (5_000, "applied/anonymized_not_looked_up", 1)],
)
def test_pii(people: int, ends: str, anonymous: int) -> None:
    vendor = Insider(SUBJECT | {"marks": ["apart"]})
    assert do(vendor, Kind.ERASURE, SUBJECT, order={"people": people}, erasure="anonymize")[0] == [ends]
    assert sum(not fact["identifiers"] for fact in vendor.facts) == anonymous
    assert sum(not fact["may_interact"] for fact in vendor.facts) == anonymous
    if people == 1:
        assert read_back(vendor, Kind.ERASURE, SUBJECT, erasure="anonymize") == [ends]


def test_pii_by_insiders_own_id_has_an_address_of_its_own() -> None:
    subject: Subject = {"vendors": {"insider": {"insider_id": "i-9"}}}
    vendor = Insider({**SUBJECT, "vendors": {"insider": {"insider_id": "i-9"}}})
    assert do(vendor, Kind.ERASURE, subject, erasure="anonymize")[0] == ["applied/profiles_anonymized"]
    assert vendor.paths[-1] == "contact/anonymize"
    assert vendor.facts[0]["identifiers"] == {}
    assert read_back(vendor, Kind.ERASURE, subject, erasure="anonymize") == ["applied/profiles_anonymized"]


@pytest.mark.parametrize("erasure", ["attributes", "profile", "anonymize"])
def test_an_opt_out_is_the_same_whatever_an_erasure_deletes(erasure: str) -> None:
    vendor = Insider(SUBJECT)
    assert do(vendor, Kind.OPT_OUT, SUBJECT, erasure=erasure)[0] == ["applied/looked_up"]
    assert vendor.facts[0]["attributes"]["name"] == "Sample"
    assert is_done(Kind.OPT_OUT, vendor.facts[0])


@each_row("erasure", ["attributes", "profile", "anonymize"])
@each_row("people", [0, 1])
def test_an_erasure_does_at_least_as_much_as_an_opt_out(erasure: str, people: int) -> None:
    adapter = adapter_of("insider", **SETTINGS, erasure=erasure)
    erased = adapter.touches(Order(Kind.ERASURE, people=people))
    assert (erased >= adapter.touches(Order(Kind.OPT_OUT, people=people))) is (erasure != "anonymize")


# One person, several profiles, one outcome


def test_one_profile_that_is_refused_refuses_the_person() -> None:
    adapter = adapter_of("insider", **SETTINGS)
    keys = (("uuid", "u"), ("email", "a@x.org"))
    found = (Profile(keys[0], "i-1"), Profile(keys[1], "i-2"))
    others = (Profile(("uuid", "v"), "i-3"),)
    people = [Person(1, {}, Known(keys), Search((), found, asked=True))]
    people += [Person(2, {}, Known(keys), Search((), others, asked=True))]
    errors = {"users.1.insider_id": ["no"]}
    body = {"data": {"successful": {"count": 2}, "fail": {"count": 1, "errors": errors}}}
    said = understand(adapter, Call(Order(Kind.ERASURE, people=2), "attributes"), people, answer(200, body))
    assert [in_words(each) for each in said] == ["user/rejected", "applied/looked_up"]


@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(
    held=st.lists(st.sets(st.sampled_from(["uuid", "email", "phone_number", "other"]), min_size=1), max_size=4),
    told=st.sets(st.sampled_from(["uuid", "email", "phone_number"]), min_size=1),
    kind=st.sampled_from(WITHDRAWALS),
    erasure=st.sampled_from(["attributes", "profile", "anonymize"]),
)
def test_whatever_profiles_there_are_those_that_an_identifier_finds_are_treated_and_no_other(
    held: list[set[str]], told: set[str], kind: Kind, erasure: str
) -> None:
    values = {"uuid": "u-1", "email": "a@example.org", "phone_number": "+821012345678"}
    theirs: list[dict[str, str]] = []
    left = set(values)
    for number, wanted in enumerate(held):  # an identifier finds one profile only
        identifiers = {name: values[name] for name in sorted(wanted & left)}
        left -= wanted
        theirs.append(identifiers or {"uuid": f"other-{number}"})
    people = [{"vendors": {"insider": {"identifiers": each}}} for each in theirs]
    vendor = Insider(*people)
    before = {fact["key"] for fact in vendor.facts}
    wanted_keys = {
        fact["key"] for fact in vendor.facts if any(fact["identifiers"].get(name) == values[name] for name in told)
    }
    subject = {{"uuid": "user_id"}.get(name, name): values[name] for name in told}
    (said,), _ = do(vendor, kind, subject, erasure=erasure)
    after = {fact["key"]: fact for fact in vendor.facts}
    assert set(after) <= before, "nobody is made"
    assert said.startswith("applied") if wanted_keys else said == "absent/looked_up"
    for key in before - wanted_keys:
        assert after[key]["may_interact"]
        assert after[key]["effects"] == 0
    for key in wanted_keys:
        if kind is Kind.ERASURE and erasure == "profile":
            assert key not in after
        elif kind is Kind.ERASURE and erasure == "anonymize":
            assert not after[key]["may_interact"]
            assert not after[key]["identifiers"]
        else:
            assert is_done(kind, after[key])
    (seen,) = read_back(vendor, kind, subject, erasure=erasure)
    assert seen.startswith("applied")
    assert vendor.violations == {}


# What is understood


@cache
def _turns() -> list[Turn]:
    """Each step of small requests once, of each way to erase, and of the read-back."""
    turns: dict[tuple[str, Kind, str], Turn] = {}
    for erasure in ("attributes", "profile", "anonymize"):
        for kind in WITHDRAWALS:
            adapter = adapter_of("insider", **SETTINGS, erasure=erasure)
            order = Order(kind, people=1)
            vendor = Insider(SUBJECT)
            walked = converse(adapter, order, [SUBJECT], vendor)[1]
            walked += converse(adapter, order, [SUBJECT], vendor, begin="read")[1]
            turns |= {(turn.call.step, kind, erasure): turn for turn in walked}
    return list(turns.values())


@each_row("body", [*BODIES, '{"error":"no data"}', '{"success":false}', '{"attributes":[]}'])
@each_row("status", [200, 201, 202, 204, 302, 400, 401, 403, 404, 405, 408, 409, 413, 429, 500, 504])
def test_trouble_never_reads_as_success_where_people_are_looked_up(status: int, body: str) -> None:
    adapter, response = adapter_of("insider", **SETTINGS), httpx.Response(status, content=body.encode())
    for turn in _turns():
        yes = status == 200 and body == "{}" and turn.call.step not in ("look", "read")
        (said,) = understand(adapter, turn.call, turn.people, response)
        words = in_words(said)
        assert yes or words.split("/")[0] not in ("applied", "seen", "absent", "proceed"), f"{turn.call.step}: {words}"


@each_row(
    ("shown", "said"),
    [
        ({"gdpr": False}, "applied/looked_up"),
        ({"gdpr_optin": False, "email_optin": False, "whatsapp_optin": None}, "applied/looked_up"),
        ({"gdpr": True}, "user/not_in_effect"),
        ({"gdpr": False, "sms_optin": True}, "user/not_in_effect"),
        ({"email_optin": False}, "ambiguous/unreadable"),  # nothing was seen of the flag that counts
        ({"gdpr": "false"}, "user/not_in_effect"),
    ],
)
def test_verified_is_what_was_seen(shown: dict[str, Any], said: str) -> None:
    adapter = adapter_of("insider", **SETTINGS)
    person = Person(1, {}, Known((("uuid", "u"),)))
    response = answer(200, {"attributes": {**shown, "iid": "i-1"}})
    (found,) = understand(adapter, Call(Order(Kind.OPT_OUT, people=1), "read"), [person], response)
    assert in_words(found) == said


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"gdpr": False, "name": "", "list_id": [], "city": None}, "applied/looked_up"),
        ({"gdpr": False, "name": "Zoë"}, "user/not_in_effect"),
        ({"gdpr": False, "list_id": [3]}, "user/not_in_effect"),
        ({"gdpr": False, "email": "a@x.org"}, "applied/looked_up"),  # it finds the profile, and stays
        ({"gdpr": False, "phone_number": "+821012345678"}, "user/not_in_effect"),
    ],
)
def test_an_erasure_is_verified_where_nothing_named_is_left(shown: dict[str, Any], said: str) -> None:
    adapter = adapter_of("insider", **SETTINGS)
    person = Person(1, {}, Known((("email", "a@x.org"),)))
    response = answer(200, {"attributes": {**shown, "iid": "i-1"}})
    (found,) = understand(adapter, Call(Order(Kind.ERASURE, people=1), "read"), [person], response)
    assert in_words(found) == said


def test_a_profile_without_its_id_is_named_by_what_found_it() -> None:
    adapter = adapter_of("insider", **SETTINGS)
    person = Person(1, {}, Known((("email", "a@x.org"),)))
    call = Call(Order(Kind.OPT_OUT, people=1), "look")
    (found,) = understand(adapter, call, [person], answer(200, {"attributes": {"gdpr": True}}))
    request = adapter.build(Call(call.order, found.step), [person._replace(carry=found.carry)])
    assert json.loads(request.content)["users"][0]["identifiers"] == {"email": "a@x.org"}


# Limits


def test_each_call_counts_against_its_own_limit() -> None:
    adapter = adapter_of("insider", **SETTINGS)
    order = Order(Kind.ERASURE, people=1)
    rates = {
        step: rate_of(adapter, Call(order, step) if step else None)
        for step in ("", "consent", "attributes", "look", "read", "delete", "anonymize")
    }
    assert rates == {
        "": Rate(),
        "consent": Rate(),
        "attributes": Rate(),
        "look": Rate("profile", 2.5),
        "read": Rate("profile", 2.5),
        "delete": Rate("delete"),
        "anonymize": Rate("anonymize"),
    }
    assert buckets_of(adapter) == {"": 25_000, "profile": 1_000, "delete": 10_000, "anonymize": 500}


@each_row(
    ("kind", "erasure", "people", "bucket"),
    [
        (Kind.ERASURE, "attributes", 5_000, ""),
        (Kind.OPT_OUT, "anonymize", 5_000, ""),
        (Kind.OPT_IN, "profile", 1, ""),
        (Kind.ERASURE, "attributes", 1, "profile"),
        (Kind.OPT_OUT, "profile", 1, "profile"),
        (Kind.ERASURE, "profile", 5_000, "delete"),
        (Kind.ERASURE, "anonymize", 5_000, "anonymize"),  # it begins with the flags, and waits after them
        (Kind.ERASURE, "anonymize", 1, "profile"),
    ],
)
def test_who_waits_for_a_slow_limit_takes_no_place_of_the_others(
    kind: Kind, erasure: str, people: int, bucket: str
) -> None:
    adapter = adapter_of("insider", **SETTINGS, erasure=erasure)
    order = Order(kind, people=people)
    addressed = adapter.address(order, SUBJECT)
    assert isinstance(addressed, Addressed)
    assert slowest_bucket(adapter, order, addressed.step) == bucket
    assert slowest_bucket(adapter, order, "read") == "profile"


@each_row(
    ("body", "cost"),
    [
        ({"attributes": {"iid": "i"}, "quota": {"cost": 2.5, "used": 5, "total": 1000}}, 2.5),
        ({"error": "no such user for these identifiers: no data", "quota": {"cost": 1}}, 1.0),
        ({"attributes": {"iid": "i"}}, None),
        ({"quota": {"cost": True}}, None),
        ({"quota": {"cost": -1}}, None),
        ({"quota": {"cost": "2"}}, None),
        ({"quota": []}, None),
        (None, None),
    ],
)
def test_what_a_profile_call_has_cost(body: object, cost: float | None) -> None:
    adapter = adapter_of("insider", **SETTINGS)
    order = Order(Kind.ERASURE, people=1)
    assert cost_of(adapter, Call(order, "look"), answer(200, body)) == cost
    assert cost_of(adapter, Call(order, "consent"), answer(200, body)) is None


def test_people_and_profiles_are_shown_nowhere() -> None:
    shown: list[Callable[[], object]] = [
        lambda: Known((("email", "secret@x.org"),)),
        lambda: Profile(("email", "secret@x.org"), "secret-id"),
        lambda: Search((("email", "secret@x.org"),), (Profile(("email", "secret@x.org"), "secret-id"),)),
    ]
    assert not any("secret" in repr(make()) for make in shown)
