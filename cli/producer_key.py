"""`consent producer-key`: the key that Celery producers seal their requests to."""

import typer

from intake.exit_codes import CommandError, Ending
from intake.stack import surroundings
from tasks.sealed import ProducerKeys


def show() -> Ending:
    """Print the public half of the newest producer key. Raises CommandError."""
    with surroundings() as here:
        public = ProducerKeys.parse(here.stack.producer_keys).public
    if public is None:
        raise CommandError("there is no producer key: set CONSENT_PRODUCER_KEYS", Ending.UNUSABLE)
    typer.echo(public)
    return Ending.DONE
