"""Dropped files: sealed in blocks, read back as they were, never half, and gone without a trace."""

import io
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from ledger.requests import drafts
from ledger.requests.drafts import Draft, DraftFile, DraftGoneError
from ledger.sealing import MasterKeys, UnsealError
from tasks import retain

FILE = bytes(range(256)) * 2_500  # three blocks, of which the last is not full


class Trickle(io.BytesIO):
    """A file that gives a few bytes at a time, as a network does; it notes how much was asked for at most."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        self.most = max(self.most, size)
        return super().read(min(size, 1_000))


def store(engine: Engine, masters: MasterKeys, by: str = "user:ann", file: io.BytesIO | None = None) -> Draft:
    with engine.begin() as connection:
        return drafts.store(
            connection, file or Trickle(FILE), by=by, state=b"state", masters=masters, most_bytes=10_000_000
        )


def find(engine: Engine, masters: MasterKeys, draft: Draft, by: str = "user:ann") -> Draft | None:
    with engine.begin() as connection:
        return drafts.find(connection, draft.public_id, by=by, masters=masters)


def whole(file: DraftFile) -> bytes:
    return b"".join(iter(lambda: file.read(100_000), b""))


def left(engine: Engine) -> tuple[int, int]:
    with engine.begin() as connection:
        asked = "SELECT (SELECT count(*) FROM drafts), (SELECT count(*) FROM draft_blocks)"
        return tuple(connection.execute(text(asked)).one())


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_a_file_is_read_back_as_it_was_by_its_creator_alone(engine: Engine, masters: MasterKeys) -> None:
    trickle = Trickle(FILE)
    draft = store(engine, masters, file=trickle)
    assert trickle.most <= drafts.BLOCK_BYTES
    found = find(engine, masters, draft)
    assert found is not None
    assert (found.size, found.blocks, found.state) == (len(FILE), 3, b"state")
    assert whole(DraftFile(engine, found)) == FILE
    assert find(engine, masters, draft, by="user:ben") is None
    with pytest.raises(UnsealError):
        find(engine, MasterKeys([bytes(32)]), draft)
    assert "state" not in repr(found).replace("state'", "")
    execute(
        engine, "UPDATE draft_blocks SET sealed = (SELECT sealed FROM draft_blocks WHERE place = 2) WHERE place = 1"
    )
    with pytest.raises(UnsealError):
        whole(DraftFile(engine, found))


def test_what_was_found_replaces_nothing_newer(engine: Engine, masters: MasterKeys) -> None:
    draft = store(engine, masters)
    for state, more in ((b"newer", {}), (b"older", {"unless_changed": True})):
        with engine.begin() as connection:
            drafts.keep_state(connection, draft, state, **more)
        found = find(engine, masters, draft)
        assert found is not None
        assert found.state == b"newer"


def test_a_file_of_which_a_block_is_gone_never_reads_as_a_shorter_one(engine: Engine, masters: MasterKeys) -> None:
    draft = store(engine, masters)
    for gone in ("place = 3", "place = 2"):
        execute(engine, f"DELETE FROM draft_blocks WHERE {gone}")  # noqa: S608 - one of the two above
        with pytest.raises(DraftGoneError):
            whole(DraftFile(engine, draft))


def test_what_breaks_off_leaves_nothing(engine: Engine, masters: MasterKeys) -> None:
    with engine.begin() as connection, pytest.raises(drafts.DraftsTooLargeError), connection.begin_nested():
        drafts.store(connection, io.BytesIO(FILE), by="user:ann", state=b"", masters=masters, most_bytes=len(FILE) - 1)
    with pytest.raises(drafts.EmptyFileError):
        store(engine, masters, file=io.BytesIO())
    assert left(engine) == (0, 0)


def test_one_person_has_so_many_at_a_time(engine: Engine, masters: MasterKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MOST_OF_ONE", 1)
    first = store(engine, masters)
    with pytest.raises(drafts.TooManyDraftsError):
        store(engine, masters)
    store(engine, masters, by="user:ben")
    with engine.begin() as connection:
        drafts.discard(connection, first)
    again = store(engine, masters)
    with engine.begin() as connection:
        assert [one for one, _, _ in drafts.drafts_of(connection, "user:ann")] == [again.public_id]
        drafts.submitted(connection, again, uuid4())
    store(engine, masters)


def test_after_its_hour_its_key_goes_first_and_then_all_of_it(
    engine: Engine, masters: MasterKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retain, "BLOCKS_OF_A_ROUND", 2)
    old, busy, young = store(engine, masters), store(engine, masters), store(engine, masters, by="user:ben")
    assert retain.keep_drafts(engine) == 0
    execute(engine, "UPDATE drafts SET expires_at = now() - interval '1 second' WHERE created_by = 'user:ann'")
    assert find(engine, masters, old) is None
    with engine.connect() as submitting:
        drafts.submitted(submitting, busy, uuid4())
        assert retain.keep_drafts(engine) == 3, "one that is being submitted is left alone"
        submitting.rollback()
    with engine.begin() as connection:
        drafts.drop_expired(connection, 0)
    execute(engine, "SELECT 1 / count(*) FROM draft_blocks WHERE draft_id = (SELECT min(id) FROM drafts)")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(data_key) FROM drafts")).scalar_one() == 1, "only the young one's"
    assert retain.keep_drafts(engine) == 3
    assert left(engine) == (1, 3)
    assert find(engine, masters, young, by="user:ben") is not None
    with engine.begin() as connection, pytest.raises(DraftGoneError):
        drafts.keep_state(connection, old, b"late")


def test_a_draft_is_submitted_once(engine: Engine, masters: MasterKeys) -> None:
    draft, request = store(engine, masters), uuid4()
    with engine.begin() as connection:
        drafts.submitted(connection, draft, request)
    assert left(engine) == (1, 0)
    found = find(engine, masters, draft)
    assert found is not None
    assert (found.request, found.key, found.state) == (request, None, b"")
    with engine.begin() as connection, pytest.raises(DraftGoneError):
        drafts.submitted(connection, draft, uuid4())
    waits = store(engine, masters)
    with engine.connect() as first, engine.begin() as second:
        drafts.submitted(first, waits, request)
        second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(drafts.DraftBusyError), second.begin_nested():
            drafts.submitted(second, waits, uuid4())
        first.commit()
    execute(engine, "UPDATE drafts SET expires_at = now()")
    assert retain.keep_drafts(engine) == 0
    assert left(engine) == (0, 0)
