"""What a delivery's outcome was before is compared too: in the last tree, and in the trees that came before it."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from domain.outcomes import Reason
from evidence.certificate import LineProof, check
from evidence.merkle import complete_in, inclusion_path, leaf_hash, root_of
from evidence.tiles import WIDTH
from intake.certify import CertifyError, prove_line
from ledger.evidence import lines, outcome_trees, proofs
from ledger.evidence.lines import Tree
from tasks import attend
from tasks.log import LogKeeper
from tests.ledger.conftest import Desk
from tests.ledger.evidence.test_log import KEY, done, faults, keep
from tests.ledger.evidence.test_proofs import as_owner


@pytest.fixture
def twice(desk: Desk) -> Desk:
    """A request of three people that was hashed, and again when somebody had closed line 2."""
    _hash_twice(desk)
    return desk


def _hash_twice(desk: Desk) -> None:
    request = done(desk, refused=(2,))
    keep(desk)
    attend.Desk(desk.engine, "cli:anna", desk.woken.extend).close(UUID(request), "insider", Reason.REJECTED, "by phone")
    keep(desk)
    assert desk.one("SELECT count(*) FROM outcome_trees") == 2
    assert desk.rows("SELECT round FROM outcomes WHERE line = 2 ORDER BY round") == [(1,), (2,)]
    assert faults(desk) == []


EARLIER = {
    "its outcome": "UPDATE outcomes SET outcome = 'exhausted' WHERE line = 2 AND round = 1",
    "its reason": "UPDATE outcomes SET reason = 'unsupported' WHERE line = 2 AND round = 1",
    "its time": "UPDATE outcomes SET settled_at = settled_at - interval '1 day' WHERE line = 2 AND round = 1",
    "its round": "UPDATE outcomes SET round = 3 WHERE line = 2 AND round = 2",
    "it is gone": "DELETE FROM outcomes WHERE line = 2 AND round = 1",
    "one that never was": """INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
        SELECT request_id, vendor_id, 2, 1, 1, 'accepted' FROM outcomes WHERE line = 2 AND round = 1;
        UPDATE outcomes SET settled_at = now() WHERE line = 1 AND round = 2""",
}
HASHED_ANEW = "INSERT INTO trees_due (request_id) SELECT id FROM requests"
SAY = "are not those that were hashed"


@pytest.mark.parametrize("change", EARLIER.values(), ids=EARLIER.keys())
def test_a_change_of_an_earlier_round_is_found(twice: Desk, change: str) -> None:
    as_owner(twice, change)
    assert any(SAY in one for one in faults(twice))


def test_and_also_where_the_outcomes_are_hashed_anew_after_it(twice: Desk) -> None:
    change = EARLIER["its outcome"]
    as_owner(twice, change, HASHED_ANEW)
    keep(twice)
    assert twice.one("SELECT count(*) FROM outcome_trees") == 3
    assert any(SAY in one for one in faults(twice))


def test_a_proof_of_a_line_is_refused_where_an_earlier_round_was_changed(twice: Desk) -> None:
    keeper = LogKeeper(twice.engine, twice.masters, lambda: KEY)
    request = twice.one("SELECT public_id FROM requests")
    proved = check(prove_line(keeper, request, 2).encode(), [KEY.public])
    assert isinstance(proved, LineProof)
    assert [one["outcome"] for one in proved.leaf["deliveries"][0]["earlier"]] == ["refused"]
    as_owner(twice, EARLIER["its time"])
    with pytest.raises(CertifyError, match="not what was hashed"):
        prove_line(keeper, request, 2)


IN_TREES = {
    "who they were": "UPDATE outcome_tiles SET people = overlay(people PLACING '\\x00' FROM 20) WHERE tree_id = 1",
    "a hash": "UPDATE outcome_tiles SET hashes = overlay(hashes PLACING '\\x00' FROM 40) WHERE tree_id = 1",
    "a root": "UPDATE outcome_tiles SET root = overlay(root PLACING '\\x00' FROM 20) WHERE tree_id = 1",
    "a tile more": """INSERT INTO outcome_tiles (tree_id, number, root, hashes, people)
        SELECT tree_id, 1, root, hashes, people FROM outcome_tiles WHERE tree_id = 1""",
    "its tiles are gone": "DELETE FROM outcome_tiles WHERE tree_id = 1",
}


@pytest.mark.parametrize("change", IN_TREES.values(), ids=IN_TREES.keys())
def test_an_earlier_tree_is_compared_as_the_last_one_is(twice: Desk, change: str) -> None:
    as_owner(twice, change.replace("tree_id = 1", "tree_id = (SELECT min(id) FROM outcome_trees)"))
    assert any(SAY in one for one in faults(twice))


def test_a_tree_that_tells_other_numbers_than_its_lines_is_found(twice: Desk) -> None:
    """As anyone may add it who has the rights of the programs."""
    twice.execute("""
        WITH more AS (
            INSERT INTO outcome_trees (request_id, size, root, vendors, rounds)
            SELECT request_id, size, root, '{"insider": {"verified": 3}}', rounds FROM outcome_trees
            ORDER BY id DESC LIMIT 1 RETURNING id)
        INSERT INTO outcome_tiles (tree_id, number, root, hashes, people)
        SELECT more.id, number, root, hashes, people FROM more, outcome_tiles
        WHERE tree_id = (SELECT max(id) FROM outcome_trees)""")
    keep(twice)
    assert any(SAY in one for one in faults(twice))


@pytest.fixture
def of_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Trees are made as they were before they had rounds, by the statement of then."""
    with monkeypatch.context() as patch:
        entries = lines.Block.entries
        patch.setattr(lines.Block, "entries", lambda block, *, rounds: entries(block, rounds=False))
        add = outcome_trees._ADD_WITH_TILES.replace("true, %(upper)s", "false, NULL")
        patch.setattr(outcome_trees, "_ADD_WITH_TILES", add)
        yield patch


