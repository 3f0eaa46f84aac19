"""What every adapter keeps to, for every kind of request, and what it makes of every recorded answer."""

import json
import logging
import pkgutil
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

import adapters.vendors
from adapters.contract import (
    Adapter,
    Addressed,
    Answer,
    Authenticates,
    Call,
    Order,
    Person,
    Probes,
    ReadsBack,
    Token,
    Verdict,
)
from adapters.registry import ADAPTERS, create
from adapters.triage import triage
from domain.outcomes import Reason
from domain.requests import SUBJECT, Kind
from tests.contract.samples import BODIES, KINDS, PERSONAL, SAMPLES, SECRET, adapter_of, answer
from tests.contract.walking import NOW, Turn, converse, in_words, lists_in, understand

HERE = Path(__file__).parent
IN_EFFECT = {Verdict.APPLIED, Verdict.SEEN}
GOOD = {Verdict.APPLIED, Verdict.SEEN, Verdict.ABSENT, Verdict.NOT_APPLICABLE, Verdict.PROCEED}
LONG = "é" * 480
ODD_IDS = [
    "a/b", "a?b", "a#b", "50%", "a+b", "a&b=c", "a;b", "a b", " a", 'a"b', "a'b", "日本-é-😀", "%2F", "%2e%2e", "..a",
    "a/../b", "...", "a\\b", "a,b", "a:b@c", "~!*()[]{}|^`<>", "x" * 512,
]  # fmt: skip

every_vendor = pytest.mark.parametrize("vendor", sorted(SAMPLES))
every_kind = pytest.mark.parametrize("kind", KINDS)


def walk(vendor: str, kind: Kind, *texts: str) -> tuple[list[Answer], list[Turn]]:
    """A conversation with a vendor that says yes, about people made of `texts`."""
    sample = SAMPLES[vendor]
    return converse(adapter_of(vendor), Order(kind), [sample.person(text) for text in texts], sample.obliging())


def every_turn(vendor: str, kind: Kind, *texts: str) -> list[Turn]:
    """Each step of a conversation once, with the steps that only trouble leads to and those of the read-back."""
    adapter, sample = adapter_of(vendor), SAMPLES[vendor]
    people, obliging = [sample.person(text) for text in texts], sample.obliging()
    turns = converse(adapter, Order(kind), people, obliging)[1]
    last = turns[-1]
    for step in sample.detours:
        turns.append(Turn(Call(Order(kind), step), last.people, last.request, answer(200, {}), []))
    if isinstance(adapter, ReadsBack):
        turns += converse(adapter, Order(kind), people, obliging, begin=adapter.reading(Order(kind)))[1]
    return list({turn.call.step: turn for turn in turns}.values())


# The registry


def test_every_file_in_vendors_is_registered():
    files = {module.name for module in pkgutil.iter_modules(adapters.vendors.__path__)}
    assert files == set(ADAPTERS) == set(SAMPLES)
    assert all(adapter.name == name for name, adapter in ADAPTERS.items())


def test_an_adapter_takes_its_own_settings_only():
    with pytest.raises(TypeError, match="InsiderSettings"):
        create("insider", adapter_of("akinon").settings)
    with pytest.raises(KeyError):
        create("nobody", adapter_of("akinon").settings)


@every_vendor
def test_settings_are_sound(vendor):
    settings = adapter_of(vendor).settings
    assert settings.requests_per_minute >= 600
    assert adapter_of(vendor, base_url="https://x.example/v1/").settings.base_url == "https://x.example/v1"
    assert adapter_of(vendor, base_url="http://127.0.0.1:8000").settings.base_url == "http://127.0.0.1:8000"
    for wrong in ("http://x.example", "ftp://x.example", "https://u:p@x.example", "https://x.example?a=1", "x", ""):
        with pytest.raises(ValidationError):
            adapter_of(vendor, base_url=wrong)


# What is sent


@every_vendor
@every_kind
def test_a_vendor_that_says_yes_is_believed(vendor, kind):
    answers, turns = walk(vendor, kind, "ann", "bob")
    assert [answer.verdict in IN_EFFECT for answer in answers] == [True] * 2
    assert all(turn.request.url.scheme == "https" for turn in turns)


@every_vendor
@every_kind
def test_a_full_batch_of_long_identifiers_is_within_both_limits(vendor, kind):
    adapter, sample = adapter_of(vendor), SAMPLES[vendor]
    for turn in every_turn(vendor, kind, "ann"):
        limits = adapter.limits(turn.call)
        subjects = [sample.person(f"{LONG}{line}") for line in range(limits.people)]
        people = [_person(adapter, turn, line, subject) for line, subject in enumerate(subjects, start=1)]
        request = adapter.build(turn.call, people)
        assert len(request.content) <= limits.body_bytes
        assert adapter.chunk_people >= adapter.call_people >= limits.people


