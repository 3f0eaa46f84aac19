"""An answer as HTML, and as PDF: nothing in it is read as markup, and the same facts make the same bytes."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest

from answers import pdf
from answers.catalogue import catalogue
from answers.choices import Form, Language, Reader
from answers.document import Document, Entry, Section
from answers.facts import Evidence
from answers.html import as_html, policy
from answers.pdf import NoPdfError, as_pdf, can_make_pdf
from answers.printable import printable
from answers.rendering import Style, file_name, render
from answers.writing import write
from tests.unit.answers.samples import MASKED, at, ended, facts

TOLD = facts(at("insider", ended("verified", "looked_up")), at("akinon", ended("unreachable")), person=MASKED, line=2)


def of_texts(*lines: str) -> Document:
    """A page with these lines."""
    section = Section("Section", entries=(Entry("Entry", lines),))
    return Document("ko", "2026-05-04", "", "Title", "Lead", (("Label", "value"),), (section,), ("Footer",))


@pytest.mark.parametrize("reader", Reader)
@pytest.mark.parametrize("language", Language)
def test_the_same_facts_make_the_same_accessible_pdf(language: Language, reader: Reader) -> None:
    style = Style(reader, language, Form.PDF, "Shop GmbH\nprivacy@shop.example")
    made = render(TOLD, style)
    assert made == render(TOLD, style)
    assert made.startswith(b"%PDF-1.7")
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert b"<pdfaid:part>2</pdfaid:part>" in made
    assert b"/Lang" in made
    assert b"MarkInfo" in made


def test_the_pdf_has_every_message_of_every_language() -> None:
    """The typesetter refuses PDF/UA where a glyph is missing: `tests/slow/test_fonts.py` is about the glyphs."""
    assert as_pdf(of_texts(*(text for language in Language for _, text in catalogue(language).messages())))


def test_a_reference_to_the_log_stands_on_paper_also_as_a_code() -> None:
    told = replace(
        TOLD, evidence=Evidence("shop.example/consent", 4711, "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=")
    )
    for language in Language:
        document = write(told, Reader.PERSON, language)
        assert any("4711" in line and "shop.example/consent" in line for line in document.footer)
        assert "n4bQgYhMfWWaL+qgxVrQFaO/" in as_html(document)
        made = as_pdf(document)
        assert made == as_pdf(document)
        assert len(made) > len(as_pdf(replace(document, proof="", proof_said="")))
    assert document.proof.splitlines() == [
        "shop.example/consent",
        "4711",
        "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
    ]


def test_a_missing_glyph_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "printable", lambda text: text)
    with pytest.raises(RuntimeError, match="could not be displayed"):
        as_pdf(of_texts("\N{GRINNING FACE}"))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("ğŞıİ äß 김 漢", "ğŞıİ äß 김 漢"),
        ("\u1100\u1161", "가"),
        ("\N{GRINNING FACE}•••", "□•••"),
        ("\ue000\x00\u200b", "□□□"),
        ("\u0e44", "□"),
    ],
)
def test_what_the_fonts_lack_is_shown_as_a_box(given: str, shown: str) -> None:
    assert printable(given) == shown
    assert as_pdf(of_texts(given))


MARKUP = '#panic("x") $x$ *b* _i_ <a> & @here [x] \\ // <script>alert(1)</script> {{ 7 * 7 }}'


def test_nothing_in_an_answer_is_read_as_markup() -> None:
    document = of_texts(MARKUP)
    html = as_html(document)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7 * 7 }}" in html
    assert as_pdf(document)


def test_the_page_needs_nothing_but_itself() -> None:
    html = as_html(write(TOLD, Reader.REGULATOR, Language.KOREAN))
    assert '<html lang="ko">' in html
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert b64encode(sha256(style.encode()).digest()).decode() in policy()
    assert not re.findall(r"(?:src|href|action)=|url\(|@import| style=| on\w+=", html)
    assert re.findall(r"<h(\d)", html) == sorted(re.findall(r"<h(\d)", html), key=lambda _: 0)
    assert html.count("<h1>") == 1


def test_a_name_of_a_file_names_nobody() -> None:
    assert file_name(TOLD, Style(form=Form.PDF)) == "answer-123e4567-2-en.pdf"


def test_without_the_extra_it_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_make_pdf()
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    assert not can_make_pdf()
    with pytest.raises(NoPdfError, match=r'pip install "consent-worker\[pdf\]"'):
        as_pdf(of_texts("a"))
