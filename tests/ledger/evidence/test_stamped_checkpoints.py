"""Checkpoints that an authority stamps once a day."""

import logging
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.timestamp_authority import AuthorityAwayError
from evidence.keys import SigningKey
from ledger.evidence.checking import check_log
from ledger.evidence.timestamps import check_timestamps, stamped
from tasks import timestamps
from tasks.log import LogKeeper, keep_log
from tasks.log_copy import LogCopy
from tasks.log_folder import stamped_in
from tasks.timestamps import Stamping
from tests.ledger.conftest import Desk
from tests.timestamping import Authority

KEY, AUTHORITY = SigningKey(b"k" * 32), Authority()


def keep(desk: Desk, stamping: Stamping) -> None:
    """After something more was logged."""
    desk.execute("INSERT INTO log_pending (type, facts) VALUES ('test', '{}')")
    keep_log(LogKeeper(desk.engine, desk.masters, lambda: KEY, stamping=stamping))


def faults(desk: Desk, authority: Authority = AUTHORITY) -> list[str]:
    with desk.engine.connect() as connection:
        return [*check_log(connection, [KEY.public]).faults, *check_timestamps(connection, authority.roots)]


def sizes(desk: Desk) -> list[int]:
    with desk.engine.connect() as connection:
        return [one.size for one in stamped(connection)]


def test_one_checkpoint_a_day_is_stamped_and_kept_for_good(desk: Desk) -> None:
    stamping = Stamping(AUTHORITY.answer, AUTHORITY.roots)
    keep(desk, stamping)
    (first,) = sizes(desk)
    keep(desk, stamping)
    assert sizes(desk) == [first]
    with desk.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE log_timestamps SET at = at - interval '25 hours'"))
    keep(desk, stamping)
    assert sizes(desk) == [first, first + 3]  # two more, and that there was a time stamp
    assert desk.one("SELECT count(*) FROM log_checkpoints WHERE size = :size", size=first) == 0
    assert faults(desk) == []


def test_the_copy_gets_each_time_stamp_and_is_read_no_other(desk: Desk, tmp_path: Path) -> None:
    copy = LogCopy(tmp_path, lambda: [KEY.public])
    for asked in range(2):
        desk.execute("INSERT INTO log_pending (type, facts) VALUES ('test', '{}')")
        keep_log(LogKeeper(desk.engine, desk.masters, lambda: KEY, copy=copy, stamping=Stamping(AUTHORITY.answer)))
        assert (asked, len(sizes(desk))) == (asked, 1)
    (folder,) = tmp_path.iterdir()
    assert stamped_in(folder) == sizes(desk)
    with desk.engine.connect() as connection:
        assert stamped(connection, but=stamped_in(folder)) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log_timestamps SET answer = set_byte(answer, 60, get_byte(answer, 60) # 1)",
        "UPDATE log_timestamps SET signed = replace(signed, E'\\n', E'\\n1')",
        "UPDATE log_timestamps SET size = size + 1",
        "UPDATE log_entries SET entry = overlay(entry PLACING '\\x39' FROM 20) WHERE index = 0",
    ],
)
def test_what_is_changed_is_found(desk: Desk, change: str) -> None:
    keep(desk, Stamping(AUTHORITY.answer, AUTHORITY.roots))
    assert faults(desk) == []
    with desk.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.exec_driver_sql(change)
    assert faults(desk) != []


def test_another_authority_is_not_believed(desk: Desk) -> None:
    keep(desk, Stamping(Authority().answer))
    assert faults(desk) == ["the time stamp of the checkpoint at 2 entries: no authority that is trusted has signed it"]


def test_an_authority_that_fails_stops_nothing_and_is_asked_again_later(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: bytes) -> bytes:
        asked.append(1)
        raise AuthorityAwayError("the time stamp authority did not answer")

    asked: list[int] = []
    stamping = Stamping(away, AUTHORITY.roots)
    with caplog.at_level(logging.WARNING):
        keep(desk, stamping)
        keep(desk, stamping)
    assert (asked, sizes(desk)) == ([1], [])
    assert "no time stamp of today" in caplog.text
    stamping.ask = Authority().answer  # not the one that is trusted
    monkeypatch.setattr(timestamps, "monotonic", lambda: 1e9)
    keep(desk, stamping)
    assert sizes(desk) == []
    stamping.ask = AUTHORITY.answer
    monkeypatch.setattr(timestamps, "monotonic", lambda: 2e9)
    keep(desk, stamping)
    assert len(sizes(desk)) == 1
