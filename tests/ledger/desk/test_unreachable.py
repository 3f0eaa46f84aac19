"""People who cannot be found at a vendor: counted before anything is sent, never done, provided for or accepted."""

from collections.abc import Iterable, Mapping
from itertools import chain, combinations
from typing import Any

import pytest

from adapters.contract import Adapter
from domain.outcomes import ATTENTION, Outcome
from domain.requests import SUBJECT, Kind, Subject
from ledger.delivery import vendors
from ledger.desk import attention
from ledger.desk.fresh_sessions import Given
from ledger.desk.reports import at_risk, status_of
from tasks.attend import AttendError
from tasks.attend import Desk as Attending
from tasks.reach import reach_of
from tasks.submission import KeyConflictError
from tasks.submit import Receipt
from tasks.toolbox import Toolbox
from tasks.unreachable import missing_identifiers
from tests.contract.samples import SAMPLES, adapter_of
from tests.ledger.conftest import APPLIED, Desk, everybody
from tests.stubs import StubExchange

VENDORS = sorted(SAMPLES)
BY_MAIL = {"email": "ann@private.example"}
WITHOUT_A_MAIL = ["akinon", "algonomy", "b2core", "dfinery"]
IDENTIFIERS = ("user_id", "email", "phone_number", "session", "profile")


def person(*given: str, name: str = "ann", number: int = 12345678) -> Subject:
    """Somebody of whom only these are given."""
    told: dict[str, Any] = {
        "user_id": name,
        "email": f"{name}@private.example",
        "phone_number": f"+8210{number:08}",
        "session": {"akinon": {"session_id": f"s-{name}"}},
        "profile": {"b2core": {"profile_id": f"p-{name}"}},
    }
    blocks = {**(told["session"] if "session" in given else {}), **(told["profile"] if "profile" in given else {})}
    own = {field: told[field] for field in given if field not in {"session", "profile"}}
    return SUBJECT.validate_python({**own, **({"vendors": blocks} if blocks else {})})


def is_reached(subject: Subject, vendor: str) -> bool:
    """By the vendors' pages, independent of the adapters."""
    own = (subject.get("vendors") or {}).get(vendor) or {}
    match vendor:
        case "akinon":
            return "session_id" in own
        case "insider":
            return any(subject.get(name) for name in ("user_id", "email", "phone_number")) or bool(own)
        case _:
            return bool(subject.get("user_id")) or bool(own)


def subsets(of: Iterable[str]) -> list[tuple[str, ...]]:
    names = sorted(of)
    return list(chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1)))


def open_desk(desk: Desk, **settings: Mapping[str, Any]) -> Toolbox:
    """A worker that knows all vendors, which say yes to everything."""
    adapters: dict[str, Adapter] = {name: adapter_of(name, **settings.get(name, {})) for name in VENDORS}
    desk.announce(**dict.fromkeys(VENDORS, 10))
    with desk.engine.begin() as connection:
        vendors.describe(connection, {name: reach_of(adapter) for name, adapter in adapters.items()})
    return desk.tools({name: StubExchange(everybody(APPLIED), adapter) for name, adapter in adapters.items()})


def counts(desk: Desk, receipt: Receipt) -> dict[str, dict[str, int]]:
    with desk.engine.connect() as connection:
        status = status_of(connection, receipt.recorded.public_id)
    assert status is not None
    return {name: {outcome: n for outcome, n in its.items() if n} for name, its in status.vendors.items()}


def status_word(desk: Desk, receipt: Receipt) -> str:
    return str(
        desk.one("SELECT CAST(status AS text) FROM requests WHERE public_id = :id", id=receipt.recorded.public_id)
    )


def waiting(desk: Desk) -> dict[str, int]:
    with desk.engine.connect() as connection:
        return {group.vendor: group.deliveries for group in attention.groups(connection)}


def attending(desk: Desk) -> Attending:
    return Attending(desk.engine, "anna", desk.woken.extend)


def provide(desk: Desk, receipt: Receipt, *people: Any) -> dict[str, int]:
    given = [Given(line, SUBJECT.validate_python(one)) for line, one in enumerate(people, start=1)]
    return attending(desk).provide(receipt.recorded.public_id, given, desk.masters)


def everybody_at(vendor_names: tuple[str, ...], first: int) -> tuple[list[Subject], dict[str, int]]:
    """Somebody for every subset of identifiers, and how many of them cannot be found at these vendors."""
    people = [
        person(*given, name=f"ann-{number}", number=number) for number, given in enumerate(subsets(IDENTIFIERS), first)
    ]
    missing = {name: sum(not is_reached(one, name) for one in people) for name in vendor_names}
    return people, {name: count for name, count in missing.items() if count}


