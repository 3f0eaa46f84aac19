"""A run has a folder of its own."""

from pathlib import Path

import pytest

from tests.chaos.trial import FailedError, scratch


def test_a_run_is_not_kept_where_an_earlier_one_lies(tmp_path: Path) -> None:
    """Its ledger would know the requests by their keys, and the vendors of the new run would hear of none of them."""
    with scratch(tmp_path / "runs" / "7") as folder:
        assert folder.is_dir()
    with pytest.raises(FailedError, match="is there already"), scratch(tmp_path / "runs" / "7"):
        pass
