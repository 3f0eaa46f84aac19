"""Looks for words in every byte of files: plain, in any case, and as encodings would write them."""

import os
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

OVERLAP = 1_024
AT_ONCE = 64_000_000
"""Bytes read together: files of a database are large."""


class Found(NamedTuple):
    """A word in a file. Neither the word nor what surrounds it is shown."""

    file: str
    number: int
    """Which of the words."""
    form: str


def forms(word: str) -> Iterator[tuple[str, bytes]]:
    """How a word may stand somewhere, with the name of each way; those in lower case are looked for in any case."""
    plain = word.lower().encode()
    yield "plain", plain
    yield "reversed", plain[::-1]
    for encoding in ("utf-16-le", "utf-16-be"):
        yield encoding, word.lower().encode(encoding)
    for case in (word.lower(), word.upper(), word):
        yield "hexadecimal", case.encode().hex().encode()
        yield "percent", "".join(f"%{byte:02x}" for byte in case.encode()).encode()
        for offset in range(3):
            yield "base64", _inner(b64encode(bytes(offset) + case.encode()), offset)
            yield "base64", _inner(urlsafe_b64encode(bytes(offset) + case.encode()), offset)


def _inner(encoded: bytes, offset: int) -> bytes:
    """The letters of an encoding that depend on nothing before or after the word."""
    return encoded.rstrip(b"=")[(0, 2, 3)[offset] : -1]


def found_in(content: bytes, words: Iterable[str], file: str = "") -> Iterator[Found]:
    """The words in these bytes, each in each form once."""
    lower = content.lower()
    for number, word in enumerate(words):
        for form, wanted in dict.fromkeys(forms(word)):
            if wanted in (content if form == "base64" else lower):
                yield Found(file, number, form)


def found_below(folder: Path, words: Collection[str], excepted: Collection[str] = ()) -> list[Found]:
    """The words in the files below a folder, and in their names; but for those whose path below it is excepted."""
    found: list[Found] = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found += found_in(name.encode(), words, f"the name of {path.parent.relative_to(folder)}/…")
        if path.is_file() and not path.is_symlink() and name not in excepted:
            found += _in_file(path, words, name)
    return sorted(set(found))


def _in_file(path: Path, words: Collection[str], name: str) -> Iterator[Found]:
    try:
        file = path.open("rb")
    except FileNotFoundError:  # a temporary one, gone since
        return
    with file:
        rest = b""
        while block := file.read(AT_ONCE):
            if block.strip(b"\0"):  # a database's files are mostly empty
                yield from found_in(rest + block, words, name)
            rest = block[-OVERLAP:]


def size_below(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(os.path.getsize(path) for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
