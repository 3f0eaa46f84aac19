"""Data subject requests in both shapes: what is read, what is refused, and that nothing else comes of any bytes."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.opendsr import DsrRequest, Version
from domain.regulations import Regulation
from domain.requests import Kind
from tests.table_rows import each_row
from web.opendsr.reading import LONGEST_BODY, RefusedError, read_id, read_request

DOMAIN = "opendsr.consent.example"
ID = "a7551968-d5d6-44b2-9831-815ac9017798"
EMAIL = {"identity_type": "email", "identity_value": "johndoe@example.com", "identity_format": "raw"}
COMMON = {
    "regulation": "gdpr",
    "subject_request_id": ID,
    "subject_request_type": "erasure",
    "submitted_time": "2018-10-02T15:00:00Z",
}
V2 = {**COMMON, "api_version": "2.0", "subject_identities": [EMAIL]}
V3 = {
    **COMMON,
    "api_version": "3.0",
    "subject_identities": {"email": {"value": "johndoe@example.com", "encoding": "raw"}},
}
PLAIN = {Version.V2: V2, Version.V3: V3}


def read(document: object, version: Version = Version.V2) -> DsrRequest:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_request(body, version, DOMAIN)


def faults(document: object, version: Version = Version.V2) -> list[tuple[str, str]]:
    with pytest.raises(RefusedError) as told:
        read(document, version)
    assert told.value.__suppress_context__ or told.value.__context__ is None
    return [tuple(fault) for fault in told.value.faults]


@pytest.mark.parametrize("version", Version)
def test_the_examples_of_the_specifications_are_read(version: Version) -> None:
    asked = read(PLAIN[version], version)
    assert (asked.id, asked.version, asked.kind) == (UUID(ID), version, Kind.ERASURE)
    assert asked.submitted_at == datetime(2018, 10, 2, 15, tzinfo=UTC)
    assert asked.subjects == ({"email": "johndoe@example.com"},)
    assert "johndoe" not in repr(asked)


def listed(*identities: tuple[str, str]) -> dict[str, Any]:
    return {
        **COMMON,
        "subject_identities": [
            {"identity_type": type_, "identity_value": value, "identity_format": "raw"} for type_, value in identities
        ],
    }


def test_identities_become_people_and_none_is_left_out() -> None:
    asked = read(
        listed(
            ("controller_customer_id", "u-1"),
            ("email", "a@example.com"),
            ("mobile_number", "+821012345678"),
            ("email", "b@example.com"),
            ("email", "A@EXAMPLE.com"),  # the first one again
            ("android_id", "0f0f"),
        )
    )
    assert asked.subjects == (
        {"user_id": "u-1", "email": "a@example.com", "phone_number": "+821012345678"},
        {"email": "b@example.com"},
    )
    assert asked.unused_identities == ("android_id",)


def test_an_opt_out_and_more_identities_ride_in_our_extension() -> None:
    extension = {"request_kind": "opt_out", "subject_identities": {"phone_number_2": {"value": "+821012345678"}}}
    extension["subject_identities"]["phone_number_2"]["encoding"] = "raw"
    document = {**COMMON, "extensions": {DOMAIN: extension, "example-other-processor.com": {"id": 654321}}}
    asked = read(document, Version.V3)
    assert (asked.kind, asked.subjects) == (Kind.OPT_OUT, ({"phone_number": "+821012345678"},))


def test_an_opt_out_never_becomes_an_erasure_by_a_misspelt_domain() -> None:
    assert faults({**V2, "extensions": {"opendsr.consnt.example": {"request_kind": "opt_out"}}}) == [
        ("extensions.(a key).request_kind", f"is read under extensions.{DOMAIN} only")
    ]
    accepting = {**V2, "extensions": {DOMAIN: {"accept_unreachable": True}}}
    assert read(accepting).accept_unreachable
    assert not read(V2).accept_unreachable
    (told,) = faults({**V2, "extensions": {DOMAIN: {"accept_unreachable": "yes"}}})
    assert told[0] == f"extensions.{DOMAIN}.accept_unreachable"
    assert faults({**V2, "extensions": {DOMAIN: []}}) == [(f"extensions.{DOMAIN}", "must be an object")]
    assert faults({**V2, "extensions": {DOMAIN: {"requestkind": "opt_out"}}}) == [
        (f"extensions.{DOMAIN}.requestkind", "is not a known field: rename it, or leave it out")
    ]


@each_row(
    ("change", "where"),
    [
        ({"regulation": None}, "regulation"),
        ({"regulation": "hipaa"}, "regulation"),
        ({"subject_request_id": ID.upper()}, "subject_request_id"),
        ({"subject_request_id": "a7551968-d5d6-14b2-9831-815ac9017798"}, "subject_request_id"),  # version 1
        ({"subject_request_type": "access"}, "subject_request_type"),
        ({"subject_request_type": "portability"}, "subject_request_type"),
        ({"subject_request_type": "opt_out"}, "subject_request_type"),
        ({"submitted_time": "2018-10-02T15:00:00"}, "submitted_time"),
        ({"submitted_time": "2018-02-30T15:00:00Z"}, "submitted_time"),
        ({"submitted_time": "0001-01-01T00:00:00+14:00"}, "submitted_time"),
        ({"submitted_time": 1538492400}, "submitted_time"),
        ({"submitted_time": "3000-01-01T00:00:00Z"}, "submitted_time"),
        ({"submitted_time": "1899-12-31T23:59:59Z"}, "submitted_time"),
        ({"api_version": "1.0"}, "api_version"),
        ({"subject_identities": []}, "subject_identities"),
        ({"subject_identities": None}, "subject_identities"),
        ({"subject_identities": V3["subject_identities"]}, "subject_identities"),
        ({"subject_identities": [EMAIL] * 51}, "subject_identities"),
        ({"subject_identities": [{**EMAIL, "identity_format": "sha256"}]}, "subject_identities.0.identity_format"),
        ({"subject_identities": [EMAIL, {**EMAIL, "identity_format": "MD5"}]}, "subject_identities.1.identity_format"),
        ({"subject_identities": [{**EMAIL, "identity_value": "jane"}]}, "subject_identities.0.identity_value"),
        ({"subject_identities": [{**EMAIL, "identity_type": "jane@x.org"}]}, "subject_identities.0"),
        ({"subject_identities": [{**EMAIL, "identity_type": "android_id"}]}, "subject_identities"),
        ({"status_callback_urls": "https://a.example"}, "status_callback_urls"),
        ({"status_callback_urls": [None]}, "status_callback_urls.0"),
        ({"status_callback_urls": ["https://a.example"] * 11}, "status_callback_urls"),
        ({"extensions": {DOMAIN: {"request_kind": "access"}}}, f"extensions.{DOMAIN}.request_kind"),
        ({"group_id": 7}, "group_id"),
    ],
)
def test_what_is_not_as_specified_is_refused_by_its_place(change: dict[str, Any], where: str) -> None:
    found = faults({**V2, **change})
    assert [place for place, _ in found] == [where]
    assert not any(word in str(found) for word in ("jane", "hipaa", "1538492400", "a.example"))


def test_every_regulation_that_is_known_in_the_other_ways_in_is_taken() -> None:
    for regulation in Regulation:
        assert read({**V2, "regulation": regulation.value}).regulation is regulation


@pytest.mark.parametrize("field", ["regulation", "subject_request_id", "subject_request_type", "submitted_time"])
def test_what_is_required_is(field: str) -> None:
    assert faults({key: value for key, value in V2.items() if key != field}) == [(field, "is required")]


def test_a_hashed_identity_of_the_third_version_is_refused_by_its_place() -> None:
    hashed = {**V3, "subject_identities": {"email": {"value": "d41d8", "encoding": "sha1"}}}
    ((where, problem),) = faults(hashed, Version.V3)
    assert where == "subject_identities.email.encoding"
    assert "raw" in problem
    odd = {**V3, "subject_identities": {"jane@example.org": {"value": "x", "encoding": "raw"}}}
    assert [place for place, _ in faults(odd, Version.V3)] == ["subject_identities.(a key)"]


@each_row(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        json.dumps(V2).encode("utf-16"),
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"regulation": NaN}',
        b"1" * 5_000,
        b'{"a": 1, "a": 2}',
        json.dumps(V2).encode().replace(b'"regulation"', b'"subject_identities": [], "regulation"'),
        b" " * (LONGEST_BODY + 1),
        json.dumps(V2).encode() + b"\x00",
    ],
    ids=lambda body: f"{body[:12]!r}",
)
def test_what_is_no_plain_json_is_refused_whole(body: bytes) -> None:
    assert [place for place, _ in faults(body)] in ([""], ["regulation"])


@pytest.mark.parametrize("field", ["unknown", "extensions", "subject_identities"])
def test_no_depth_is_too_deep_to_be_answered(field: str) -> None:
    head = json.dumps({key: value for key, value in V2.items() if key != field})[:-1]
    for depth in [*range(100, 1_000, 50), 5_000, 20_000]:
        with suppress(RefusedError):
            read(f'{head}, "{field}": {"[" * depth}{"]" * depth}}}'.encode())


def test_what_is_far_too_much_is_refused_at_once() -> None:
    assert len(faults({**V2, "subject_identities": [1] * 20_000})) == 1
    assert len(faults({**V2, "status_callback_urls": [1] * 20_000})) == 1
    assert len(faults({**V3, "subject_identities": {f"a{n}": 1 for n in range(5_000)}}, Version.V3)) == 1


def test_content_is_the_same_however_the_json_is_written() -> None:
    spaced = json.dumps(dict(reversed(V2.items())), indent=2).encode()
    assert read(spaced).content == read(V2).content
    assert read({**V2, "regulation": "ccpa"}).content != read(V2).content


def test_an_id_in_a_path_is_a_uuid_of_version_4() -> None:
    assert read_id(ID) == UUID(ID)
    with pytest.raises(RefusedError):
        read_id("jane@example.org")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [*V2, "extensions", "status_callback_urls", "group_id"]


@given(
    version=st.sampled_from(Version),
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON | st.just({DOMAIN: {}}), max_size=4),
    ours=JSON,
)
def test_any_json_is_read_or_refused(version: Version, changes: dict[str, Any], ours: Any) -> None:
    document = {**PLAIN[version], **changes}
    if document.get("extensions") == {DOMAIN: {}}:
        document["extensions"] = {DOMAIN: ours}
    with suppress(RefusedError):
        assert read(document, version).subjects


@given(body=st.binary(max_size=200), at=st.integers(0, 300))
def test_any_bytes_are_read_or_refused(body: bytes, at: int) -> None:
    plain = json.dumps(V2).encode()
    for spoilt in (body, plain[:at] + body + plain[at:], plain[:at] + plain[at + len(body) :]):
        with suppress(RefusedError):
            assert read(spoilt).subjects


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_identity_beside_a_good_one_is_told_and_left_aside(empty: str | None) -> None:
    mobile = {"identity_type": "mobile_number", "identity_value": empty, "identity_format": "raw"}
    found = read({**V2, "subject_identities": [EMAIL, mobile]})
    assert found.subjects == ({"email": "johndoe@example.com"},)
    assert found.unused_identities == ("mobile_number",)
    keyed = {**V3["subject_identities"], "mobile_number": {"value": empty, "encoding": "raw"}}
    assert read({**V3, "subject_identities": keyed}, Version.V3).unused_identities == ("mobile_number",)
    assert [where for where, _ in faults({**V2, "subject_identities": [mobile]})] == ["subject_identities"]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("email", "mailto:a@x.org"),
        ("email", "none@none.com"),
        ("controller_customer_id", "[object Object]"),
        ("controller_customer_id", "u-1\u200b"),
        ("mobile_number", "+8201012345678"),
    ],
)
def test_an_identity_that_finds_nobody_is_refused_as_at_every_door(type_: str, value: str) -> None:
    other = {"identity_type": type_, "identity_value": value, "identity_format": "raw"}
    ((where, problem),) = faults({**V2, "subject_identities": [EMAIL, other]})
    assert where == "subject_identities.1.identity_value"
    assert value not in problem
