"""What answers prove, at the sandbox's vendors: whose fault a failure is, what is held, what it costs."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from adapters import examine
from adapters.contract import Call, Person
from adapters.vendors.dfinery import Dfinery
from domain.requests import Kind, Subject
from ledger.delivery import steps, vendors
from tests.ledger.conftest import Desk
from tests.ledger.sandboxed import Shop, Switchboard

NO_PERMISSION = {"result_code": 4004, "result_msg": "No permission.", "result_data": None}
BAD_FORMAT = {"result_code": 4002, "result_msg": "Invalid request format.", "result_data": None}
CHUNKS = {"insider": 2_000, "algonomy": 1_000, "dfinery": 1_000, "akinon": 500, "b2core": 500}


@pytest.fixture
def shop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Five vendors that the ledger knows, behind the real adapters."""
    desk.announce(**CHUNKS)
    shop = Shop(desk)
    monkeypatch.setattr(examine, "Transport", lambda **_: Switchboard(shop.transports))
    return shop


def people(count: int, prefix: str = "jane") -> list[Subject]:
    return [
        {
            "user_id": f"{prefix}-{n}",
            "email": f"{prefix}-{n}@private.example",
            "vendors": {"akinon": {"session_id": f"s-{prefix}-{n}", "csrf_token": f"c-{prefix}-{n}"}},
        }
        for n in range(1, count + 1)
    ]


def submit(shop: Shop, vendor: str, subjects: list[Subject], kind: Kind = Kind.ERASURE) -> None:
    shop.seed(subjects)
    shop.desk.submit(subjects, kind=kind, vendors=[vendor])


def held(desk: Desk) -> list[tuple[str, str]]:
    with desk.engine.connect() as connection:
        whole = [(one.name, "") for one in vendors.all_vendors(connection) if one.held_at]
        return whole + [(one.vendor, one.step) for one in steps.held_steps(connection)]


def ended(desk: Desk) -> Counter[str]:
    """How deliveries stand that have ended, over all requests."""
    found = desk.rows("""
        SELECT CAST(outcome AS text), reason, count(*) FROM (
            SELECT DISTINCT ON (request_id, vendor_id, line) * FROM outcomes
            ORDER BY request_id, vendor_id, line, round DESC) AS latest
        GROUP BY 1, 2""")
    return Counter({f"{outcome}/{reason}" if reason else outcome: count for outcome, reason, count in found})


def all_served(desk: Desk) -> int:
    """How many have ended; all of them served."""
    counts = ended(desk)
    assert set(counts) <= {"accepted", "verified"}
    return sum(counts.values())


def attempts_spent(desk: Desk) -> int:
    """Failed attempts of those who are pending."""
    return int(
        desk.one("""
            SELECT COALESCE(sum(CAST(each ->> 0 AS integer)), 0)
            FROM chunks, jsonb_array_elements(setbacks) AS each WHERE state <> 'closed'
        """)
    )


# A yes to step 1 is no witness for step 2


@pytest.mark.parametrize("count", [1, 3, 200])
@pytest.mark.parametrize(
    ("vendor", "path", "step", "body"),
    [
        ("insider", "attribute/delete", "attributes", {"success": False, "message": "Access Denied."}),
        ("dfinery", "ci/delete", "ci", NO_PERMISSION),
    ],
)
def test_a_second_step_that_is_forbidden_is_held_and_nobody_pays(
    shop: Shop, *, caplog: pytest.LogCaptureFixture, vendor: str, path: str, step: str, body: Any, count: int
) -> None:
    submit(shop, vendor, people(count))
    shop.refuse(vendor, path=path, status=403, body=body)
    tools = shop.tools(vendor)
    shop.work(tools, minutes=30)
    assert held(shop.desk) == [(vendor, step)]
    assert (ended(shop.desk), attempts_spent(shop.desk)) == (Counter(), 0)
    assert shop.calls(vendor) < 80
    assert [one.message for one in caplog.records] == [f"{vendor} is held at {step}: forbidden"]
    shop.mend(vendor)
    shop.work(tools, minutes=16)
    assert all_served(shop.desk) == count
    assert held(shop.desk) == []
    assert len(caplog.records) == 2  # that it goes on


def test_orders_that_do_not_need_the_step_go_on(shop: Shop) -> None:
    submit(shop, "insider", people(20))
    shop.refuse("insider", path="attribute/delete", status=403, body={"message": "Access Denied."})
    tools = shop.tools("insider")
    shop.work(tools, minutes=2)
    assert held(shop.desk) == [("insider", "attributes")]
    submit(shop, "insider", people(20, "john"), Kind.OPT_OUT)
    shop.work(tools)
    assert ended(shop.desk) == Counter(accepted=20)


