"""docs/vendors.md says what the cards do; what a card says of its adapter is asked by the conformance suite."""

from adapters.card_tables import PAGE, page


def test_the_page_holds_what_the_cards_say() -> None:
    """Where this fails: `python -m adapters.card_tables`."""
    text = PAGE.read_text()
    assert page(text) == text
