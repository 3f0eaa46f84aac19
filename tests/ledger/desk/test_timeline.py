"""When deliveries ended: as it was, told from few of many people, and without what goes out again."""

import pytest

from ledger.desk import timeline
from ledger.desk.timeline import rate_of, timeline_of
from tests.ledger.conftest import Desk, people
from tests.ledger.endings import end


@pytest.fixture
def request_id(desk: Desk) -> int:
    desk.announce(insider=10, dfinery=10)
    desk.submit(people(40), vendors=("dfinery", "insider"))
    number = int(desk.one("SELECT max(id) FROM requests"))
    desk.execute("UPDATE requests SET received_at = now() - interval '1 hour'")
    end(desk, "accepted", None, [number], "insider")
    end(desk, "accepted", None, [number], "dfinery", upto=10)
    return number


def ended(desk: Desk, number: int, subjects: int = 40) -> dict[str, float]:
    with desk.engine.connect() as connection:
        buckets = timeline_of(connection, number, subjects).buckets
    assert [one.at for one in buckets] == sorted(one.at for one in buckets) or len({one.vendor for one in buckets}) > 1
    found: dict[str, float] = {}
    for bucket in buckets:
        found[bucket.vendor] = found.get(bucket.vendor, 0) + bucket.ended
    return found


def test_everything_that_has_ended_is_in_it(desk: Desk, request_id: int) -> None:
    assert ended(desk, request_id) == {"insider": 40, "dfinery": 10}


def test_what_goes_out_again_has_not_ended(desk: Desk, request_id: int) -> None:
    desk.execute(
        """INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
           SELECT :id, id, 2, line, 0, 'pending' FROM vendors, generate_series(1, 4) AS line WHERE name = 'dfinery'""",
        id=request_id,
    )
    assert ended(desk, request_id)["dfinery"] == 6


def test_of_many_some_stand_for_all(desk: Desk, request_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "SAMPLES", 8)
    found = ended(desk, request_id)
    assert found["insider"] == pytest.approx(40)
    assert found["dfinery"] == pytest.approx(10)


def test_the_rate_has_no_holes(desk: Desk, request_id: int) -> None:
    desk.execute("ALTER TABLE outcomes DISABLE TRIGGER USER")
    desk.execute("UPDATE outcomes SET settled_at = date_trunc('minute', now()) - interval '5 minutes 30 seconds'")
    desk.execute("ALTER TABLE outcomes ENABLE TRIGGER USER")
    with desk.engine.connect() as connection:
        rate = rate_of(connection, [request_id])
        assert rate_of(connection, []) == []
    assert len(rate) == 30
    assert [one.per_minute for one in rate if one.per_minute] == [25.0]
    assert rate == sorted(rate)
