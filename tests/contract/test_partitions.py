"""However a vendor divides a batch among its lists, each person gets what the vendor said of that person."""

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.conformance import answer
from adapters.conformance.walking import in_words, understand
from adapters.contract import Addressed, Answer, Call, Order, Person
from domain.nobody import PLACEHOLDERS
from domain.requests import Kind
from tests.contract.samples import SAMPLES, adapter_of

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault

IDS = (
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=40)
    .filter(str.strip)
    .filter(lambda text: text.casefold() not in PLACEHOLDERS)
)


def people_of(vendor: str, order: Order, ids: list[str]) -> list[Person]:
    people = []
    for line, user_id in enumerate(ids, start=1):
        addressed = adapter_of(vendor).address(order, {"user_id": user_id})
        assert isinstance(addressed, Addressed)
        people.append(Person(line, {"user_id": user_id}, addressed.key))
    return people


@unhurried
@given(IDS.filter(lambda text: text not in (".", "..")))
def test_any_id_survives_as_a_path_segment(user_id):
    order = Order(Kind.ERASURE)
    request = adapter_of("algonomy").build(Call(order, "opt_out"), people_of("algonomy", order, [user_id]))
    assert SAMPLES["algonomy"].ids(request) == [user_id]


@unhurried
@given(IDS)
def test_any_id_survives_in_a_query(user_id):
    order = Order(Kind.ERASURE)
    request = adapter_of("b2core").build(Call(order, "find"), people_of("b2core", order, [user_id]))
    assert SAMPLES["b2core"].ids(request) == [user_id]


@unhurried
@given(st.data())
def test_dfinery_any_division_of_a_batch(data):
    ids = data.draw(st.lists(IDS, min_size=1, max_size=20))
    unique = list(dict.fromkeys(ids))
    good = data.draw(st.lists(st.sampled_from(unique)))
    codes = {5003: "retry/busy", 4007: "user/rejected", 4008: "user/rejected", 5000: "retry/server_error"}
    failures = data.draw(st.lists(st.tuples(st.sampled_from(sorted(codes)), st.lists(st.sampled_from(unique)))))
    order, adapter = Order(Kind.OPT_OUT), adapter_of("dfinery")
    people = people_of("dfinery", order, ids)
    body = {
        "result_code": 2000,
        "result_data": {
            "successful_user_ids": good,
            "failure_details": [{"code": code, "msg": "", "user_ids": users} for code, users in failures],
        },
    }
    said = [in_words(each) for each in understand(adapter, Call(order, "flags"), people, answer(200, body))]
    for user_id, words in zip(ids, said, strict=True):
        why = {code for code, users in failures if user_id in users}
        if user_id in good:
            assert words == ("ambiguous/unreadable" if why else "applied")
        elif len(why) == 1:
            assert words == codes[why.pop()]
        else:
            assert words == "ambiguous/unreadable"


@unhurried
@given(st.data())
def test_insider_any_division_of_a_batch(data):
    ids = data.draw(st.lists(IDS, min_size=1, max_size=30))
    order, adapter = Order(Kind.OPT_OUT), adapter_of("insider")
    people = people_of("insider", order, ids)
    sent = SAMPLES["insider"].ids(adapter.build(Call(order, "consent"), people))
    failed = data.draw(st.sets(st.sampled_from(range(len(sent)))))
    suffixes = st.sampled_from(["", ".identifiers.email", ".attributes.gdpr_optin"])
    errors = {f"users.{position}{data.draw(suffixes)}": ["no"] for position in failed}
    count = data.draw(st.sampled_from([len(sent) - len(failed)] * 3 + [0, len(sent), len(sent) + 1]))
    body = {"data": _counted(data, count, {"count": len(failed), "errors": errors})}
    answers = understand(adapter, Call(order, "consent"), people, answer(200, body))
    assert len(answers) == len(people)
    if count + len(failed) == len(sent):
        bad = {sent[position] for position in failed}
        assert [_is_bad(each) for each in answers] == [user_id in bad for user_id in ids]
    else:
        unclear = "split/unreadable" if len(sent) > 1 else "ambiguous/unreadable"
        assert {in_words(each) for each in answers} == {unclear}


def _counted(data: st.DataObject, count: int, fail: dict[str, object]) -> dict[str, object]:
    """`data` of an answer that counts, in one of the forms the vendor gives it: what is 0 or empty may be left out."""
    forms: list[dict[str, object]] = [{"successful": {"count": count}}]
    if count == 0:
        forms += [{"successful": {}}, {"successful": []}, {"successful": None}, {}]
    fails: list[dict[str, object]] = [{"fail": fail}]
    if not fail["count"]:
        fails += [{"fail": {}}, {"fail": []}, {}]
    return {**data.draw(st.sampled_from(forms)), **data.draw(st.sampled_from(fails))}


KEYS = [
    *("data", "successful", "fail", "errors", "count", "users.0", "error"),
    *("result_code", "result_data", "successful_user_ids", "failure_details", "user_ids", "code"),
    *("id", "email", "uuid", "profileId", "contactId"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["ann", "", "2000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
STEPS = (
    *(("algonomy", "opt_out"), ("dfinery", "flags"), ("dfinery", "read_ci"), ("insider", "consent")),
    *(("akinon", "identify"), ("b2core", "find"), ("b2core", "contacts")),
)


@unhurried
@given(JSON)
def test_no_json_breaks_an_adapter_or_loses_anybody(document):
    for vendor, step in STEPS:
        order, adapter = Order(Kind.ERASURE), adapter_of(vendor)
        subject = SAMPLES[vendor].person("ann")
        addressed = adapter.address(order, subject)
        assert isinstance(addressed, Addressed)
        person = Person(1, subject, addressed.key)
        for status in (200, 400):
            response = httpx.Response(status, json=document)
            assert len(understand(adapter, Call(order, step), [person], response)) == 1


def _is_bad(given_answer: Answer) -> bool:
    words = in_words(given_answer)
    assert words in ("user/rejected", "applied")
    return words == "user/rejected"
