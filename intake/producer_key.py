"""`consent producer-key`: what Celery producers seal their requests to."""

import typer

from intake.endings import CommandError, Ending
from intake.surroundings import surroundings
from tasks.sealed import ProducerKeys


def show() -> Ending:
    """Print the public half of the newest producer key. Raises CommandError."""
    with surroundings() as here:
        try:
            public = ProducerKeys.parse(here.stack.producer_keys).public
        except ValueError as error:
            problem = f"these settings cannot be used:\nCONSENT_PRODUCER_KEYS: {error}"
            raise CommandError(problem, Ending.UNUSABLE) from None
    if public is None:
        raise CommandError("there is no producer key: set CONSENT_PRODUCER_KEYS", Ending.UNUSABLE)
    typer.echo(public)
    return Ending.DONE