@pytest.mark.parametrize("vendor", [name for name, sample in SAMPLES.items() if sample.odd_ids])
@every_kind
@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_reach_the_vendor_as_they_are(vendor, kind, odd):
    sample = SAMPLES[vendor]
    answers, turns = walk(vendor, kind, odd)
    read = [each for turn in turns for each in sample.ids(turn.request)]
    assert read
    assert set(read) == {odd}
    assert answers[0].verdict in IN_EFFECT


@every_vendor
@every_kind
def test_nobody_is_told_of_without_an_identifier(vendor, kind):
    answers, turns = converse(adapter_of(vendor), Order(kind), [{}], SAMPLES[vendor].obliging())
    assert [in_words(answer) for answer in answers] == ["unreachable/no_identifier"]
    assert not turns


@every_vendor
@every_kind
def test_a_block_that_no_longer_fits_stops_nobody_else(vendor, kind):
    broken = SUBJECT.validate_python({"user_id": "ann", "vendors": {vendor: {"surprise": 1}}})
    people = [broken, SAMPLES[vendor].person("bob")]
    answers, _ = converse(adapter_of(vendor), Order(kind), people, SAMPLES[vendor].obliging())
    assert in_words(answers[0]) == "user/rejected"
    assert answers[1].verdict in IN_EFFECT


@every_vendor
@every_kind
def test_two_people_with_one_key_both_get_an_answer(vendor, kind):
    answers, _ = walk(vendor, kind, "ann", "ann", "bob")
    assert [answer.verdict in IN_EFFECT for answer in answers] == [True] * 3


@every_vendor
@every_kind
def test_an_order_names_every_step_it_takes(vendor, kind):
    """A step that is held holds back who needs it: one that is not named would be sent all the same."""
    adapter, order = adapter_of(vendor), Order(kind)
    people, obliging = [SAMPLES[vendor].person("ann")], SAMPLES[vendor].obliging()
    taken = {turn.call.step for turn in converse(adapter, order, people, obliging)[1]}
    assert taken <= adapter.steps(order)


# What is understood


@every_vendor
@every_kind
def test_trouble_never_reads_as_success(vendor, kind):
    adapter, sample = adapter_of(vendor), SAMPLES[vendor]
    for turn in every_turn(vendor, kind, "ann", "bob"):
        for status in (200, 201, 202, 204, 302, 400, 401, 402, 403, 405, 409, 413, 418, 422, 408, 429, 500, 502, 504):
            for body in BODIES:
                response = httpx.Response(status, content=body.encode())
                answers = understand(adapter, turn.call, turn.people, response)
                assert len(answers) == len(turn.people)
                if sample.takes_for_yes(turn.call.step, response):
                    continue
                told = f"{turn.call.step} {status} {body}: {in_words(answers[0])}"
                assert not any(answer.verdict in GOOD for answer in answers), told
                assert all(isinstance(answer.reason, Reason) for answer in answers), told


@every_vendor
@every_kind
@pytest.mark.parametrize("body", BODIES)
def test_refusals_are_told_by_status_whatever_the_body(vendor, kind, body):
    adapter, sample = adapter_of(vendor), SAMPLES[vendor]
    for turn in every_turn(vendor, kind, "ann"):
        said = {
            status: in_words(understand(adapter, turn.call, turn.people, httpx.Response(status, text=body))[0])
            for status in (401, 403, 408, 429, 500, 503, 504)
        }
        assert said == {
            401: sample.unauthorized,
            403: "vendor/forbidden",
            408: "ambiguous/answer_lost",
            429: "retry/rate_limited",
            500: "retry/server_error",
            503: "retry/server_error",
            504: "ambiguous/answer_lost",
        }


@every_vendor
@pytest.mark.parametrize("kind", [Kind.ERASURE, Kind.OPT_OUT])
@pytest.mark.parametrize("body", ["", "[]", '{"detail": "Not found."}'])
def test_a_404_is_never_simply_success(vendor, kind, body):
    adapter, sample = adapter_of(vendor), SAMPLES[vendor]
    for turn in every_turn(vendor, kind, "ann"):
        if turn.call.step == "read":
            continue  # that nothing is there is what an erasure's read-back hopes for
        said = in_words(understand(adapter, turn.call, turn.people, httpx.Response(404, text=body))[0])
        assert said == sample.not_found.get(turn.call.step, "vendor/wrong_address"), turn.call.step


