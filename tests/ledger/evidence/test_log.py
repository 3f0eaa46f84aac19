"""The log in the ledger: whatever happens is in it, in order, signed; and nothing that was changed stays unseen."""

from collections.abc import Callable, Container, Sequence
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from pydantic_core import from_json, to_json
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from adapters.contract import Answer, Call, Person, Verdict
from domain.outcomes import Reason
from evidence import checkpoint
from evidence.keys import SigningKey
from evidence.merkle import leaf_hash, root_by_path, root_of
from ledger.desk.deeds import add_note
from ledger.evidence import sequencer
from ledger.evidence.checking import Checked, check_log
from ledger.evidence.row_checks import check_rows
from ledger.evidence.tiles import LogTree
from ledger.evidence.tree_checks import check_trees
from tasks import attend
from tasks.legal_holds import Keeper
from tasks.log import LogKeeper, keep_log
from tests.ledger.conftest import APPLIED, Desk, people

REJECTED = Answer(Verdict.USER, Reason.REJECTED)
KEY, OTHER = SigningKey(b"k" * 32), SigningKey(b"o" * 32)


def keep(desk: Desk, key: SigningKey | None = KEY, **more: Any) -> int:
    return keep_log(LogKeeper(desk.engine, desk.masters, lambda: key, **more))


def entries(desk: Desk) -> list[dict[str, Any]]:
    return [from_json(entry) for (entry,) in desk.rows("SELECT entry FROM log_entries ORDER BY index")]


def check(desk: Desk, **more: Any) -> Checked:
    with desk.engine.connect() as connection:
        return check_log(connection, [KEY.public], **more)


def faults(desk: Desk) -> list[str]:
    with desk.engine.connect() as connection:
        log = check_log(connection, [KEY.public])
        return [*log.faults, *check_rows(connection), *check_trees(connection, desk.masters)]


def done(desk: Desk, count: int = 3, refused: Container[int] = ()) -> str:
    """A request of so many people that has closed, with these lines refused; its id."""

    def answer(_: Call, batch: Sequence[Person]) -> list[Answer]:
        return [REJECTED if person.line in refused else APPLIED for person in batch]

    receipt = desk.submit(people(count))
    desk.work_off(desk.tools_for(answer), runs=max(count, 100))
    return str(receipt.recorded.public_id)


def log_something(desk: Desk, number: int) -> None:
    """As triggers do."""
    desk.execute(
        "INSERT INTO log_pending (type, facts) SELECT 'test', jsonb_build_object('n', n) "
        "FROM generate_series(1, :number) AS n",
        number=number,
    )


def test_what_happens_to_a_request_is_logged_in_order_and_signed(desk: Desk) -> None:
    request = done(desk)
    keep(desk)
    of_request = [one for one in entries(desk) if one.get("request") == request]
    assert [one["type"] for one in of_request] == ["request.received", "request.status", "outcomes"]
    received, closed, outcomes = of_request
    assert (received["people"], received["kind"], received["vendors"]) == (3, "erasure", ["insider"])
    assert closed["status"] == "completed"
    assert outcomes["vendors"] == {"insider": {"accepted": 3}}
    with desk.engine.connect() as connection:
        newest = sequencer.newest_checkpoint(connection)
        head = sequencer.head_of(connection)
    assert newest is not None
    assert head is not None
    read = checkpoint.verified(newest.signed, [KEY.public], f"consent-worker/{head.id}")
    raw = [entry for (entry,) in desk.rows("SELECT entry FROM log_entries ORDER BY index")]
    assert (read.size, read.root) == (len(raw), root_of([leaf_hash(entry) for entry in raw]))
    assert faults(desk) == []
    assert keep(desk) == 0


def test_nothing_of_a_person_is_in_the_log(desk: Desk) -> None:
    done(desk, refused=(2,))
    keep(desk)
    everything = repr(desk.rows("SELECT * FROM log_entries")) + repr(desk.rows("SELECT * FROM outcome_tiles"))
    assert "jane" not in everything
    assert "+8210" not in everything


