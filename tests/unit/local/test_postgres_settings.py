"""The settings of the one-machine stack's PostgreSQL."""

import pytest

from local.postgres import shared_buffers_mb


@pytest.mark.parametrize(("gigabytes", "megabytes"), [(0.5, 128), (2, 250), (4, 500), (24, 1_024)])
def test_shared_buffers_follow_the_memory(gigabytes: float, megabytes: int) -> None:
    assert shared_buffers_mb(int(gigabytes * 1e9)) == megabytes
