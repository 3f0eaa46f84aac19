"""Notes on work that takes long and has no known end."""

from collections.abc import Callable

from intake.exit_codes import note

NOTED_EVERY = 100_000


def noting(say: Callable[[int], str]) -> Callable[[int], None]:
    """Something to be called with how much is done. It notes what `say` makes of that, once for each NOTED_EVERY."""
    noted = 0

    def progress(done: int) -> None:
        nonlocal noted
        if done // NOTED_EVERY > noted:
            noted = done // NOTED_EVERY
            note(say(done))

    return progress