VALUES: tuple[dict[str, Any], ...] = (
    {},
    {"vendors": {"insider": {"refused:rejected": 2, "accepted": 31}, "b2core": {}}, "size": 33, "root": "a/b+="},
    {"because": 'she said "no", then: \\ / \t\n\r\b\f \x01\x1f\x7f \u00e9\u2028\U0001f600', "by": ""},
    {
        "b": 1,
        "a": True,
        "aa": False,
        "Z": [],
        "_": [1, [2, {"y": "x", "x": None}]],
        "B": -7,
        "n": 2**53 - 1,
        "days": 0.5,
    },
)


def test_entries_are_canonical_json(desk: Desk) -> None:
    for value in VALUES:
        written = desk.one("SELECT canonical_json(CAST(:value AS jsonb))", value=to_json(value).decode())
        assert written.encode() == rfc8785.dumps(value)
        facts = {name: one for name, one in value.items() if one is not None}
        desk.execute(
            "INSERT INTO log_pending (type, row_id, facts) VALUES ('test', 7, :facts)", facts=to_json(facts).decode()
        )
    done(desk)
    keep(desk)
    raw = [bytes(entry) for (entry,) in desk.rows("SELECT entry FROM log_entries ORDER BY index")]
    assert [entry for entry in raw if rfc8785.dumps(from_json(entry)) != entry] == []
    tried = [one for one in entries(desk) if one.pop("logged_at") and one["type"] == "test"]
    assert tried == [value | {"type": "test", "row": 7} for value in VALUES]


RECEIVED: dict[str, Any] = {
    "kind": "erasure",
    "people": 2,
    "repeats": 0,
    "regulation": None,
    "by": 'user:"ann" \\ \u00e9\x01',
    "received_at": "2026-01-02T03:04:05.000006Z",
    "due_at": "2026-02-02T03:04:05.000006Z",
    "asked_at": None,
    "effective_at": "2026-01-02T03:04:05.000006Z",
    "confirmed_by": "user:bo",
    "status": "running",
}
ODD_RECEIVED: tuple[dict[str, Any], ...] = (
    {},
    dict.fromkeys(RECEIVED),
    {"asked_at": "2026-01-01T00:00:00.000000Z", "regulation": "gdpr", "vendors": []},
    {"Also": [{"n": 1}]},
    {"zone": "Asia/Seoul"},
)
"""What differs in the entries that are tried: with every field there is, with none, and with others."""


def test_the_entry_of_a_request_has_all_that_was_logged(desk: Desk) -> None:
    """Of one that is kept as it came, and of one that an earlier version logged as facts."""
    desk.announce(zeta=5, alpha=5)
    numbers = [desk.one("SELECT id FROM vendors WHERE name = :name", name=name) for name in ("zeta", "alpha")]
    as_facts = [RECEIVED | {"vendors": numbers} | odd for odd in ODD_RECEIVED]
    as_it_came = [one for one in as_facts if one.keys() == as_facts[0].keys()]
    for facts in as_facts:
        desk.execute(
            "INSERT INTO log_pending (type, request, facts) VALUES ('request.received', gen_random_uuid(), :facts)",
            facts=to_json(facts).decode(),
        )
    for fields in as_it_came:
        came = to_json(fields | {"vendor_ids": fields["vendors"]}).decode()
        desk.execute(CAME, came=came)
    keep(desk)
    raw = [bytes(entry) for (entry,) in desk.rows("SELECT entry FROM log_entries ORDER BY index")]
    assert [entry for entry in raw if rfc8785.dumps(from_json(entry)) != entry] == []
    found = [one for one in entries(desk) if one["type"] == "request.received" and one.pop("logged_at")]
    logged = as_facts + as_it_came
    named = [facts | ({"vendors": ["alpha", "zeta"]} if facts["vendors"] else {}) for facts in logged]
    whole = [{name: value for name, value in one.items() if value is not None} for one in named]
    assert [
        one | {"type": "request.received", "request": got["request"]} for one, got in zip(whole, found, strict=True)
    ] == found