def test_one_person_is_let_through_at_intervals_that_double(shop: Shop) -> None:
    submit(shop, "dfinery", people(40))
    shop.refuse("dfinery", path="ci/delete", status=403, body=NO_PERMISSION)
    tools = shop.tools("dfinery")
    while not held(shop.desk):
        shop.work(tools)
        shop.desk.pass_time(2.0)
    calls, at, tried = shop.calls("dfinery", "ci/delete"), 0.0, []
    while at < 4_000:
        wait_s = shop.desk.next_due_s()
        assert wait_s is not None
        shop.desk.pass_time(wait_s)
        shop.desk.work_off(tools)
        shop.desk.queued.clear()
        at += wait_s
        if (now := shop.calls("dfinery", "ci/delete")) > calls:
            assert now == calls + 1, "more than one was let through"
            tried.append(at)
            calls = now
    waits = [second - first for first, second in pairwise(tried)]
    assert 5 <= tried[0] <= 15
    assert all(1.4 * first <= second <= 2.6 * first or second >= 895 for first, second in pairwise(waits))
    assert 895 <= waits[-1] <= 910
    assert attempts_spent(shop.desk) == 0


# A refusal of everybody is not the people's fault


REFUSED_FOR_ALL = [
    ("dfinery", "ci/delete", "ci", 400, BAD_FORMAT),
    ("insider", "attribute/delete", "attributes", 400, {"success": False, "message": "The given data was invalid."}),
    ("insider", "upsert", "consent", 422, None),
    ("algonomy", "optOut", "opt_out", 400, {"message": "no"}),
    ("b2core", "profiles/.+/contacts$", "contacts", 422, None),
]


@pytest.mark.parametrize(("vendor", "path", "step", "status", "body"), REFUSED_FOR_ALL)
@pytest.mark.parametrize("form", ["own", "page"])
def test_a_refusal_that_meets_everybody_holds_the_step(
    shop: Shop, *, vendor: str, path: str, step: str, status: int, body: Any, form: str
) -> None:
    submit(shop, vendor, people(200))
    shop.refuse(vendor, path=path, status=status, body="page" if form == "page" else body)
    tools = shop.tools(vendor)
    shop.work(tools, minutes=1)
    assert held(shop.desk) == [(vendor, step)]
    assert (ended(shop.desk), attempts_spent(shop.desk)) == (Counter(), 0)
    assert shop.calls(vendor, path.split("/.+", maxsplit=1)[0]) < 60
    shop.mend(vendor)
    shop.work(tools, minutes=16)
    assert all_served(shop.desk) == 200


def test_akinon_refuses_four_booleans(shop: Shop) -> None:
    submit(shop, "akinon", people(200))
    shop.refuse("akinon", path="profile", method="PATCH", status=400, body={"email_allowed": ["Not a boolean."]})
    tools = shop.tools("akinon")
    shop.work(tools, minutes=1)
    assert (ended(shop.desk), attempts_spent(shop.desk)) == (Counter(), 0)
    assert held(shop.desk)
    assert shop.calls("akinon") < 60
    shop.mend("akinon")
    shop.work(tools, minutes=16)
    assert ended(shop.desk) == Counter(verified=200)


@pytest.mark.parametrize("vendor", ["insider", "algonomy", "dfinery"])
@pytest.mark.parametrize("count", [1, 4])
def test_few_who_are_refused_on_a_quiet_day_are_tried_three_times_alone(shop: Shop, vendor: str, count: int) -> None:
    submit(shop, vendor, people(count, "poison"))
    tools = shop.tools(vendor)
    shop.work(tools, minutes=0.1)
    assert ended(shop.desk) == Counter()
    shop.work(tools, minutes=2)
    assert ended(shop.desk) == Counter({"refused/rejected": count})
    assert {attempts for _, _, attempts in shop.desk.outcomes().values()} == {3}
    assert held(shop.desk) == []


def test_five_who_are_refused_one_after_the_other_hold_the_step(shop: Shop) -> None:
    tools = shop.tools("algonomy")
    for number in range(5):
        submit(shop, "algonomy", people(1, f"poison-{number}"))
        shop.work(tools)
    assert held(shop.desk) == [("algonomy", "opt_out")]
    assert ended(shop.desk) == Counter()


@pytest.mark.parametrize("vendor", ["insider", "dfinery", "algonomy", "akinon"])
def test_the_bad_ones_of_many_are_refused_at_once_in_proportion(shop: Shop, vendor: str) -> None:
    good, bad = people(192), people(8, "poison")
    submit(shop, vendor, [*good[:96], *bad, *good[96:]])
    shop.work(shop.tools(vendor))
    counts = ended(shop.desk)
    assert counts["refused/rejected"] == 8
    assert sum(counts.values()) == 200
    assert held(shop.desk) == []
    if vendor in ("insider", "dfinery"):
        assert shop.calls(vendor) <= 2 * 10 + 8 * 2 * 9


def test_bad_ones_at_the_end_of_a_file_do_not_look_like_everybody(shop: Shop) -> None:
    submit(shop, "algonomy", [*people(24), *people(7, "poison")])
    shop.work(shop.tools("algonomy", concurrency=1))
    assert ended(shop.desk) == Counter({"accepted": 24, "refused/rejected": 7})
    assert held(shop.desk) == []


