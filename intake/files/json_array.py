"""A JSON array of people, read as a stream: each of its objects as if it stood on a line of its own."""

import re
from collections.abc import Iterator

from intake.files.faults import Faults
from intake.files.lines import LONGEST_LINE, TOO_LONG, Block, Lines
from intake.files.ndjson import read_objects, refuse_column_hints
from intake.files.people import People
from intake.files.reading import Reading

NOT_AN_ARRAY = 'is not a JSON array of people: give [{"user_id": "u-1"}, {"user_id": "u-2"}], or one object a line'
CUT_OFF = "ends within the array: part of the file is missing: save it again"

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[\[\]{},]', re.DOTALL)
"""A text, which has no closing quote where the rest of it is still to come, or what an array is built with."""


def read_array(blocks: Iterator[Block], reading: Reading) -> Iterator[People]:
    """The people of an array; what cannot be taken is noted in the reading's faults, by the line that it begins on and
    by its place in the array, for all of it may stand on one line."""
    reading.recognised.parts += ["JSON array"]
    refuse_column_hints(reading)
    yield from read_objects(_placed(_Array(reading.faults).elements(blocks), reading.faults), reading)


def _placed(elements: Lines, faults: Faults) -> Lines:
    """The same elements; what was found wrong with one also says which it is."""
    for place, element in enumerate(elements, start=1):
        kept = len(faults.kept)
        yield element
        for index, fault in enumerate(faults.kept[kept:], start=kept):
            faults.kept[index] = fault._replace(problem=f"{fault.problem} (person {place} of the array)")


class _BrokenError(Exception):
    """The array cannot be read any further; the message says why."""


class _Array:
    """Cuts the outermost array at its commas. What is between them is for the parser of one person to say; here only
    quotes and brackets are looked at."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._line = 1  # that the next element begins on, or white space before it
        self._depth = 0
        self._is_over = False
        self._follows_comma = False

    def elements(self, blocks: Iterator[Block]) -> Lines:
        """The elements, each with the number of the line that it begins on."""
        text, start, at = b"", 0, 0
        try:
            for block in blocks:
                text += block.text
                while (token := _TOKEN.search(text, at)) and (token[0][:1] != b'"' or token[1]):
                    at = token.end()
                    if self._is_boundary(token[0]):
                        yield from self._element(text[start : token.start()], token[0])
                        start = at
                text, start, at = text[start:], 0, (token.start() if token else len(text)) - start
                self._check_rest(text)
            if not self._is_over:
                raise _BrokenError(CUT_OFF)
        except _BrokenError as error:
            self._faults.add(self._line + text[start:at].count(b"\n"), "", str(error))

    def _is_boundary(self, token: bytes) -> bool:
        """Whether an element ends here, or the first one begins."""
        outside = self._depth == 0
        self._depth += (token in (b"[", b"{")) - (token in (b"]", b"}"))
        if self._is_over or (outside and token != b"[") or (self._depth == 0 and token != b"]"):
            raise _BrokenError(NOT_AN_ARRAY)
        return outside or self._depth == 0 or (self._depth == 1 and token == b",")

    def _element(self, text: bytes, token: bytes) -> Lines:
        element = text.lstrip()
        begins = self._line + text[: len(text) - len(element)].count(b"\n")
        if element and token != b"[":
            yield begins, element
        elif element or token == b"," or self._follows_comma:
            raise _BrokenError(NOT_AN_ARRAY)
        self._follows_comma, self._is_over = token == b",", self._depth == 0
        self._line += text.count(b"\n")

    def _check_rest(self, text: bytes) -> None:
        if self._is_over and text.strip():
            raise _BrokenError(NOT_AN_ARRAY)
        if len(text) > LONGEST_LINE:
            raise _BrokenError(TOO_LONG)
