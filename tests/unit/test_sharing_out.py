"""What each process of a quick run collects: together everything, and nothing twice."""

from itertools import chain

import pytest

from tests.sharing_out import TESTS, is_of_another


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_each_file_is_in_one_share_and_shares_are_alike(processes: int) -> None:
    for room in ("unit", "contract"):
        files = sorted((TESTS / room).rglob("test_*.py"))
        shares = [
            [file for file in files if not is_of_another(file, f"gw{number}", processes)] for number in range(processes)
        ]
        assert sorted(chain.from_iterable(shares)) == files
        counts = [len(share) for share in shares]
        assert max(counts) - min(counts) <= 1