CAME = """
    INSERT INTO log_pending (type, request, facts, received) SELECT 'request.received', gen_random_uuid(), '{}',
        jsonb_populate_record(CAST(NULL AS received_request), :came)
"""


def test_what_is_rolled_back_is_not_logged(desk: Desk) -> None:
    def broken() -> Any:
        yield people(1)[0]
        raise RuntimeError("the upload broke")

    with pytest.raises(RuntimeError):
        desk.submit(broken())
    keep(desk)
    assert [one for one in entries(desk) if one["type"].startswith("request")] == []


def test_what_commits_later_comes_later_and_nothing_is_lost(desk: Desk) -> None:
    with desk.engine.connect() as slow, slow.begin():
        slow.exec_driver_sql("INSERT INTO log_pending (type, facts) VALUES ('slow', '{}')")
        log_something(desk, 3)
        assert keep(desk) >= 3  # nobody waits for it
        before = len(entries(desk))
    assert keep(desk) == 1
    assert [one["type"] for one in entries(desk)][before:] == ["slow"]
    assert check(desk).faults == []


def test_two_sequencers_put_each_entry_in_one_place(desk: Desk, in_threads: Callable[..., list[Any]]) -> None:
    log_something(desk, 400)
    moved = in_threads(4, lambda: keep(desk))
    assert all(isinstance(one, int) for one in moved)
    keep(desk)
    assert sorted(one["n"] for one in entries(desk) if one["type"] == "test") == list(range(1, 401))
    assert check(desk).faults == []


def test_a_sequencer_that_dies_midway_leaves_everything_to_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_something(desk, 300)
    with monkeypatch.context() as dying:
        dying.setattr(sequencer, "_sign", lambda *_: pytest.fail("killed", pytrace=False))
        with pytest.raises(pytest.fail.Exception):
            keep(desk)
    assert entries(desk) == []
    keep(desk)
    assert len([one for one in entries(desk) if one["type"] == "test"]) == 300
    assert check(desk).faults == []


@pytest.mark.parametrize("sizes", [(1,), (254, 1, 1, 1), (256,), (255, 258), (600, 1, 511)])
def test_tiles_are_those_of_the_entries_whatever_the_size(desk: Desk, sizes: tuple[int, ...]) -> None:
    leaves: list[bytes] = []
    for size in sizes:
        log_something(desk, size)
        keep(desk, None)
        leaves = [leaf_hash(entry) for (entry,) in desk.rows("SELECT entry FROM log_entries ORDER BY index")]
        with desk.engine.connect() as connection:
            tree = LogTree(connection, len(leaves))
            assert tree.root() == root_of(leaves)
            for index in {0, len(leaves) // 2, len(leaves) - 1}:
                assert root_by_path(leaves[index], index, len(leaves), tree.path(index)) == tree.root()
    assert desk.one("SELECT count(*) FROM log_tiles WHERE level = 0") == len(leaves) // 256
    assert check(desk).faults == []


def test_tiles_of_tiles(desk: Desk) -> None:
    """256 full tiles make one of the next level. Without entries below them: those of 65,536 take too long."""
    leaves = [leaf_hash(b"%d" % number) for number in range(256 * 256 + 300)]
    with desk.engine.connect() as connection, connection.begin() as transaction:
        place = 0
        for step in (65_024, 512, 256):  # whole tiles, of which the log need not read any entry again
            grown = LogTree(connection, place)
            grown.append(leaves[place : place + step])
            place += step
            assert (grown.size, grown.root()) == (place, root_of(leaves[:place]))
        tree = LogTree(connection, place)
        assert tree.root() == root_of(leaves[:place])
        for index in (0, 65_535, 65_536, place - 1):
            assert root_by_path(leaves[index], index, place, tree.path(index)) == tree.root()
        transaction.rollback()


def test_a_tree_that_grew_gives_the_paths_of_one_that_is_read(desk: Desk) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(700)]
    with desk.engine.connect() as connection, connection.begin() as transaction:
        grown, place = LogTree(connection, 0), 0
        for step in (100, 200, 212, 188):  # within a tile, past its end, to its end, and from there
            grown.append(leaves[place : place + step])
            place += step
            for index in (0, 99, 255, place - 1):
                if index < place:
                    assert root_by_path(leaves[index], index, place, grown.path(index)) == root_of(leaves[:place])
        transaction.rollback()


