"""The tree of a request of any size is made a block of lines at a time, and whole or not at all."""

import tracemalloc
from uuid import UUID

import pytest

from evidence.certificate import LineProof, check
from evidence.merkle import root_of
from evidence.tiles import WIDTH, hashes_in
from intake.certify import prove_line
from ledger.evidence import lines, outcome_trees
from tasks import log
from tasks.log import LogKeeper
from tests.ledger.conftest import Desk
from tests.ledger.evidence.test_earlier_rounds import HASHED_ANEW
from tests.ledger.evidence.test_log import KEY, done, faults, keep
from tests.ledger.evidence.test_proofs import as_owner

BLOCK = WIDTH
FEW, MANY = 2 * BLOCK, 12 * BLOCK
FLIPPED = """
    UPDATE subjects SET sealed = set_byte(sealed, 30, get_byte(sealed, 30) # 1) WHERE request_id = 1 AND line = {line}
"""


def narrow_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few lines in a block that a test can have many of them."""
    for module in (lines, outcome_trees):
        monkeypatch.setattr(module, "BLOCK", BLOCK)


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_blocks(monkeypatch)


def test_twelve_blocks_take_no_more_memory_than_two(desk: Desk) -> None:
    _peak(desk, FEW)  # statements are compiled, connections made
    few, many = _peak(desk, FEW), _peak(desk, MANY)
    assert many < 1.25 * few


def _peak(desk: Desk, people: int) -> int:
    """Bytes that hashing the outcomes of so many people took at most, beyond what was there before."""
    done(desk, people)
    tracemalloc.start()
    try:
        keep(desk)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1])
def test_a_tree_has_every_line_once(desk: Desk, count: int) -> None:
    request = UUID(done(desk, count))
    keep(desk)
    tiles = desk.rows("SELECT number, root, hashes FROM outcome_tiles ORDER BY number")
    hashes = [one for _, _, joined in tiles for one in hashes_in(joined)]
    assert [number for number, _, _ in tiles] == list(range(-(-count // WIDTH)))
    assert desk.rows("SELECT size, root FROM outcome_trees") == [(count, root_of(hashes))]
    assert faults(desk) == []
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY)
    for line in {1, count}:
        proved = check(prove_line(keeper, request, line).encode(), [KEY.public])
        assert isinstance(proved, LineProof)
        assert proved.leaf["line"] == line


@pytest.mark.parametrize("count", [BLOCK, FEW])
def test_what_is_hashed_again_and_is_the_same_is_not_kept_twice(desk: Desk, count: int) -> None:
    done(desk, count)
    keep(desk)
    before = desk.rows("SELECT tree_id, number FROM outcome_tiles ORDER BY 1, 2")
    desk.execute(HASHED_ANEW)
    assert keep(desk) == 0
    assert desk.one("SELECT count(*) FROM outcome_trees") == 1
    assert desk.rows("SELECT tree_id, number FROM outcome_tiles ORDER BY 1, 2") == before
    assert desk.one("SELECT count(*) FROM trees_due") == 0


@pytest.mark.parametrize("line", [1, FEW])
def test_a_request_that_cannot_be_read_to_its_end_leaves_nothing_and_holds_up_no_other(desk: Desk, line: int) -> None:
    done(desk, FEW)
    done(desk, 3)
    as_owner(desk, FLIPPED.format(line=line))
    keep(desk)
    assert desk.rows("SELECT request_id FROM outcome_trees") == [(2,)]
    assert desk.one("SELECT count(*) FROM outcome_tiles") == 1
    as_owner(desk, FLIPPED.format(line=line))
    desk.execute(HASHED_ANEW)
    keep(desk)
    assert desk.rows("SELECT request_id FROM outcome_trees ORDER BY 1") == [(1,), (2,)]
    assert faults(desk) == []


def test_one_turn_hashes_so_many_lines_and_no_request_is_too_large_for_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for a certificate, or begins a campaign, waits for the end of the turn."""
    monkeypatch.setattr(log, "LINES", BLOCK)
    for count in (3, BLOCK - 3, 3, FEW, 1):
        done(desk, count)
    keeper = LogKeeper(desk.engine, desk.masters, lambda: KEY)
    desk.execute(HASHED_ANEW)  # requests may be marked more than once
    turns = []
    for more in (True, True, False):
        assert log.keep_trees(keeper) is more
        turns.append([number for (number,) in desk.rows("SELECT request_id FROM outcome_trees ORDER BY 1")])
    assert turns == [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5]]
