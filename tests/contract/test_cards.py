"""docs/vendors.md, docs/gdpr.md and README.md say what the cards do; the conformance suite asks the rest of a card."""

from adapters.card_tables import GDPR, PAGE, README, gdpr, page, readme


def test_the_page_holds_what_the_cards_say() -> None:
    """Where this fails: `python -m adapters.card_tables`."""
    text = PAGE.read_text()
    assert page(text) == text
    text = GDPR.read_text()
    assert gdpr(text) == text
    text = README.read_text()
    assert readme(text) == text