@every_vendor
@every_kind
@pytest.mark.parametrize("tried", [False, True])
def test_an_address_that_knows_nothing_never_bears_witness(vendor, kind, tried):
    """A path missing from a base URL, and every call is a 404: nobody must be done by that, at no attempt."""
    sample = SAMPLES[vendor]
    people, nothing_here = [sample.person("ann"), sample.own("bob")], lambda _call, _request: answer(404)
    _, turns = converse(adapter_of(vendor), Order(kind), people, nothing_here, tried=tried)
    for turn in turns:
        for said in turn.answers:
            assert said.verdict is Verdict.VENDOR or said.needs_witness, f"{turn.call.step}: {in_words(said)}"


@every_vendor
@every_kind
def test_dropped_repeated_and_invented_rows_lose_nobody(vendor, kind):
    adapter = adapter_of(vendor)
    texts = ["ann", "bob", "cy"]
    for turn in every_turn(vendor, kind, *texts):
        for number, _ in enumerate(lists_in(json.loads(turn.response.content or b"null"))):
            for change in (
                lambda rows: rows.pop(),
                lambda rows: rows.append(rows[0]),
                _invent,
                lambda rows: rows.clear(),
            ):
                document = json.loads(turn.response.content)
                rows = list(lists_in(document))[number]
                if rows:
                    change(rows)
                understand(adapter, turn.call, turn.people, answer(200, document))  # one answer each, or it raises


@every_vendor
@every_kind
def test_an_answer_goes_to_the_person_it_is_about(vendor, kind):
    adapter = adapter_of(vendor)
    for turn in every_turn(vendor, kind, "ann", "bob", "cy"):
        forth = understand(adapter, turn.call, turn.people, turn.response)
        back = understand(adapter, turn.call, turn.people[::-1], turn.response)
        assert forth == back[::-1]


# What is shown


@every_vendor
@every_kind
def test_secrets_and_people_are_in_no_text(vendor, kind, caplog):
    caplog.set_level(logging.DEBUG)
    adapter, sample = adapter_of(vendor), SAMPLES[vendor]
    shown: list[Any] = [adapter, adapter.settings, Order(kind)]
    subject = sample.person(PERSONAL)
    shown.append(adapter.address(Order(kind), subject))
    for turn in every_turn(vendor, kind, PERSONAL):
        shown += [turn.call, turn.people]
        shown += [each for person in turn.people for each in (person.key, person.carry) if is_dataclass(each)]
        for status in (200, 202, 400, 401, 403, 404, 409):
            for text in (f'{{"detail": "{PERSONAL} {SECRET}"}}', f"{PERSONAL} {SECRET}", turn.response.text):
                response = httpx.Response(status, text=text)
                shown += understand(adapter, turn.call, turn.people, response)
                try:
                    adapter.classify(turn.call, turn.people, response)
                except Exception as error:  # noqa: BLE001 - whatever is raised must not tell
                    shown += [
                        error,
                        repr(error.__cause__),
                        repr(error.__context__) if not error.__suppress_context__ else "",
                    ]
    text = " ".join([f"{each!r} {each!s}" for each in shown] + [record.getMessage() for record in caplog.records])
    assert SECRET not in text
    assert PERSONAL not in text
    assert "owner@" not in text


@every_vendor
def test_refused_settings_and_identifiers_do_not_show_values(vendor):
    adapter = ADAPTERS[vendor]
    leaky = {"surprise": SECRET, "base_url": SECRET, "token": f"{SECRET}\n", "api_token": f"{SECRET}\n"}
    for model in (adapter.settings_model, adapter.options_model, adapter.identifiers_model):
        with pytest.raises(ValidationError) as refusal:
            model.model_validate(
                {**leaky, "request_token": f"{SECRET} ", "insider_id": f"{SECRET}\0", "user_id": SECRET * 99}
            )
        assert SECRET not in str(refusal.value)


# Tokens, probes and read-back


@pytest.mark.parametrize(("vendor", "method", "url"), [
    ("algonomy", "POST", "https://gateway.richrelevance.com/profile-command/v1/oauth2/token"),
    ("b2core", "POST", "https://ib.example/v1/tokens"),
])  # fmt: skip
def test_a_token_is_asked_for_as_the_page_says(vendor, method, url):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Authenticates)
    request = adapter.login()
    assert request is not None
    assert (request.method, str(request.url)) == (method, url)
    if vendor == "algonomy":
        assert request.content.decode() == f"grant_type=client_credentials&client_id=ours&client_secret={SECRET}"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    else:
        assert json.loads(request.content) == {"grant_type": "client_credentials"}
        assert request.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("vendor", ["algonomy", "b2core"])
