"""The pages of docs/ say what bench/results.json says."""

import json

from bench.report import pages
from bench.results import FILE

RESULTS = json.loads(FILE.read_text())


def test_the_pages_hold_the_figures_of_the_last_run() -> None:
    """Where this fails: `python -m bench.report`."""
    for path, page in pages(RESULTS).items():
        assert path.read_text() == page, path.name
