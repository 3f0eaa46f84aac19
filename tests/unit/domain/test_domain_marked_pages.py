"""A generated block of a page is replaced, and nothing else of the page."""

import pytest

from domain.marked_pages import MarkerError, filled


def test_a_block_is_replaced_and_the_rest_kept() -> None:
    page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n"
    assert filled(page, {"x": "new\n"}) == "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n"
    with pytest.raises(MarkerError, match="begin y"):
        filled(page, {"y": "new\n"})