@pytest.mark.parametrize(("status", "body", "said"), [
    (200, {"token_type": "bearer", "access_token": "AABBCCDD"}, "AABBCCDD"),
    (400, {"error": "invalid_client", "error_description": "Invalid client authentication"}, "vendor/bad_credentials"),
    (200, {"error": "invalid_client", "access_token": "AABBCCDD"}, "vendor/bad_credentials"),
    (400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}, "vendor/misconfigured"),
    (401, None, "vendor/bad_credentials"),
    (400, None, "vendor/bad_credentials"),
    (404, None, "vendor/wrong_address"),
    (200, {}, "vendor/misconfigured"),
    (200, {"access_token": ""}, "vendor/misconfigured"),
    (200, {"access_token": "a\r\nX-Evil: 1"}, "vendor/misconfigured"),
    (200, {"access_token": 7}, "vendor/misconfigured"),
])  # fmt: skip
def test_a_token_is_read(vendor, status, body, said):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Authenticates)
    token = adapter.read_token(answer(status, body))
    assert (in_words(token) if isinstance(token, Answer) else token.get_secret_value()) == said


@pytest.mark.parametrize(("vendor", "expires_in", "life_s"), [
    ("b2core", 3_600_000, 3600.0),  # the unit of the public page is milliseconds
    ("b2core", 1_500, 1.5),
    ("b2core", "600000", 600.0),
    ("b2core", 600, 600.0),  # its example, which can only be seconds
    ("b2core", None, None),
    ("b2core", 0, None),
    ("b2core", -5, None),
    ("b2core", "soon", None),
    ("b2core", "1e999", None),
    ("b2core", [600], None),
    ("algonomy", 28_800, 28_800.0),
    ("algonomy", None, None),
])  # fmt: skip
def test_how_long_a_token_lives_is_read(vendor, expires_in, life_s):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Authenticates)
    token = adapter.read_token(answer(200, {"access_token": "AABBCCDD", "expires_in": expires_in}))
    assert isinstance(token, Token)
    assert token.life_s == life_s
    assert "AABBCCDD" not in repr(token)


@pytest.mark.parametrize(("vendor", "method", "url", "body"), [
    ("algonomy", "POST", "https://gateway.richrelevance.com/profile-command/v1/oauth2/token", None),
    ("insider", "POST", "https://unification.useinsider.com/api/user/v1/attribute/delete", {"users": []}),
    ("dfinery", "POST", "https://openapi.dfinery.io/api/v1/users/profile",
     {"user_ids": ["consent-worker-probe"], "property_names": ["info_flag"]}),
    ("akinon", "GET", "https://shop.example/users/profile/", None),
    ("b2core", "GET", "https://ib.example/v1/profiles?limit=1&filter%5Buuid%5D=consent-worker-probe", None),
])  # fmt: skip
def test_a_probe_changes_nothing(vendor, method, url, body):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Probes)
    request = adapter.probe()
    assert (request.method, str(request.url)) == (method, url)
    assert body is None or json.loads(request.content) == body
    assert "cookie" not in request.headers


@pytest.mark.parametrize(("vendor", "status", "body", "said"), [
    ("algonomy", 200, {"access_token": "AABBCCDD"}, "applied"),
    ("algonomy", 400, {"error": "invalid_client"}, "vendor/bad_credentials"),
    ("insider", 400, {"success": False, "message": "Users are required."}, "applied"),
    ("insider", 200, {}, "applied"),
    ("insider", 400, {"success": False, "message": "Partner is invalid."}, "vendor/bad_credentials"),
    ("insider", 403, {"success": False, "message": "Access Denied."}, "vendor/forbidden"),
    ("insider", 404, None, "vendor/wrong_address"),
    ("dfinery", 200, {"result_code": 2000, "result_msg": None, "result_data": {}}, "applied"),
    ("dfinery", 400, {"result_code": 4002, "result_msg": "Invalid request format.", "result_data": None}, "applied"),
    ("dfinery", 400, {"result_code": 4001, "result_msg": "Invalid", "result_data": None}, "vendor/bad_credentials"),
    ("dfinery", 404, None, "vendor/wrong_address"),
    ("dfinery", 400, {"surprise": 1}, "vendor/wrong_address"),
    ("akinon", 401, {"detail": "Giriş yap"}, "applied"),
    ("akinon", 403, {"detail": "Authentication credentials were not provided."}, "applied"),
    ("akinon", 403, None, "vendor/forbidden"),
    ("akinon", 404, None, "vendor/wrong_address"),
    ("akinon", 200, {"id": 1}, "vendor/wrong_address"),
    ("b2core", 200, [], "applied"),
    ("b2core", 200, [{"profileId": "x", "uuid": "y"}], "vendor/misconfigured"),
    ("b2core", 401, None, "reauthenticate/bad_credentials"),
    ("b2core", 403, None, "vendor/forbidden"),
    ("b2core", 404, None, "vendor/wrong_address"),
])  # fmt: skip
def test_a_probe_is_read(vendor, status, body, said):
    adapter, response = adapter_of(vendor), answer(status, body)
    assert isinstance(adapter, Probes)
    assert triage(response, NOW) is None
    assert in_words(adapter.read_probe(response)) == said


