"""What each process of a quick run collects: together everything, and nothing twice."""

from itertools import chain

import pytest

from tests.quick import joined
from tests.sharing_out import TESTS, is_of_another


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_each_file_is_in_one_share_and_shares_are_alike(processes: int) -> None:
    for room in ("unit", "contract"):
        files = sorted((TESTS / room).rglob("test_*.py"))
        shares = [
            [file for file in files if not is_of_another(file, f"{number}/{processes}")]
            for number in range(1, processes + 1)
        ]
        assert sorted(chain.from_iterable(shares)) == files
        counts = [len(share) for share in shares]
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("codes", "code"), [([0, 0], 0), ([0, 5], 0), ([5, 5], 5), ([0, 1], 1), ([5, 1], 1), ([2, 0], 2), ([0, -9], -9)]
)
def test_a_run_passes_where_no_share_failed_and_one_had_tests(codes: list[int], code: int) -> None:
    assert joined(codes) == code
