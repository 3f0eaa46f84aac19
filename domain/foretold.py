"""What is said of who was erased before, of a file that was not submitted yet."""

from domain.counted import counted_people
from domain.past_erasures import ErasedBefore
from domain.requests import Kind

WHAT_HAPPENS = {
    Kind.ERASURE: "they are erased again",
    Kind.OPT_OUT: "the opt-out goes out for them too, and erases nobody",
    Kind.OPT_IN: "the opt-in goes out for them too, with this warning",
}
"""What becomes of those who were erased before when they are in a request of this kind."""


def foretell(erased: ErasedBefore, kind: Kind) -> str:
    """Who of people who may be submitted was erased before, and what would become of them."""
    return f"{erased}. When this is submitted, {WHAT_HAPPENS[kind]}"


def say_not_looked_up(looked_up: int) -> str:
    """That a file has too many people to look up all of them before it is submitted."""
    return (
        f"of the file, only {counted_people(looked_up)} were looked up on the suppression list, the first; "
        "`consent suppression check` looks up all"
    )
