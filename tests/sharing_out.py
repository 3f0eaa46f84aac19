"""Which tests go to one process of a run: those of a file, of files that name one group, and all that need the browser.
And, for `make quick`, which files go to one process that collects nothing else.

With pytest 9.2 pytest-xdist's own `--dist loadgroup` groups nothing and says nothing: it writes the groups into the ids
of tests, which pytest no longer reads from there (https://github.com/pytest-dev/pytest-xdist/issues/1386). Every
process then starts every stack. Here the groups come from the files, and ids stay as they are.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

NAMED = re.compile(r'^pytestmark = pytest\.mark\.xdist_group\("(\w+)"\)', re.MULTILINE)
BROWSER = "tests/browser/"
TESTS = Path(__file__).parent


class ByGroup(LoadScopeScheduling):
    """Hands out one group after the other, as they were collected."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by number of tests, which leaves the long ones for the end

    def _split_scope(self, nodeid: str) -> str:
        return group_of(self.config.rootpath, nodeid.partition("::")[0])


@cache
def group_of(root: Path, file: str) -> str:
    """The name of the group of this file's tests."""
    if file.startswith(BROWSER):
        return BROWSER
    named = NAMED.search((root / file).read_text())
    return named[1] if named else file


def is_of_another(file: Path, share: str) -> bool:
    """Whether this file of tests is in another share than this one (`1/2`: the first of two)."""
    number, count = map(int, share.split("/"))
    folder = TESTS / file.relative_to(TESTS).parts[0]
    return _dealt(folder, count)[file] != number - 1


@cache
def _dealt(folder: Path, count: int) -> dict[Path, int]:
    """By file its share. Largest first and to and fro: whoever got the larger of two gets the smaller of the next."""
    files = sorted(folder.rglob("test_*.py"), key=lambda file: (-file.stat().st_size, file))
    to_and_fro = [*range(count), *reversed(range(count))]
    return {file: to_and_fro[place % len(to_and_fro)] for place, file in enumerate(files)}
