"""Pages of a list, and where their cursors may lead."""

import httpx
import pytest

from adapters.contract import UnreadableError
from adapters.pages import MOST_PAGES, Page, next_link
from tests.table_rows import each_row

ASKED = httpx.URL("https://api.madeup.example/v1/stopped?limit=3")


def test_pages_follow_until_none_is_named() -> None:
    second = Page().next("c1")
    assert second == Page("c1", 2)
    third = second.next("c2") if second else None
    assert third == Page("c2", 3)
    assert third is not None
    assert third.next(None) is third.next("") is None


@each_row("cursor", [7, True, [], {}, b"c", "c1"])
def test_what_is_no_next_page(cursor: object) -> None:
    with pytest.raises(UnreadableError):
        Page("c1", 2).next(cursor)


def test_a_list_ends_somewhere() -> None:
    page = Page()
    for number in range(1, MOST_PAGES):
        page = page.next(f"c{number % 2}") or page  # two pages that lead to each other
    assert page.number == MOST_PAGES
    with pytest.raises(UnreadableError):
        page.next("c7")


def test_a_page_shows_no_cursor() -> None:
    assert "jane" not in repr(Page("jane", 2))


@pytest.mark.parametrize(
    ("told", "link"),
    [
        (None, ""),
        ("", ""),
        ("https://api.madeup.example/v1/stopped?page=2", "https://api.madeup.example/v1/stopped?page=2"),
        ("/v1/stopped?page=2", "https://api.madeup.example/v1/stopped?page=2"),
        ("?page=2", "https://api.madeup.example/v1/stopped?page=2"),
    ],
)
def test_a_link_leads_on(told: object, link: str) -> None:
    assert next_link(told, ASKED) == link


@each_row(
    "told",
    [
        *(7, [], "https://evil.example/v1", "http://api.madeup.example/v1", "https://api.madeup.example:8443/v1"),
        *("//evil.example/", "https://u:p@api.madeup.example/v1", "https://api.madeup.example.evil.example/", "\0"),
    ],
)
def test_a_link_leads_nowhere_else(told: object) -> None:
    with pytest.raises(UnreadableError):
        next_link(told, ASKED)
