"""How the directory's records of a person are used: validated like a person, and never against what was given."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.directory import Finding
from domain.requests import Subject
from tasks.resolve import judge
from tasks.subjects import check_subject
from tests.table_rows import each_row

ANN: Subject = {"email": "ann@private.example"}
WHOLE: dict[str, Any] = {"user_id": "u-ann", "email": "ann@private.example", "phone_number": "+821012345678"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["user_id", "email", "phone_number", "vendors", "asked_at", "name"])
GOOD = st.sampled_from(["u-ann", "ann@private.example", "+821012345678", {"algonomy": {"user_id": "a-1"}}, None, ""])


@each_row(
    ("said", "finding"),
    [
        ([], Finding.UNKNOWN),
        ([WHOLE], Finding.COMPLETED),
        ([{"user_id": "u-ann"}], Finding.COMPLETED),
        ([{"user_id": "u-ann", "email": ""}], Finding.COMPLETED),
        ([{"vendors": {"algonomy": {"user_id": "a-1"}}}], Finding.COMPLETED),
        ([{"email": "ANN@private.example"}], Finding.NOTHING_NEW),
        ([{"vendors": {"akinon": {"session_id": "s-1"}}}], Finding.NOTHING_NEW),
        ([WHOLE, WHOLE], Finding.UNUSABLE),
        ([{}], Finding.UNUSABLE),
        (["u-ann"], Finding.UNUSABLE),
        ([{"user_id": 17}], Finding.UNUSABLE),
        ([{"user_id": "unknown"}], Finding.UNUSABLE),
        ([{"user_id": "u\u200b-ann"}], Finding.UNUSABLE),
        ([{"user_id": "u-ann", "phone_number": "+8201012345678"}], Finding.UNUSABLE),
        ([{"user_id": "u-ann", "name": "Ann"}], Finding.UNUSABLE),
        ([{"user_id": "u-ann", "asked_at": "2026-01-01T00:00:00Z"}], Finding.UNUSABLE),
        ([{"user_id": "u-ann", "vendors": {"nobody": {}}}], Finding.UNUSABLE),
        ([{"user_id": "u-ann", "email": "bob@private.example"}], Finding.CONTRADICTING),
    ],
)
def test_an_answer_is_used_only_where_it_is_a_persons_and_agrees(said: list[Any], finding: Finding) -> None:
    found, whole = judge(ANN, said)
    assert found is finding
    assert (whole is not None) == (finding is Finding.COMPLETED)


def test_a_vendors_block_that_says_otherwise_contradicts() -> None:
    given_: Subject = {"email": "ann@private.example", "vendors": {"algonomy": {"user_id": "a-1"}}}
    said = {"user_id": "u-ann", "vendors": {"algonomy": {"user_id": "a-2"}}}
    assert judge(given_, [said]) == (Finding.CONTRADICTING, None)


def with_block(vendor: str, **block: Any) -> Subject:
    return {"email": "ann@private.example", "vendors": {vendor: block}}


@each_row(
    ("vendor", "on_file", "said", "kept"),
    [
        ("insider", {"identifiers": {"email": "a@x.org"}}, {"identifiers": {"uuid": "u-1"}}, "both"),
        ("insider", {"identifiers": {"email": "a@x.org", "uuid": None}}, {"identifiers": {"uuid": "u-1"}}, "both"),
        (
            "insider",
            {"identifiers": {"email": "a@x.org"}},
            {"identifiers": {"custom": {"shop": "s-1"}, "phone_number": "+821012345678"}},
            "both",
        ),
        ("insider", {"identifiers": {"custom": {"shop": "s-1"}}}, {"identifiers": {"custom": {"crm": "c-1"}}}, "both"),
        ("insider", {"insider_id": "i-1"}, {"identifiers": {"uuid": "u-1"}}, "file"),  # one form or the other
        ("insider", {"identifiers": {"uuid": "u-1"}}, {"insider_id": "i-1"}, "file"),
        ("dfinery", {"user_id": None}, {"user_id": "d-1"}, "both"),
        ("algonomy", {}, {"user_id": "a-1"}, "both"),
        ("algonomy", {"user_id": "a-1"}, {"user_id": None}, "file"),
        ("akinon", {"session_id": "s-1"}, {"csrf_token": "t-1"}, "file"),
    ],
)
def test_keys_that_a_vendors_block_lacks_are_filled_in_and_no_key_is_replaced(
    vendor: str, on_file: dict[str, Any], said: dict[str, Any], kept: str
) -> None:
    finding, whole = judge(with_block(vendor, **on_file), [{"user_id": "u-ann", "vendors": {vendor: said}}])
    assert finding is Finding.COMPLETED
    assert whole is not None
    block = (whole.get("vendors") or {}).get(vendor, {})
    assert block == (merged(on_file, said) if kept == "both" else on_file)
    check_subject(dict(whole))


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """By hand, for two blocks whose values do not meet."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        both[name] = merged(one[name], other[name]) if isinstance(one[name], dict) else one[name] or other[name]
    return both


def test_what_was_allowed_though_it_is_odd_hinders_nothing() -> None:
    odd: Subject = {"vendors": {"insider": {"identifiers": {"email": "unknown@x.org", "uuid": None}}}}
    _, whole = judge(odd, [{"vendors": {"insider": {"identifiers": {"uuid": "u-1"}}}}])
    assert whole is not None
    assert whole["vendors"]["insider"]["identifiers"]["uuid"] == "u-1"


@given(st.lists(JSON | st.dictionaries(FIELDS, JSON | GOOD), max_size=2))
def test_whatever_comes_what_was_given_stays_and_what_is_kept_is_a_person(said: list[Any]) -> None:
    finding, whole = judge(ANN, said)
    if finding is Finding.COMPLETED:
        assert whole is not None
        assert whole.get("email") == ANN["email"]
        assert check_subject(dict(whole)) == whole
    else:
        assert whole is None