def test_an_empty_log_holds(desk: Desk) -> None:
    desk.execute("DELETE FROM log_pending")
    keep(desk)
    found = check(desk)
    assert (found.size, found.faults) == (1, [])  # the key that has signed
    assert [one["type"] for one in entries(desk)] == ["signing_key"]


def test_without_a_key_entries_are_ordered_and_nothing_is_signed(desk: Desk) -> None:
    log_something(desk, 3)
    keep(desk, None)
    assert desk.one("SELECT count(*) FROM log_checkpoints") == 0
    keep(desk)
    assert check(desk).faults == []
    assert check(desk).checkpoint is not None


def test_a_new_key_is_logged_and_signs_and_the_old_one_stays_published(desk: Desk) -> None:
    log_something(desk, 1)
    keep(desk, OTHER)
    keep(desk, KEY)
    with desk.engine.connect() as connection:
        published = sequencer.published_keys(connection)
        newest = sequencer.newest_checkpoint(connection)
    assert [one.public for one in published] == [KEY.public.raw, OTHER.public.raw]
    assert newest is not None
    checkpoint.verified(newest.signed, [KEY.public])
    found = check(desk)
    assert (found.faults, found.by_unknown_key) == ([], False)


def test_whose_key_is_not_ours_is_told(desk: Desk) -> None:
    log_something(desk, 1)
    keep(desk, OTHER)
    assert check(desk).by_unknown_key


def test_the_log_keeps_its_name(desk: Desk) -> None:
    log_something(desk, 1)
    keep(desk, origin="consent.example/log")
    log_something(desk, 1)
    keep(desk, origin="another.example/log")
    with desk.engine.connect() as connection:
        newest = sequencer.newest_checkpoint(connection)
    assert newest is not None
    assert checkpoint.verified(newest.signed, [KEY.public]).origin == "consent.example/log"


def test_outcomes_are_hashed_again_when_they_change(desk: Desk) -> None:
    request = done(desk, refused=(2,))
    keep(desk)
    at = attend.Desk(desk.engine, "cli:anna", desk.woken.extend)
    at.close(UUID(request), "insider", Reason.REJECTED, "by phone")
    keep(desk)
    found = [one["vendors"] for one in entries(desk) if one["type"] == "outcomes"]
    assert found == [
        {"insider": {"accepted": 2, "refused:rejected": 1}},
        {"insider": {"accepted": 2, "cancelled:closed_by_hand": 1}},
    ]
    deed = next(one for one in entries(desk) if one["type"] == "deed")
    assert (deed["deed"], deed["by"], deed["because"]) == ("close", "cli:anna", "by phone")
    assert faults(desk) == []


def test_who_is_handed_on_from_one_hold_to_another_is_hashed_again(desk: Desk) -> None:
    keeper = Keeper(desk.engine, desk.masters, "cli:anna", desk.woken.extend)
    for reason in (Reason.LITIGATION, Reason.EXPRESSION):
        keeper.add(people(1)[0], reason, "case 12")
    done(desk)
    keep(desk)
    keeper.release(1)
    keep(desk)
    found = [one["vendors"] for one in entries(desk) if one["type"] == "outcomes"]
    assert found == [
        {"insider": {"accepted": 2, "withheld:litigation": 1}},
        {"insider": {"accepted": 2, "withheld:expression": 1}},
    ]
    assert faults(desk) == []


