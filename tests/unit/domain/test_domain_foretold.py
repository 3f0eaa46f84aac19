"""What is said of who was erased before, of a file that was not submitted yet."""

from domain.foretold import WHAT_HAPPENS, foretell, say_not_looked_up
from domain.past_erasures import ErasedBefore
from domain.requests import Kind
from tests.table_rows import each_row


@each_row("kind", list(Kind))
def test_what_becomes_of_them_is_said_of_every_kind(kind: Kind) -> None:
    erased = ErasedBefore(1, (2,))
    assert foretell(erased, kind) == f"{erased}. When this is submitted, {WHAT_HAPPENS[kind]}"


def test_how_many_were_looked_up() -> None:
    assert say_not_looked_up(12_000) == (
        "of the file, only 12,000 people were looked up on the suppression list, the first; "
        "`consent suppression check` looks up all"
    )
