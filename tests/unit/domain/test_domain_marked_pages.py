"""A generated block of a page is replaced, and nothing else of the page."""

import pytest

from domain.marked_pages import MarkerError, filled


def test_a_block_is_replaced_and_the_rest_kept() -> None:
    page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n"
    assert filled(page, {"x": "new\n"}) == "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n"
    assert filled(page + "<!-- begin y -->\n<!-- end y -->", {"x": "1\n", "y": "2\n"}) == (
        "a\n<!-- begin x -->\n1\n<!-- end x -->\nb\n<!-- begin y -->\n2\n<!-- end y -->"
    )


def test_the_first_block_of_a_name_counts() -> None:
    page = "<!-- begin x -->\nold\n<!-- end x -->\n<!-- begin x -->\nkept\n<!-- end x -->\n"
    assert filled(page, {"x": "new\n"}) == page.replace("old", "new")


@pytest.mark.parametrize("page", ["", "<!-- begin x -->\n", "<!-- end x -->", "<!-- end x --><!-- begin x -->\n"])
def test_a_page_without_both_markers_is_told_of_them(page: str) -> None:
    wanted = r"^a page has no place for x: it wants <!-- begin x --> and <!-- end x -->$"
    with pytest.raises(MarkerError, match=wanted):
        filled(page, {"x": "new\n"})
