"""On which line of a file each person stands, whatever blank lines and long rows there are."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from domain.file_lines import FileLines
from tests.table_rows import each_row

STEPS = st.lists(st.integers(1, 4) | st.just(1), min_size=1, max_size=60)
CUTS = st.lists(st.integers(1, 12), max_size=20)


@given(st.integers(1, 5), STEPS, CUTS)
def test_every_person_is_found_on_their_line(first: int, steps: list[int], cuts: list[int]) -> None:
    lines = list(accumulate([first, *steps]))
    kept, rest = FileLines(), lines
    for cut in [*cuts, len(lines)]:
        block, rest = rest[:cut], rest[cut:]
        if len(block) == 1:
            kept.add(block[0])
        elif block:
            kept.extend(block)
    for found in (kept, FileLines.unpacked(kept.packed())):
        assert [found.of(person) for person in range(1, len(lines) + 1)] == lines


@each_row(
    "blocks",
    [
        [[2, 3, 4], [5, 6, 7], [9, 10]],
        [[2, 3, 4], [5, 7, 9], [11, 12]],
        [[2, 3, 4], [6, 7, 8], [9, 10]],
        [[2, 4, 6], [7, 8, 9], [10, 11]],
        [[2], [3, 4, 5], [7, 8]],
        [[1, 2, 3], [4, 5], [6, 8], [9]],
    ],
)
def test_blocks_that_go_on_and_blocks_that_do_not(blocks: list[list[int]]) -> None:
    kept = FileLines()
    for block in blocks:
        kept.extend(block)
    lines = [line for block in blocks for line in block]
    assert [FileLines.unpacked(kept.packed()).of(person) for person in range(1, len(lines) + 1)] == lines


def test_a_plain_file_of_any_length_is_one_run() -> None:
    kept = FileLines()
    for begin in range(2, 1_000_002, 100):
        kept.extend(range(begin, begin + 100))
    packed = kept.packed()
    assert packed is not None
    assert len(packed) == 12
    assert FileLines.unpacked(packed).of(1_000_000) == 1_000_001


def test_a_blank_line_after_every_person_is_one_run_too() -> None:
    kept = FileLines()
    for line in range(2, 20_000, 2):
        kept.add(line)
    assert len(kept.packed() or b"") == 12


def test_what_was_stored_is_read_on_any_machine() -> None:
    """Numbers of four bytes, the highest first: position, line and step of each run."""
    for lines, packed in (
        ([5], "00000001 00000005 00000001"),
        ([2, 4, 6, 9], "00000001 00000002 00000002 00000004 00000009 00000001"),
    ):
        kept = FileLines()
        for line in lines:
            kept.add(line)
        assert kept.packed() == bytes.fromhex(packed)
        assert [FileLines.unpacked(bytes.fromhex(packed)).of(person + 1) for person in range(len(lines))] == lines


def test_what_came_from_no_file_has_no_lines() -> None:
    assert FileLines().packed() is None
    assert FileLines.unpacked(None).of(1) is None
