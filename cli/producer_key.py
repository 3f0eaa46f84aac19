"""`consent producer-key`: the key that Celery producers seal their requests to."""

import json

import typer

from intake.exit_codes import CommandError, Ending
from intake.stack import surroundings
from tasks.sealed import ProducerKeys


def show(*, as_json: bool) -> Ending:
    """Print the public half of the newest producer key. Raises CommandError."""
    with surroundings() as here:
        public = ProducerKeys.parse(here.stack.producer_keys).public
    if public is None:
        raise CommandError("there is no producer key: set CONSENT_PRODUCER_KEYS", Ending.UNUSABLE)
    typer.echo(json.dumps({"public_key": public}) if as_json else public)
    return Ending.DONE