@every_vendor
def test_trouble_never_reads_as_a_good_probe(vendor):
    adapter = adapter_of(vendor)
    assert isinstance(adapter, Probes)
    for status in (200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 413, 422):
        for body in BODIES:
            response = httpx.Response(status, content=body.encode())
            if triage(response, NOW) or SAMPLES[vendor].takes_for_yes("probe", response):
                continue
            said = adapter.read_probe(response)
            assert said.verdict in (Verdict.VENDOR, Verdict.REAUTHENTICATE), f"{status} {body}: {in_words(said)}"


@pytest.mark.parametrize("vendor", ["b2core", "dfinery"])
@every_kind
def test_what_was_done_is_seen_in_effect_and_what_was_not_is_not(vendor, kind):
    adapter, sample = adapter_of(vendor), SAMPLES[vendor]
    assert isinstance(adapter, ReadsBack)
    obliging, people, order = sample.obliging(), [sample.person("ann")], Order(kind)
    before, _ = converse(adapter, order, people, obliging, begin=adapter.reading(order))
    converse(adapter, order, people, obliging)
    after, _ = converse(adapter, order, people, obliging, begin=adapter.reading(order))
    assert before[0].verdict in (Verdict.USER, Verdict.AMBIGUOUS)
    assert in_words(after[0]) == "applied"


# Recorded answers


@pytest.mark.parametrize("case", sorted(HERE.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recorded(case):
    record = json.loads(case.read_text("utf-8"))
    adapter = adapter_of(case.parent.name, **record.get("settings", {}))
    order = Order(Kind(record["kind"]), _options(adapter, record), record.get("people_of_request", 0))
    people = [SUBJECT.validate_python(person) for person in record["people"]]
    for person in people:
        adapter.identifiers_model.model_validate((person.get("vendors") or {}).get(adapter.name) or {})
    left = list(record["exchanges"])

    def vendor(_call: object, request: httpx.Request) -> httpx.Response:
        assert left, "one request more than was recorded"
        exchange = left.pop(0)
        _compare(request, exchange.get("request", {}))
        said = exchange["answer"]
        content = said["text"] if "text" in said else json.dumps(said["body"]) if "body" in said else ""
        return httpx.Response(said["status"], headers=said.get("headers"), content=content.encode())

    begin = adapter.reading(order) if record.get("reads_back") and isinstance(adapter, ReadsBack) else None
    past: dict[str, Any] = {name: record.get(name, False) for name in ("tried", "interrupted")}
    past["waited_for"] = frozenset(map(Reason, record.get("waited_for", [])))
    answers, _ = converse(adapter, order, people, vendor, begin=begin, **past)
    assert [in_words(answer) for answer in answers] == record["becomes"]
    assert not left, "fewer requests than were recorded"


def _options(adapter: Adapter, record: dict[str, Any]) -> Any:
    return adapter.options_model.model_validate(record["options"]) if "options" in record else None


def _compare(request: httpx.Request, expected: dict[str, Any]) -> None:
    base = request.url.scheme + "://" + request.url.netloc.decode()
    seen = {
        "method": request.method,
        "url": base + request.url.raw_path.decode(),
        "headers": {name: request.headers.get(name) for name in expected.get("headers", {})},
        "body": json.loads(request.content) if request.content else None,
    }
    assert {name: seen[name] for name in expected} == expected


def _person(adapter: Adapter, turn: Turn, line: int, subject: Any) -> Person:
    addressed = adapter.address(turn.call.order, subject)
    assert isinstance(addressed, Addressed)
    return Person(line, subject, addressed.key, turn.people[0].carry)


def _invent(rows: list[Any]) -> None:
    like = rows[0]
    rows.append(dict.fromkeys(like, "nobody") if isinstance(like, dict) else "nobody")