@pytest.mark.timeout(600)
def test_a_request_is_completed_only_where_everybody_was_reached_everywhere(desk: Desk) -> None:
    """Every subset of identifiers at all vendors, each alone; at every vendor, those it knows and those it does not;
    and all of them at every subset of vendors."""
    tools = open_desk(desk)
    desk.announce(**dict.fromkeys(VENDORS, 40))  # a chunk a request and vendor
    asked: list[tuple[Receipt, dict[str, int]]] = []
    for one in everybody_at(tuple(VENDORS), first=0)[0]:
        missing = {name: 1 for name in VENDORS if not is_reached(one, name)}
        asked.append((desk.submit([one], vendors=tuple(VENDORS)), missing))
    for name in VENDORS:
        everybody, _ = everybody_at((name,), first=1_000 * len(asked))
        known, unknown = ([one for one in everybody if is_reached(one, name) is reached] for reached in (True, False))
        asked.append((desk.submit(known, vendors=[name]), {}))
        asked.append((desk.submit(unknown, vendors=[name]), {name: len(unknown)}))
    for names in subsets(VENDORS):
        people, missing = everybody_at(names, first=1_000 * len(asked))
        asked.append((desk.submit(people, vendors=names), missing))
    assert [receipt.recorded.unreachable for receipt, _ in asked] == [missing for _, missing in asked]
    desk.work_off(tools, runs=5_000)
    told: dict[Any, dict[str, int]] = {}
    for public_id, vendor, count in desk.rows("""
        SELECT public_id, vendors.name, deliveries FROM tallies
        JOIN requests ON requests.id = request_id JOIN vendors ON vendors.id = vendor_id
        WHERE outcome = 'unreachable'"""):
        told.setdefault(public_id, {})[vendor] = count
    statuses = dict(desk.rows("SELECT public_id, CAST(status AS text) FROM requests"))
    refused = {
        row[0]
        for row in desk.rows("""
        SELECT public_id FROM tallies JOIN requests ON requests.id = request_id
        WHERE outcome = 'refused'""")
    }  # at Akinon, where nothing tells whose session it is
    for receipt, missing in asked:
        public_id = receipt.recorded.public_id
        assert told.get(public_id, {}) == missing
        reached = not missing and public_id not in refused
        assert statuses[public_id] == ("completed" if reached else "completed_with_exceptions")
    assert {"completed", "completed_with_exceptions"} == set(statuses.values())
    desk.assert_tallies_add_up()


@pytest.mark.parametrize("as_list", [True, False])
def test_the_count_leaves_out_repeated_lines(desk: Desk, *, as_list: bool) -> None:
    open_desk(desk)
    people = [person("email"), person("email"), person("user_id"), person("email"), person("session")]
    receipt = desk.submit(people if as_list else iter(people))
    assert receipt.recorded.people == 3
    assert receipt.recorded.unreachable == {"akinon": 2, "algonomy": 2, "b2core": 2, "dfinery": 2, "insider": 1}


def test_a_file_too_long_for_one_statement_is_counted_the_same(desk: Desk) -> None:
    open_desk(desk)
    people: list[Subject] = [{"email": f"{n % 1_200}@private.example"} for n in range(2_400)]
    receipt = desk.submit(iter(people))
    assert receipt.recorded.people == 1_200
    assert receipt.recorded.unreachable == dict.fromkeys(WITHOUT_A_MAIL, 1_200)


def test_an_operation_that_is_not_there_makes_nobody_unreachable(desk: Desk) -> None:
    off = {"algonomy": {"allow_opt_in": False}, "b2core": {"opt_in_enables": False}}
    tools = open_desk(desk, **off)
    receipt = desk.submit([person("email")], kind=Kind.OPT_IN, vendors=("algonomy", "b2core", "insider"))
    assert not receipt.recorded.unreachable
    desk.work_off(tools)
    assert counts(desk, receipt) == {
        "algonomy": {"not_applicable": 1},
        "b2core": {"not_applicable": 1},
        "insider": {"accepted": 1},
    }
    assert status_word(desk, receipt) == "completed"


def test_it_is_said_before_anything_can_be_sent(desk: Desk) -> None:
    open_desk(desk)
    said: list[tuple[dict[str, int], int, int]] = []

    def warn(unreachable: Mapping[str, int], people: int) -> None:
        said.append((dict(unreachable), people, desk.one("SELECT count(*) FROM chunks")))

    desk.submit(iter([person("email"), person("user_id")]), warn=warn)
    assert said == [({"akinon": 2, "algonomy": 1, "b2core": 1, "dfinery": 1}, 2, 0)]
    desk.submit(iter([person("user_id")]), warn=warn, vendors=("algonomy",))
    assert len(said) == 1


