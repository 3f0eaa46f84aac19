"""Forms with a file, read as they arrive: nothing on disk, and of the file a piece at a time in memory."""

from collections import deque
from collections.abc import Mapping

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from intake.files.encodings import Source
from web.bodies import media_type, refuse_encoded
from web.problems import Problem

BLOCK_BYTES = 65_536
LONGEST_FIELD = 4_096
MOST_FIELDS = 60
FIELDS_BYTES = 65_536
"""What a form may have besides the file's own bytes."""
BROKEN = "the form cannot be read, or part of it is missing; nothing was done"


def boundary_of(request: Request) -> bytes:
    """What separates the parts of this form. Raises Problem where it is none with a file."""
    refuse_encoded(request)
    _, given = parse_options_header(request.headers.get("content-type"))
    if media_type(request) != "multipart/form-data" or not given.get(b"boundary"):
        raise Problem(415, "not-a-form", "send the form as a browser does")
    return given[b"boundary"]


class FileForm:
    """A form whose last part is a file, which is read from it as from a file. `fields` are those that come before,
    without surrounding blanks. The name that the sender gave the file is not kept, for it may be somebody's.

    Reading raises Problem where the form is broken off or not as our pages send it, and whatever `body` raises.
    """

    def __init__(self, body: Source, boundary: bytes) -> None:
        self._body = body
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_content,
                "on_part_data": self._take,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )
        self._header, self._value, self._text = bytearray(), bytearray(), bytearray()
        self._disposition: Mapping[bytes, bytes] = {}
        self._pieces: deque[bytes] = deque()
        self._fields: dict[str, str] = {}
        self._in_file = self._file_ended = self._ended = False
        while not (self._in_file or self._ended):
            self._feed()

    @property
    def fields(self) -> Mapping[str, str]:
        """By name, what was filled in above the file."""
        return self._fields

    def read(self, size: int, /) -> bytes:
        """As of a file; returns its end only when the whole form has come."""
        while not self._pieces and not self._ended:
            self._feed()
        if not self._pieces:
            return b""
        piece = self._pieces.popleft()
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
        return piece[:size]

    def _feed(self) -> None:
        data = self._body.read(BLOCK_BYTES)
        try:
            self._parser.write(data) if data else self._parser.finalize()
        except FormParserError:
            raise Problem.unusable(BROKEN) from None
        if not data and not self._ended:
            raise Problem.unusable(BROKEN)

    def _begin_part(self) -> None:
        if self._file_ended or len(self._fields) >= MOST_FIELDS:
            raise Problem.unusable("the form has fields that are not known; nothing was done")
        self._disposition, self._text = {}, bytearray()

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, self._disposition = parse_options_header(self._value.decode("latin-1"))
        self._header, self._value = bytearray(), bytearray()

    def _begin_content(self) -> None:
        self._in_file = b"filename" in self._disposition

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > LONGEST_FIELD:
            raise Problem.unusable("a field of the form is too long; nothing was done")

    def _end_part(self) -> None:
        if self._in_file:
            self._file_ended = True
            return
        name = self._disposition.get(b"name", b"").decode(errors="replace")
        if not name or name in self._fields:
            raise Problem.unusable("the form has fields that are not known; nothing was done")
        self._fields[name] = self._text.decode(errors="replace").strip()

    def _end(self) -> None:
        self._ended = True
