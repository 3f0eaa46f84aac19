"""What a card says of an outcome: what was done, how surely it is known, and what was not reached."""

from dataclasses import replace

from adapters.card import ENDINGS, Card, Operation, say_what_was_done
from domain.outcomes import DONE, Outcome, Reason
from domain.requests import Kind
from tests.stubs import ANY_CARD
from tests.table_rows import each_row

BLIND = Operation("off", "The flags were set.", reaches="the flags", leaves="the profile")
SEEN = replace(BLIND, read_back="the flags are false")
OTHER_WAY = replace(SEEN, done="The account was closed.", leaves="", read_back="the account is closed", way=Reason.BUSY)


def card(*ways: Operation) -> Card:
    return replace(ANY_CARD, operations={Kind.ERASURE: ways})


@each_row(
    ("ways", "outcome", "reason", "said"),
    [
        (
            (BLIND,),
            Outcome.ACCEPTED,
            None,
            "The flags were set. The vendor said yes; it cannot be read back. Not reached: the profile.",
        ),
        (
            (SEEN,),
            Outcome.ACCEPTED,
            None,
            "The flags were set. The vendor said yes; it has not been read back. Not reached: the profile.",
        ),
        (
            (SEEN,),
            Outcome.VERIFIED,
            None,
            "The flags were set. Read back: the flags are false. Not reached: the profile.",
        ),
        (
            (BLIND,),
            Outcome.VERIFIED,
            None,
            "The flags were set. The vendor said yes; it cannot be read back. Not reached: the profile.",
        ),
        ((SEEN, OTHER_WAY), Outcome.VERIFIED, Reason.BUSY, "The account was closed. Read back: the account is closed."),
        (
            (SEEN, OTHER_WAY),
            Outcome.VERIFIED,
            None,
            "The flags were set. Read back: the flags are false. Not reached: the profile.",
        ),
    ],
)
def test_a_good_outcome_says_what_was_done_by_the_way_that_was_taken(
    ways: tuple[Operation, ...], outcome: Outcome, reason: Reason | None, said: str
) -> None:
    assert say_what_was_done(card(*ways), Kind.ERASURE, outcome, reason) == said


@each_row("outcome", sorted(set(Outcome) - {Outcome.ACCEPTED, Outcome.VERIFIED}))
def test_an_outcome_without_the_vendors_yes_never_says_that_it_was_done(outcome: Outcome) -> None:
    said = say_what_was_done(card(SEEN), Kind.ERASURE, outcome, Reason.REJECTED)
    assert said == ENDINGS[outcome]
    assert SEEN.done not in said


def test_every_outcome_is_put_into_words() -> None:
    assert set(ENDINGS) | {Outcome.ACCEPTED, Outcome.VERIFIED} == set(Outcome)
    assert {Outcome.ACCEPTED, Outcome.VERIFIED} <= DONE
