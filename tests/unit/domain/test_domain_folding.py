"""Two spellings of one identifier are one person, and two people stay two."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.folding import fold, fold_email, fold_identifier
from domain.requests import Subject
from ledger.people.prints import Prints
from ledger.sealing import Fingerprinter
from tests.table_rows import each_row

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@each_row(
    ("one", "other"),
    [
        (" Jane.Doe@Example.ORG ", "jane.doe@example.org"),
        ("jane@exämple.org", "jane@xn--exmple-cua.org"),
        ("jane@EXÄMPLE.org", "jane@XN--exmple-cua.ORG"),
        ("jane@exa\u0308mple.org", "jane@exämple.org"),
        ("jane@faß.example", "jane@xn--fa-hia.example"),
        ("jose\u0301@example.org", "josé@example.org"),
        ("JOSÉ@example.org", "jose\u0301@example.org"),
        ("jane@例え。jp", "jane@xn--r8jz45g.jp"),
        ("jane@\uff45xämple.org", "jane@exämple.org"),
        ('"ä@b"@EXÄMPLE.org', '"ä@b"@xn--exmple-cua.org'),
    ],
)
def test_one_address_in_two_spellings(one: str, other: str) -> None:
    assert fold_email(one) == fold_email(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("straße@example.org", "strasse@example.org"),
        ("jane@faß.example", "jane@fass.example"),
        ("jane@example.org", "jane@example.com"),
        ("o.k@example.org", "ok@example.org"),
    ],
)
def test_two_addresses_stay_two(one: str, other: str) -> None:
    assert fold_email(one) != fold_email(other)


def test_ids_are_compared_in_nfc_and_with_their_capitals() -> None:
    assert fold_identifier("Jose\u0301") == "José"
    assert fold_identifier("u-1") != fold_identifier("U-1")
    assert fold_identifier("\uff55-1") != fold_identifier("u-1")  # what a vendor may tell apart stays apart


@given(TEXT)
def test_folding_twice_is_folding_once_and_forms_of_unicode_do_not_matter(text: str) -> None:
    assert fold_identifier(fold_identifier(text)) == fold_identifier(text) == fold_identifier(normalize("NFD", text))
    email = f"{text}@example.org"
    assert fold_email(fold_email(email)) == fold_email(email)


@pytest.mark.parametrize("field", ["user_id", "email", "insider_id"])
def test_one_function_folds_by_field(field: str) -> None:
    value = "Jose\u0301@EXÄMPLE.org"
    assert fold(field, value) == (fold_email(value) if field == "email" else fold_identifier(value))


def test_prints_are_those_of_folded_identifiers() -> None:
    prints = Prints(Fingerprinter(b"k" * 32))
    one: Subject = {
        "user_id": "Jose\u0301",
        "email": "A@EXÄMPLE.org",
        "vendors": {"akinon": {"email": "J@X.org"}, "algonomy": {"user_id": "e\u0301"}},
    }
    other: Subject = {
        "user_id": "José",
        "email": "a@xn--exmple-cua.org",
        "vendors": {"algonomy": {"user_id": "é"}, "akinon": {"email": "j@x.org"}},
    }
    assert prints.identifiers(one) == prints.identifiers(other)
    assert prints.whole(one) == prints.whole(other)
    assert prints.whole(one) != prints.whole({**one, "user_id": "jose"})
