"""Notes on work that takes long."""

import pytest

from cli.progress_notes import NOTED_EVERY, noting


def test_each_hundred_thousand_is_noted_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = noting(lambda done: f"{done} done")
    for done in (5, NOTED_EVERY - 1, NOTED_EVERY + 3, NOTED_EVERY + 4, 3 * NOTED_EVERY):
        progress(done)
    told = capsys.readouterr()
    assert told.err.splitlines() == [f"{NOTED_EVERY + 3} done", f"{3 * NOTED_EVERY} done"]
    assert told.out == ""