def test_who_submits_the_same_again_is_told_the_same(desk: Desk) -> None:
    open_desk(desk)
    first = desk.submit([person("email")], idempotency_key="k")
    again = desk.submit([person("email")], idempotency_key="k")
    assert again.repeated
    assert again.recorded == first.recorded
    with pytest.raises(KeyConflictError):
        desk.submit([person("email")], idempotency_key="k", accept_unreachable=True)


def test_accepted_with_the_request_nobody_need_see_to_it_and_it_is_not_completed(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")], accept_unreachable=True, submitted_by="key:shop")
    desk.work_off(tools)
    assert counts(desk, receipt)["algonomy"] == {"unreachable": 1}
    assert status_word(desk, receipt) == "completed_with_exceptions"
    assert waiting(desk) == {}
    with desk.engine.connect() as connection:
        status = status_of(connection, receipt.recorded.public_id)
        assert at_risk(connection, 1_000) == []
    assert status is not None
    assert not status.at_risk(1_000)
    assert {one.accepted_by for one in missing_identifiers(status).values()} == {"key:shop"}
    assert set(missing_identifiers(status)) == set(WITHOUT_A_MAIL)


def test_accepted_later_at_one_vendor_the_others_still_wait(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")])
    desk.work_off(tools)
    assert waiting(desk) == dict.fromkeys(WITHOUT_A_MAIL, 1)
    public_id = receipt.recorded.public_id
    assert attending(desk).accept(public_id, "dfinery", "known by e-mail only") == 1
    assert waiting(desk) == dict.fromkeys(["akinon", "algonomy", "b2core"], 1)
    assert attending(desk).accept(public_id, None, "known by e-mail only") == 3
    assert waiting(desk) == {}
    assert status_word(desk, receipt) == "completed_with_exceptions"
    assert counts(desk, receipt)["dfinery"] == {"unreachable": 1}
    assert desk.rows("SELECT by, deed, reason FROM notes ORDER BY id") == [
        ("anna", "accept", "known by e-mail only"),
        ("anna", "accept", "known by e-mail only"),
    ]
    with pytest.raises(AttendError, match="accepted already"):
        attending(desk).accept(public_id, None, "once more")


def test_what_another_request_accepts_is_not_accepted_here(desk: Desk) -> None:
    tools = open_desk(desk)
    desk.submit([{"email": "bob@private.example"}], accept_unreachable=True)
    desk.submit([person("email")], vendors=("dfinery",))
    desk.work_off(tools)
    assert waiting(desk) == {"dfinery": 1}


def test_nobody_is_closed_by_hand_who_was_never_reached(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")], vendors=("algonomy",))
    desk.work_off(tools)
    assert attending(desk).close(receipt.recorded.public_id, "algonomy", None, "moot") == 0
    with pytest.raises(AttendError, match="accept"):
        attending(desk).close(receipt.recorded.public_id, "algonomy", "no_identifier", "moot")
    assert status_word(desk, receipt) == "completed_with_exceptions"
    assert waiting(desk) == {"algonomy": 1}


@pytest.mark.parametrize("reason", [None, "no_identifier"])
def test_a_retry_leaves_out_who_has_nothing_new(desk: Desk, reason: str | None) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")])
    desk.work_off(tools)
    before = desk.outcomes()
    again = attending(desk).retry(receipt.recorded.public_id, None, reason)
    assert (again.deliveries, again.without_session, again.unreachable) == ({}, 0, 4)
    assert desk.outcomes() == before
    attending(desk).accept(receipt.recorded.public_id, "akinon", "no shop account")
    assert attending(desk).retry(receipt.recorded.public_id, None, reason).unreachable == 3


def test_an_identifier_that_is_provided_has_the_delivery_sent(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email"), {"email": "bob@private.example"}])
    desk.work_off(tools)
    assert provide(desk, receipt, {**BY_MAIL, "user_id": "ann"}) == {"algonomy": 1, "b2core": 1, "dfinery": 1}
    assert status_word(desk, receipt) == "running"
    desk.work_off(tools)
    told = counts(desk, receipt)
    assert told["algonomy"] == {"accepted": 1, "unreachable": 1}
    assert told["akinon"] == {"unreachable": 2}
    assert told["insider"] == {"accepted": 2}
    assert tools.routes["algonomy"].exchange.sent == [("opt_out", (1,))]
    desk.assert_tallies_add_up()
    assert desk.submit([person("email"), {"email": "bob@private.example"}], idempotency_key="k").recorded.unreachable


def test_everybody_provided_for_completes_the_request(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")])
    desk.work_off(tools)
    again = provide(desk, receipt, {**BY_MAIL, "user_id": "ann", "vendors": {"akinon": {"session_id": "s"}}})
    assert again == dict.fromkeys(WITHOUT_A_MAIL, 1)
    desk.work_off(tools)
    assert status_word(desk, receipt) == "completed"
    assert waiting(desk) == {}
    assert not desk.one("SELECT unreachable FROM requests")
    assert not desk.one("SELECT count(*) FROM sessions")


def test_a_vendors_own_id_reaches_that_vendor_alone(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")])
    desk.work_off(tools)
    assert provide(desk, receipt, {**BY_MAIL, "vendors": {"dfinery": {"user_id": "d-1"}}}) == {"dfinery": 1}


def test_a_vendors_own_id_that_is_provided_is_fingerprinted(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")])
    desk.work_off(tools)
    provide(desk, receipt, {**BY_MAIL, "vendors": {"b2core": {"profile_id": "p-1"}}})
    desk.submit([{"vendors": {"b2core": {"profile_id": "p-1"}}}], vendors=("b2core",))
    (provided, submitted) = desk.rows("SELECT kind, print FROM other_identifiers ORDER BY request_id")
    assert provided == submitted


def test_a_session_that_was_missing_is_provided(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("user_id", "email")], vendors=("akinon",))
    assert receipt.recorded.unreachable == {"akinon": 1}
    desk.work_off(tools)
    assert provide(desk, receipt, {"user_id": "ann", "vendors": {"akinon": {"session_id": "s"}}}) == {"akinon": 1}
    desk.work_off(tools)
    assert status_word(desk, receipt) == "completed"


def test_what_is_provided_can_be_looked_up(desk: Desk) -> None:
    """The fingerprints are those of the whole person, so that whose wish counts is decided by the new identifier
    too."""
    tools = open_desk(desk)
    receipt = desk.submit([person("email")])
    desk.work_off(tools)
    other = desk.submit([{"user_id": "ann"}], vendors=("algonomy",))
    provide(desk, receipt, {**BY_MAIL, "user_id": "ann"})
    prints = desk.rows("SELECT user_print, email_print IS NULL, phone_print IS NULL FROM subjects ORDER BY request_id")
    assert prints[0][0] == prints[1][0] is not None
    assert prints[0][1:] == (False, True)
    assert other.recorded.people == 1


@pytest.mark.parametrize(
    ("people", "problem"),
    [
        ([{"user_id": "u-9"}], "line 1: has no session: give vendors.akinon.session_id; and nobody of these"),
        ([BY_MAIL], "line 1: gives nothing by which these people are found"),
        ([{"email": "ann@private.example", "phone_number": "+821012345678"}], "line 1: gives nothing by which"),
        ([{**BY_MAIL, "user_id": "ann"}, {**BY_MAIL, "user_id": "ann2"}], "line 2: is a second line about one person"),
        ([{**BY_MAIL, "user_id": "ann"}, {"email": "x@private.example", "user_id": "x"}], "line 2: has no session"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(desk: Desk, people: list[Any], problem: str) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")])
    desk.work_off(tools)
    before = desk.outcomes(), desk.rows("SELECT sealed, user_print FROM subjects")
    with pytest.raises(AttendError) as raised:
        provide(desk, receipt, *people)
    assert problem in str(raised.value)
    assert "ann@" not in str(raised.value)
    assert (desk.outcomes(), desk.rows("SELECT sealed, user_print FROM subjects")) == before


def test_somebody_who_contradicts_the_record_is_not_taken_for_the_same(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email", "phone_number")])
    desk.work_off(tools)
    with pytest.raises(AttendError, match="nobody of these identifiers is unreachable"):
        provide(desk, receipt, {**BY_MAIL, "phone_number": "+821087654321", "user_id": "another"})


def test_accepted_people_can_still_be_provided_for(desk: Desk) -> None:
    tools = open_desk(desk)
    receipt = desk.submit([person("email")], accept_unreachable=True, vendors=("algonomy",))
    desk.work_off(tools)
    assert provide(desk, receipt, {**BY_MAIL, "user_id": "ann"}) == {"algonomy": 1}
    desk.work_off(tools)
    assert status_word(desk, receipt) == "completed"


def test_unreachable_is_an_outcome_that_needs_attention() -> None:
    assert Outcome.UNREACHABLE in ATTENTION