# As somebody does who may do everything to the database: guards and triggers are set aside.
CHANGES = {
    "an outcome": "UPDATE outcomes SET outcome = 'verified' WHERE line = 2",
    "an outcome's time": "UPDATE outcomes SET settled_at = settled_at - interval '1 day' WHERE line = 2",
    "an outcome that is gone": "DELETE FROM outcomes WHERE line = 2",
    "an outcome more": """INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
        SELECT request_id, vendor_id, 2, line, 1, 'verified' FROM outcomes WHERE line = 2""",
    "an outcome of a line that there is not": """INSERT INTO outcomes
        (request_id, vendor_id, round, line, attempts, outcome)
        SELECT request_id, vendor_id, 1, 7, 1, 'verified' FROM outcomes WHERE line = 2""",
    "an outcome at a vendor that was not asked": """
        INSERT INTO vendors (name, enabled, chunk_people) VALUES ('other', true, 1);
        INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
        SELECT request_id, (SELECT id FROM vendors WHERE name = 'other'), 1, 2, 1, 'verified'
        FROM outcomes WHERE line = 2""",
    "a person": "UPDATE subjects SET sealed = (SELECT sealed FROM subjects WHERE line = 1) WHERE line = 2",
    "a person's hash": "UPDATE outcome_tiles SET people = overlay(people PLACING '\\x00' FROM 20)",
    "a hash of a line": "UPDATE outcome_tiles SET hashes = overlay(hashes PLACING '\\x00' FROM 20)",
    "a root of a tile": "UPDATE outcome_tiles SET root = overlay(root PLACING '\\x00' FROM 20)",
    "a root of a tree": "UPDATE outcome_trees SET root = overlay(root PLACING '\\x00' FROM 20)",
    "a tree that is gone": "DELETE FROM outcome_tiles; DELETE FROM outcome_trees",
    "a tally": "UPDATE outcome_trees SET vendors = '{}'",
    "who submitted it": "UPDATE requests SET submitted_by = 'cli:mallory'",
    "when it was received": "UPDATE requests SET received_at = received_at - interval '1 hour'",
    "when it is due": "UPDATE requests SET due_at = due_at + interval '1 day'",
    "how many people": "UPDATE requests SET subjects = 2",
    "its status": "UPDATE requests SET status = 'completed_with_exceptions'",
    "its end": "UPDATE requests SET closed_at = closed_at - interval '1 day'",
    "its key": "DELETE FROM data_keys",
    "its id": "UPDATE requests SET public_id = gen_random_uuid()",
    "a request that nobody logged": """INSERT INTO requests (public_id, kind, status, vendor_ids, options, due_at)
        SELECT gen_random_uuid(), kind, status, vendor_ids, options, due_at FROM requests""",
    "a deed": "UPDATE notes SET by = 'cli:mallory'",
    "a deed's reason": "UPDATE notes SET reason = 'because'",
    "a deed that is gone": "DELETE FROM notes",
    "a deed that nobody logged": "INSERT INTO notes (by, deed) VALUES ('cli:mallory', 'close')",
    "why somebody is kept": "UPDATE legal_holds SET because = 'another case' WHERE id = 1",
    "until when somebody is kept": "UPDATE legal_holds SET until = now() WHERE id = 1",
    "the end of a hold": "UPDATE legal_holds SET ended_at = NULL, ended_by = NULL WHERE id = 2",
    "an end of a hold that was not logged": "UPDATE legal_holds SET ended_at = now() WHERE id = 1",
    "a hold that is gone": "DELETE FROM legal_holds WHERE id = 1",
    "a hold that was not logged": """
        INSERT INTO legal_holds (reason, because, added_by) VALUES ('litigation', 'x', 'cli:mallory')""",
    "what an entry says": "UPDATE log_entries SET entry = overlay(entry PLACING '\\x7e' FROM 20) WHERE index = 1",
    "what stands beside an entry": "UPDATE log_entries SET type = 'deed' WHERE type = 'outcomes'",
    "an entry that is gone": "DELETE FROM log_entries WHERE index = 1",
    "entries in another order": """UPDATE log_entries AS one SET type = other.type, request = other.request,
        row_id = other.row_id, entry = other.entry FROM log_entries AS other WHERE one.index + other.index = 3""",
    "the end of the log": "DELETE FROM log_entries WHERE index = (SELECT max(index) FROM log_entries)",
    "the head of the log": "UPDATE log_head SET size = size - 1",
    "a checkpoint": "UPDATE log_checkpoints SET signed = replace(signed, E'\n', E'\n1')",
    "a checkpoint of another size": "UPDATE log_checkpoints SET size = size - 1",
    "a key that has not signed": "INSERT INTO signing_keys (public, name) VALUES (sha256('x'), 'x')",
    "the fingerprints' key": "UPDATE keys SET wrapped = '\\x00'",
}


