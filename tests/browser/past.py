"""A ledger in which much has happened, so that every page has something to show."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from domain.outcomes import Reason
from domain.requests import Kind
from ledger.delivery import steps, traffic, vendors
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end

NAMES = ("akinon", "algonomy", "b2core", "dfinery", "insider")


class Past(NamedTuple):
    """Requests by how they stand."""

    running: UUID
    exceptions: UUID
    completed: UUID
    unconfirmed: UUID


def live(desk: Desk) -> Past:
    """Have it happen."""
    desk.announce(**dict.fromkeys(NAMES, 10))
    completed = _submit(desk, 3, Kind.OPT_OUT, "key:shop", ("dfinery", "insider"))
    end(desk, "accepted", None, [completed[0]])
    exceptions = _submit(desk, 40, Kind.ERASURE, "user:operator", NAMES)
    end(desk, "unreachable", "no_identifier", [exceptions[0]], "akinon")
    end(desk, "refused", "rejected", [exceptions[0]], "insider", upto=3)
    end(desk, "exhausted", "server_error", [exceptions[0]], "dfinery", upto=12)
    end(desk, "verified", None, [exceptions[0]])
    running = _submit(desk, 60, Kind.ERASURE, "user:operator", ("algonomy", "dfinery", "insider"))
    end(desk, "accepted", None, [running[0]], "algonomy")
    end(desk, "accepted", None, [running[0]], "insider", upto=22)
    desk.execute("UPDATE requests SET received_at = now() - interval '40 seconds' WHERE id = :id", id=running[0])
    desk.execute(
        "UPDATE requests SET received_at = received_at - interval '27 days', due_at = now() + interval '2 days' "
        "WHERE id = :id",
        id=exceptions[0],
    )
    unconfirmed = _submit(desk, 5, Kind.OPT_IN, "user:somebody", ("insider",))
    desk.execute("UPDATE requests SET status = 'unconfirmed' WHERE id = :id", id=unconfirmed[0])
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE vendors SET served_at = now() + interval '1 hour'"))
        vendors.hold(connection, "b2core", "user:operator")
        steps.strike(connection, 4, "flags", Reason.SERVER_ERROR, weight=2, refused=(), limit=5, interval_s=10)
        traffic.describe_limits(connection, {"dfinery": {"": 10_000.0}, "insider": {"": 25_000.0, "profile": 500.0}})
        rows = [("dfinery", "", "5xx", 40), ("insider", "", "2xx", 1_250), ("insider", "profile", "429", 7)]
        named = [dict(zip(("vendor", "bucket", "answer", "answers"), row, strict=True)) for row in rows]
        traffic.note_answers(connection, [{**one, "units": one["answers"]} for one in named])
    return Past(running[1], exceptions[1], completed[1], unconfirmed[1])


def _submit(desk: Desk, count: int, kind: Kind, by: str, named: tuple[str, ...]) -> tuple[int, UUID]:
    recorded = desk.submit(people(count), kind=kind, submitted_by=by, vendors=named).recorded
    ((number,),) = desk.rows("SELECT id FROM requests WHERE public_id = :id", id=recorded.public_id)
    return int(number), recorded.public_id
