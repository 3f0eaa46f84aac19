"""Every language has every message, with the same words to fill in, and the fonts of the PDF have all of them."""

import re
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from adapters.card import Operation
from adapters.registry import OURS
from answers.catalogue import catalogue
from answers.causes import CAUSES
from answers.choices import Language
from answers.printable import MISSING, printable
from domain.effects import Effect, Remainder
from domain.outcomes import Outcome, Reason
from domain.regulations import Regulation
from domain.requests import Kind

TO_FILL = re.compile(r"\{(\w+)\}")
ENGLISH = catalogue(Language.ENGLISH)
OTHERS = [language for language in Language if language is not Language.ENGLISH]
ALIKE = frozenset({"label.person"})
"""Messages that are the same word in another language."""


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_message_with_its_placeholders(language: Language) -> None:
    wanted = {name: sorted(TO_FILL.findall(text)) for name, text in ENGLISH.messages()}
    found = {name: sorted(TO_FILL.findall(text)) for name, text in catalogue(language).messages()}
    assert found == wanted


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english(language: Language) -> None:
    there = dict(catalogue(language).messages())
    same = {name for name, text in ENGLISH.messages() if there[name] == text and TO_FILL.sub("", text).strip(" ,.")}
    assert same - {"language.thousands"} <= ALIKE


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("effect", Effect),
        ("remains", Remainder),
        ("kind", Kind),
        ("title", Kind),
        ("regulator_title", Kind),
        ("carried_out", Kind),
        ("regulation", Regulation),
        ("outcome", Outcome),
        ("ended", Outcome),
    ],
)
def test_every_member_of_a_closed_set_has_its_words(language: Language, section: str, names: type[StrEnum]) -> None:
    assert [name for name in names if not catalogue(language).has(section, name)] == []


@pytest.mark.parametrize("language", Language)
def test_every_cause_has_its_words(language: Language) -> None:
    assert [cause for cause in {*CAUSES.values(), "withdrawn"} if not catalogue(language).has("cause", cause)] == []
    assert set(CAUSES) <= set(Reason)


@pytest.mark.parametrize("language", Language)
def test_no_message_has_a_character_that_the_fonts_lack(language: Language) -> None:
    texts = [text for _, text in catalogue(language).messages()]
    months = [catalogue(language).day(datetime(2026, month, 1, tzinfo=UTC)) for month in range(1, 13)]
    assert [text for text in [*texts, *months] if MISSING in printable(text)] == []


def test_dates_and_numbers_are_written_as_in_the_language() -> None:
    day = datetime(2026, 3, 9, 23, tzinfo=UTC)
    assert [catalogue(language).day(day) for language in Language] == [
        "9 March 2026",
        "9. März 2026",
        "9 Mart 2026",
        "2026년 3월 9일",
    ]
    assert [catalogue(language).people(1_234_567) for language in Language] == [
        "1,234,567 people",
        "1.234.567 Personen",
        "1.234.567 kişi",
        "1,234,567명",
    ]
    assert [catalogue(language).people(1) for language in Language] == ["1 person", "1 Person", "1 kişi", "1명"]


@pytest.mark.parametrize(
    ("vendor", "kind", "way"),
    [(name, kind, way) for name, one in OURS.items() for kind in Kind for way in one.card.ways(kind)],
)
def test_a_card_says_effects_and_what_remains_where_it_says_so_in_words(
    vendor: str, kind: Kind, way: Operation
) -> None:
    assert way.effects, (vendor, kind)
    assert way.leaves or not way.remains, (vendor, kind)
    if kind is not Kind.OPT_IN:  # what an earlier withdrawal removed is left by an opt-in, and is not there
        assert way.remains or not way.leaves, (vendor, kind)
