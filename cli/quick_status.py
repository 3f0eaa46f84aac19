"""`consent status`, which scripts call again and again: read by psycopg alone, and without the settings that it does
not need. `cli.status` reads what this module cannot, or says what is wrong."""

from typing import NamedTuple

from cli.moment import OPEN
from cli.request_ids import no_such_request, read_id
from cli.status_words import Told, tell
from config.broker_place import NoBrokerError, find_broker
from config.ledger_place import find_ledger
from intake.exit_codes import CommandError, Ending, note
from ledger.desk.status import Status, read_status, waited_for
from ledger.quick import NotReadError, reading

LESS = "without its reference, and without how the directory answers"


class _Seen(NamedTuple):
    """What can be told. `is_all`: more would take keys or settings."""

    told: Told
    is_all: bool


def status(request_id: str, *, as_json: bool) -> Ending:
    """Print the status of a request. Raises CommandError."""
    seen = _look(request_id)
    if seen is None or not seen.is_all:
        from cli.status import status as look_thoroughly  # noqa: PLC0415 - it loads what this module does without

        try:
            return look_thoroughly(request_id, as_json=as_json)
        except CommandError as error:
            if seen is None:
                raise
            note(f"{LESS}: {error}")
    told = seen.told
    tell(told, as_json=as_json)
    if not as_json and told.status.status in OPEN and (untaken := _say_untaken(told.status)):
        note(untaken)
    return Ending.DONE


def _look(request_id: str) -> _Seen | None:
    """What the ledger says; None where it cannot be read in this way. Raises CommandError where there is no such
    request."""
    place = find_ledger()
    if place is None:
        return None
    try:
        with reading(place.url) as ask:
            found = read_status(ask, read_id(request_id))
            vendors = waited_for(ask, found.pending_at) if found is not None else ()
    except (NotReadError, ValueError):
        return None
    if found is None:
        raise no_such_request()
    told = Told(found, found.at_risk(place.due_soon_days), vendors)
    return _Seen(told, is_all=not (found.to_resolve or found.has_reference))


def _say_untaken(found: Status) -> str | None:
    from cli.untaken import say_untaken  # noqa: PLC0415 - it loads a client of Redis

    try:
        return say_untaken(found, *find_broker())
    except (NoBrokerError, ValueError):  # without Redis, or with an address that is none: the status is known
        return None
