"""Text in another encoding becomes UTF-8 with line feeds, as a stream: UTF-16, and line ends of old Macintoshes."""

import codecs
import re
from collections.abc import Callable
from typing import Protocol

HEAD_BYTES = 8_192
"""Looked at to tell what a file is."""
NOT_UTF8 = "text that is not UTF-8"
_CONTROLS = re.compile("[\\x00-\\x08\\x0e-\\x1f\\ufffd]")


class Source(Protocol):
    """What readers need of a file."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, `size` at most; none at the end only."""


class UnreadableError(Exception):
    """The file is damaged, or not what it seems: `line` says how far it could be read, and the message what to do."""

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.line = line


class Ahead:
    """A file whose beginning can be looked at before it is read."""

    def __init__(self, file: Source, size: int = HEAD_BYTES) -> None:
        self.head = read_fully(file, size)
        self._rest, self._file = self.head, file

    def read(self, size: int, /) -> bytes:
        """As of a file."""
        if not self._rest:
            return self._file.read(size)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def read_fully(file: Source, size: int) -> bytes:
    """So many bytes, or all that there are."""
    pieces, left = [], size
    while left and (piece := file.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


class Rewritten:
    """A file whose bytes pass through a function; `rewrite` is given no bytes at the end."""

    def __init__(self, file: Source, rewrite: Callable[[bytes], bytes]) -> None:
        self._file, self._rewrite = file, rewrite
        self._rest = b""
        self._is_over = False

    def read(self, size: int, /) -> bytes:
        """As of a file."""
        while not self._rest and not self._is_over:
            piece = self._file.read(size)
            self._is_over = not piece
            self._rest = self._rewrite(piece)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def as_utf8(file: Ahead) -> tuple[Source, str]:
    """The same text in UTF-8, and the encoding that it came in, in words."""
    head = file.head
    for mark, codec, words in (
        (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    ):
        if head.startswith(mark):
            file.read(len(mark))
            return Rewritten(file, _Transcoder(codec)), words
    unmarked = _unmarked_utf16(head)
    if unmarked:
        return Rewritten(file, _Transcoder(unmarked)), "UTF-16 without a mark"
    if not _is_utf8(head):
        return file, NOT_UTF8
    return file, "UTF-8 with a mark" if head.startswith(codecs.BOM_UTF8) else "UTF-8"


def _unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a zero in nearly every second byte, and none elsewhere. Of other text it has one
    beside the line feeds. Text that is not UTF-16 has none at all."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) >= 4 and even + odd >= 0.35 * len(head) and not (even and odd):
        return "utf-16-le" if odd else "utf-16-be"
    return next((codec for codec in ("utf-16-le", "utf-16-be") if 0 in head and _has_lines(head, codec)), None)


def _has_lines(head: bytes, codec: str) -> bool:
    """Whether this is text of lines in that encoding, of which the last may be cut."""
    text = head[: len(head) & ~1].decode(codec, errors="replace")
    return text.count("\n") > head.count(b"\n") // 2 and not _CONTROLS.search(text, 0, len(text) - 1)


def _is_utf8(head: bytes) -> bool:
    """Whether this beginning of a text is UTF-8; its last character may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


class _Transcoder:
    def __init__(self, codec: str) -> None:
        self._decoder = codecs.getincrementaldecoder(codec)()
        self._line = 1

    def __call__(self, piece: bytes) -> bytes:
        try:
            text = self._decoder.decode(piece, final=not piece).encode()
        except UnicodeDecodeError:
            message = "is damaged: it is not whole UTF-16 text; save it as CSV UTF-8"
            raise UnreadableError(message, self._line) from None
        self._line += text.count(b"\n")
        return text


def with_line_feeds(file: Ahead) -> Source:
    """The same text; where lines end with carriage returns only, with line feeds instead."""
    if b"\r" not in file.head or b"\n" in file.head:
        return file
    return Rewritten(file, lambda piece: piece.replace(b"\r", b"\n"))
