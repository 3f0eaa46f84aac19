"""When people asked, by their own records: noted as they pass, and not kept with them."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import cast

from domain.blocks import in_blocks
from domain.deadlines import AskedInRows
from domain.requests import Subject


def undated(people: Iterable[Subject], rows: AskedInRows) -> Iterator[Subject]:
    """The same people without `asked_at`, which is noted in `rows` as they pass."""
    return chain.from_iterable(_undated_blocks(people, rows))


def _undated_blocks(people: Iterable[Subject], rows: AskedInRows) -> Iterator[list[Subject]]:
    first = 1
    for block in in_blocks(people):
        if any("asked_at" in subject for subject in block):
            yield [_undated(line, subject, rows) for line, subject in enumerate(block, first)]
        else:
            rows.undated = True
            yield block
        first += len(block)


def _undated(line: int, subject: Subject, rows: AskedInRows) -> Subject:
    asked_at = subject.get("asked_at")
    if asked_at is None:
        rows.undated = True
    else:
        rows.add(line, asked_at)
    return cast(Subject, {name: value for name, value in subject.items() if name != "asked_at"})