def test_whatever_is_changed_is_found(desk: Desk) -> None:
    done(desk)
    with desk.engine.begin() as connection:
        add_note(connection, desk.one("SELECT id FROM requests"), "cli:anna", "accept", because="by phone")
    keeper = Keeper(desk.engine, desk.masters, "cli:anna", desk.woken.extend)
    for number in (1, 2):
        assert keeper.add({"user_id": f"kept-{number}"}, Reason.LITIGATION, "case 12") == number
    keeper.release(2, "settled")
    keep(desk)
    assert faults(desk) == []
    unseen = []
    for what, change in CHANGES.items():
        with desk.engine.connect() as connection, connection.begin() as transaction:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            changed = connection.exec_driver_sql(change).rowcount
            log = check_log(connection, [KEY.public])
            found = [*log.faults, *check_rows(connection), *check_trees(connection, desk.masters)]
            unseen += [] if changed and found else [what]
            transaction.rollback()
    assert unseen == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log_entries SET type = 'x'",
        "DELETE FROM log_entries",
        "UPDATE log_checkpoints SET signed = 'x'",
        "DELETE FROM log_checkpoints",
        "UPDATE log_tiles SET root = root",
        "UPDATE log_pending SET type = 'x'",
        "DELETE FROM signing_keys",
        "UPDATE outcome_trees SET size = 1",
        "DELETE FROM outcome_tiles",
        "TRUNCATE log_entries",
    ],
)
def test_the_database_itself_refuses_changes(desk: Desk, change: str) -> None:
    done(desk)
    log_something(desk, 256)
    keep(desk)
    log_something(desk, 1)
    with pytest.raises(IntegrityError, match="append-only"):
        desk.execute(change)


def test_what_a_copy_elsewhere_says_is_believed(desk: Desk) -> None:
    """Anyone who has the key, and may do everything, can write another history; not to a copy."""
    log_something(desk, 3)
    keep(desk)
    with desk.engine.connect() as connection:
        newest = sequencer.newest_checkpoint(connection)
    assert newest is not None
    witness = checkpoint.verified(newest.signed, [KEY.public])
    with desk.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.exec_driver_sql(
            "DELETE FROM log_entries; DELETE FROM log_checkpoints; DELETE FROM signing_keys; DELETE FROM log_head"
        )
    log_something(desk, 2)
    keep(desk)
    log_something(desk, 5)
    keep(desk)
    assert check(desk).faults == []
    assert check(desk, witness=witness).faults == ["the first 4 entries are not those of the other copy"]


def test_outcomes_are_hashed_when_nothing_is_under_way_or_late(desk: Desk) -> None:
    done(desk)
    desk.submit(people(3))
    desk.execute("UPDATE chunks SET state = 'queued', due_at = now() + interval '1 minute' WHERE request_id = 2")
    keep(desk)
    assert desk.one("SELECT count(*) FROM outcome_trees") == 0
    desk.execute("UPDATE requests SET closed_at = closed_at - interval '16 minutes' WHERE id = 1")
    keep(desk)
    assert desk.rows("SELECT request_id FROM outcome_trees") == [(1,)]
    desk.execute("UPDATE chunks SET state = 'waiting', due_at = now() WHERE request_id = 2")
    desk.work_off(desk.tools_for(lambda _, batch: [APPLIED] * len(batch)))
    keep(desk)
    assert desk.rows("SELECT request_id FROM outcome_trees ORDER BY 1") == [(1,), (2,)]
