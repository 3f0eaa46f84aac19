"""`consent status`, which scripts call again and again: read by psycopg alone, and without the settings that it does
not need. `cli.status` reads what this module cannot, or says what is wrong."""

from uuid import UUID

from cli.moment import OPEN
from cli.status_words import Told, tell
from config.broker_place import NoBrokerError, find_broker
from config.ledger_place import find_ledger
from intake.exit_codes import Ending, note
from ledger.desk.status import Status, read_status, waited_for
from ledger.quick import NotReadError, reading


def status(request_id: str, *, as_json: bool) -> Ending:
    """Print the status of a request. Raises CommandError."""
    told = _look(request_id)
    if told is None:
        from cli.status import status as look_thoroughly  # noqa: PLC0415 - it loads what this module does without

        return look_thoroughly(request_id, as_json=as_json)
    tell(told, as_json=as_json)
    if not as_json and told.status.status in OPEN and (untaken := _say_untaken(told.status)):
        note(untaken)
    return Ending.DONE


def _look(request_id: str) -> Told | None:
    """What can be told; None where there is no such request, nobody answers, or keys or settings are needed."""
    place = find_ledger()
    if place is None:
        return None
    try:
        with reading(place.url) as ask:
            found = read_status(ask, UUID(request_id))
            if found is None or found.to_resolve or found.has_reference:
                return None
            vendors = waited_for(ask, found.pending_at)
    except (NotReadError, ValueError):
        return None
    return Told(found, found.at_risk(place.due_soon_days), vendors)


def _say_untaken(found: Status) -> str | None:
    from cli.untaken import say_untaken  # noqa: PLC0415 - it loads a client of Redis

    try:
        return say_untaken(found, *find_broker())
    except (NoBrokerError, ValueError):  # without Redis, or with an address that is none: the status is known
        return None