def test_a_vendor_that_begins_to_refuse_everybody_while_it_served_a_moment_ago(shop: Shop) -> None:
    submit(shop, "algonomy", people(50))
    tools = shop.tools("algonomy")
    shop.work(tools)
    assert ended(shop.desk) == Counter(accepted=50)
    shop.refuse("algonomy", path="optOut", status=400, body={"message": "no"})
    submit(shop, "algonomy", people(200, "john"))
    shop.work(tools, minutes=5)
    assert ended(shop.desk) == Counter(accepted=50)
    assert held(shop.desk) == [("algonomy", "opt_out")]
    shop.mend("algonomy")
    shop.work(tools, minutes=16)
    assert ended(shop.desk) == Counter(accepted=250)


# One person's failure is not the vendor's


SOMEONE_ELSE = [{"profileId": "7", "uuid": "odd"}]
"""What a vendor answers that splits an id at its comma."""


@pytest.mark.parametrize("company", [0, 30])
@pytest.mark.parametrize(
    ("vendor", "user_id", "rule"),
    [
        ("algonomy", "a/b", {"path": "%2F", "status": 400, "body": "page"}),
        ("algonomy", "a/b", {"path": "%2F", "status": 404, "body": "page"}),
        ("algonomy", "a/b", {"path": "%2F", "status": 403, "body": None}),
        ("akinon", "odd-1", {"path": "profile", "holding": "s-odd-1", "status": 403, "body": {"detail": "no"}}),
        ("akinon", "odd-1", {"path": "profile", "method": "PATCH", "holding": "s-odd-1", "status": 403, "body": None}),
        ("b2core", "odd-1", {"path": "profiles", "holding": "odd-1", "status": 403, "body": None}),
        ("b2core", "odd-1", {"path": "profiles", "holding": "odd-1", "status": 500, "body": None}),
        ("b2core", "odd,1", {"path": "profiles$", "holding": "odd,1", "status": 200, "body": SOMEONE_ELSE}),
    ],
)  # fmt: skip
def test_one_persons_trouble_ends_within_the_bounds_and_holds_nobody(
    shop: Shop, *, caplog: pytest.LogCaptureFixture, vendor: str, user_id: str, rule: dict[str, Any], company: int
) -> None:
    odd: Subject = {"user_id": user_id, "vendors": {"akinon": {"session_id": "s-odd-1", "csrf_token": "c", "id": 1}}}
    shop.seed([odd])
    shop.desk.submit([odd], kind=Kind.ERASURE, vendors=[vendor])
    if company:
        submit(shop, vendor, people(company))
    shop.refuse(vendor, **rule)
    tools = shop.tools(vendor)
    ever_held = False
    for _ in range(60):
        shop.desk.work_off(tools)
        shop.desk.queued.clear()
        ever_held = ever_held or bool(held(shop.desk))
        if shop.desk.one("SELECT count(*) FROM requests WHERE status = 'running'") == 0:
            break
        shop.desk.pass_time(shop.desk.next_due_s() or 0.0)
    counts = ended(shop.desk)
    assert sum(counts.values()) == company + 1
    assert sum(number for name, number in counts.items() if name.startswith(("refused", "exhausted"))) == 1
    assert not ever_held
    assert caplog.records == []


# What passes by itself


FORMS = ("page", "empty", "json")
PASSING = (408, 409, 423, 424, 425, 429, 449, 499, 503, 504)
WHERE = (("insider", "upsert", 200), ("insider", "delete", 200), ("dfinery", "users", 40))


@pytest.mark.parametrize(
    ("vendor", "path", "count", "status", "form"),
    [(*WHERE[number % 3], status, FORMS[number // 3 % 3]) for number, status in enumerate(PASSING)],
)
def test_what_passes_by_itself_is_waited_for_with_a_handful_of_calls(
    shop: Shop, *, vendor: str, path: str, count: int, status: int, form: str
) -> None:
    submit(shop, vendor, people(count))
    body = {"page": "page", "empty": None, "json": {"message": "later"}}[form]
    shop.refuse(vendor, path=path, status=status, body=body)
    tools = shop.tools(vendor)
    shop.work(tools, minutes=20 / 60)
    refused = shop.sandbox.gates[vendor].refusals[0].refused
    assert ended(shop.desk) == Counter()
    assert refused <= 30
    shop.mend(vendor)
    shop.work(tools, minutes=3)
    assert all_served(shop.desk) == count
    assert shop.calls(vendor) <= 2 * refused + 50


# Our own faults


@pytest.mark.parametrize("where", ["build", "classify"])
def test_a_fault_of_ours_touches_one_person(shop: Shop, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    sound = getattr(Dfinery, where)

    def fails_on_one(self: Dfinery, call: Call, people: Sequence[Person], *more: Any) -> Any:
        if any(person.line == 7 for person in people):
            raise LookupError("jane")
        return sound(self, call, people, *more)

    monkeypatch.setattr(Dfinery, where, fails_on_one)
    submit(shop, "dfinery", people(50))
    tools = shop.tools("dfinery")
    shop.work(tools)
    assert ended(shop.desk) == Counter(accepted=49)
    for _ in range(20):
        shop.desk.pass_time(700.0)
        shop.work(tools)
    assert ended(shop.desk) == Counter({"verified": 49, "exhausted/our_fault": 1})
    assert held(shop.desk) == []
