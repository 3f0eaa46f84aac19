"""What needs a person is counted from tallies where they tell it, and the same as one by one."""

import pytest
from sqlalchemy import text

from ledger.desk.attention import groups
from ledger.rounds import LATEST
from ledger.unsettled import waits
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end

ONE_BY_ONE = text(f"""
    SELECT vendors.name, CAST(outcome AS text), reason, count(*), count(DISTINCT outcomes.request_id), min(due_at)
    FROM outcomes JOIN requests ON requests.id = outcomes.request_id JOIN vendors ON vendors.id = outcomes.vendor_id
    WHERE {waits("outcomes")} AND requests.status <> 'cancelled' AND {LATEST}
        AND (CAST(:request_id AS bigint) IS NULL OR outcomes.request_id = :request_id)
        AND (CAST(:reason AS text) IS NULL OR reason = :reason)
    GROUP BY vendors.name, outcome, reason ORDER BY min(due_at), vendors.name, outcome, reason
""")  # noqa: S608 - of our own constants


@pytest.fixture
def much(desk: Desk) -> Desk:
    """Requests of which people need somebody: for one reason, for several, for none any more."""
    desk.announce(akinon=10, dfinery=10, insider=10)
    for _ in range(6):
        desk.submit(people(4), vendors=("akinon", "dfinery", "insider"))
    end(desk, "unreachable", "no_identifier", [1, 2, 3], "akinon")
    end(desk, "exhausted", "timeout", [1], "dfinery")
    end(desk, "refused", "rejected", [2], "dfinery", upto=2)
    end(desk, "exhausted", "server_error", [2], "dfinery")
    end(desk, "refused", "rejected", [3], "insider", upto=1)
    desk.execute(
        """INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome, reason)
           SELECT request_id, vendor_id, 2, 1, 1, outcome, 'unknown_user' FROM outcomes WHERE outcome = 'refused'
               AND request_id = 3"""
    )
    desk.execute("UPDATE tallies SET deliveries = 2 WHERE request_id = 3 AND outcome = 'refused'")
    end(desk, "needs_action", None, [4], "akinon", upto=2)
    end(desk, "refused", "rejected", [5], "insider")
    end(desk, "accepted", None)
    desk.execute("UPDATE requests SET status = 'completed_with_exceptions' WHERE id IN (1, 2, 3)")
    desk.execute("UPDATE requests SET status = 'cancelled' WHERE id = 5")
    desk.execute("UPDATE requests SET due_at = due_at + id * interval '1 day'")
    desk.execute("INSERT INTO notes (request_id, deed, by) VALUES (3, 'accept', 'cli:ann')")
    # One of the refused was sent again meanwhile, and so was one of those who could not be found.
    for request_id, vendor, outcome in ((3, "insider", "refused"), (2, "akinon", "unreachable")):
        values = {"id": request_id, "vendor": vendor, "outcome": outcome}
        desk.execute(
            """INSERT INTO outcomes (request_id, vendor_id, line, round, attempts, outcome)
               SELECT request_id, vendor_id, line, 2, 1, 'pending' FROM outcomes JOIN vendors ON vendors.id = vendor_id
               WHERE request_id = :id AND name = :vendor AND line = 1""",
            **values,
        )
        desk.execute(
            """UPDATE tallies SET deliveries = deliveries - 1 FROM vendors
               WHERE vendors.id = vendor_id AND name = :vendor AND request_id = :id
                   AND outcome = CAST(:outcome AS outcome)""",
            **values,
        )
    return desk


def test_they_are_counted_as_one_by_one(much: Desk) -> None:
    with much.engine.connect() as connection:
        for request_id in (None, *range(1, 7)):
            for reason in (None, "rejected", "no_identifier", "server_error"):
                values = {"request_id": request_id, "reason": reason}
                expected = [tuple(row) for row in connection.execute(ONE_BY_ONE, values)]
                assert [tuple(one) for one in groups(connection, **values)] == expected, values
        assert len(groups(connection)) == 6