def test_trees_from_before_go_on_holding_and_what_they_had_is_compared(
    desk: Desk, of_before: pytest.MonkeyPatch
) -> None:
    _hash_twice(desk)
    assert desk.rows("SELECT DISTINCT rounds FROM outcome_trees") == [(False,)]
    of_before.undo()
    assert faults(desk) == []
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY)
    request = desk.one("SELECT public_id FROM requests")
    assert isinstance(check(prove_line(keeper, request, 2).encode(), [KEY.public]), LineProof)
    as_owner(desk, HASHED_ANEW)
    keep(desk)
    assert desk.rows("SELECT rounds FROM outcome_trees ORDER BY id") == [(False,), (False,), (True,)]
    assert faults(desk) == []
    as_owner(desk, EARLIER["its reason"], HASHED_ANEW)
    keep(desk)
    assert any(SAY in one for one in faults(desk))


@pytest.mark.parametrize("kept", [True, False])
def test_the_path_of_a_line_in_a_tree_of_many_tiles(desk: Desk, *, kept: bool) -> None:
    """With the roots of 256 tiles each that a tree keeps, and where it has none: no request has so many people."""
    done(desk)
    size = 2 * WIDTH * WIDTH + 2 * WIDTH + 7
    hashes = [leaf_hash(b"%d" % number) for number in range(size)]
    tiles = [hashes[place : place + WIDTH] for place in range(0, size, WIDTH)]
    roots = [root_of(tile) for tile in tiles]
    upper = outcome_trees.join_upper(roots)
    assert upper == b"".join(root_of(hashes[place * WIDTH**2 : (place + 1) * WIDTH**2]) for place in range(2))
    with desk.engine.begin() as connection:
        tree_id = connection.execute(text(_ADD), {"size": size, "root": root_of(roots)}).scalar_one()
        values = {"tree_id": tree_id, "roots": roots, "hashes": [b"".join(tile) for tile in tiles]}
        connection.execute(text(_ADD_TILES), values)
        tree = Tree(tree_id, size, root_of(roots), {}, rounds=True, upper=upper if kept else None)
        complete = complete_in(hashes)
        for line in (1, WIDTH, WIDTH + 1, WIDTH**2, WIDTH**2 + 1, 2 * WIDTH**2, 2 * WIDTH**2 + 1, size - 7, size):
            read = proofs._read_tree(connection, tree, line)
            assert inclusion_path(line - 1, size, read.complete) == inclusion_path(line - 1, size, complete)


_ADD = """
    INSERT INTO outcome_trees (request_id, size, root, vendors) SELECT id, :size, :root, '{}' FROM requests RETURNING id
"""
_ADD_TILES = """
    INSERT INTO outcome_tiles (tree_id, number, root, hashes, people)
    SELECT :tree_id, place - 1, root, hashes, decode(repeat('00', length(hashes) / 2), 'hex')
    FROM unnest(CAST(:roots AS bytea[]), CAST(:hashes AS bytea[])) WITH ORDINALITY AS each (root, hashes, place)
"""
