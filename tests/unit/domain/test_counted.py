"""Numbers of things, in words that agree with them; everywhere."""

import re
from pathlib import Path

from domain.counted import counted, counted_deliveries, counted_people

SOURCES = Path(__file__).parents[3]
ROOMS = ("adapters", "cli", "config", "domain", "intake", "ledger", "local", "tasks", "web", "worker")
THINGS = (
    "people|deliveries|requests|lines|messages|repeats|vendors|times|more (?:wait|need|were|are)|need|are under way"
)
IN_A_TEXT = re.compile(rf"[a-z)\]]:,\}} (?:{THINGS})\b")


def test_one_is_one_and_two_are_several() -> None:
    assert [counted_people(number) for number in (0, 1, 2)] == ["0 people", "1 person", "2 people"]
    assert [counted_deliveries(number) for number in (1, 12_000)] == ["1 delivery", "12,000 deliveries"]
    assert [counted(number, "needs", "need") for number in (1, 2)] == ["1 needs", "2 need"]
    assert counted(3, "line") == "3 lines"


def test_no_message_puts_any_number_before_a_plural() -> None:
    """`domain.counted` chooses the word; a plural in the text itself says "1 people" one day."""
    paths = [path for room in ROOMS for path in (SOURCES / room).rglob("*.py")]
    assert len(paths) > 300
    found = [f"{path.name}: {hit}" for path in paths for hit in IN_A_TEXT.findall(path.read_text())]
    assert found == []
