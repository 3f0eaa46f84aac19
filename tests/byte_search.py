"""Looks for words in every byte of files: plain, in any case, and as encodings would write them."""

import os
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

OVERLAP = 1_024
AT_ONCE = 64_000_000
"""Bytes read together: files of a database are large."""
EMPTY = bytes(64)
"""What a database's files mostly consist of: no word is as long."""


class Found(NamedTuple):
    """A word in a file. Neither the word nor what surrounds it is shown."""

    file: str
    number: int
    """Which of the words; the secrets come after them."""
    form: str


class Form(NamedTuple):
    """How a word may stand somewhere. What is in lower case may stand there in any."""

    name: str
    wanted: bytes
    any_case: bool = True


def forms_of_secret(secret: str) -> Iterator[Form]:
    """How a long secret may stand somewhere; nobody would write it in capitals."""
    raw = secret.encode()
    yield Form("plain", raw, any_case=False)
    yield Form("hexadecimal", raw.hex().encode())
    for offset in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            yield Form("base64", _inner(encode(bytes(offset) + raw), offset), any_case=False)


def forms(word: str) -> Iterator[Form]:
    """How a word may stand somewhere."""
    lower = word.lower()
    yield Form("plain", lower.encode())
    yield Form("reversed", lower.encode()[::-1])
    for encoding in ("utf-16-le", "utf-16-be"):
        yield Form(encoding, lower.encode(encoding))
    for case in {lower, word.upper(), word}:
        yield from list(forms_of_secret(case))[1:]
        yield Form("percent", "".join(f"%{byte:02x}" for byte in case.encode()).encode())


def _inner(encoded: bytes, offset: int) -> bytes:
    """The letters of an encoding that depend on nothing before or after the word."""
    return encoded.rstrip(b"=")[(0, 2, 3)[offset] : -1]


@dataclass(frozen=True)
class Search:
    """What to look for: words, and secrets."""

    words: tuple[str, ...]
    secrets: tuple[str, ...] = ()

    @cached_property
    def _wanted(self) -> list[tuple[int, Form]]:
        named = [*map(forms, self.words), *map(forms_of_secret, self.secrets)]
        return [(number, form) for number, each in enumerate(named) for form in dict.fromkeys(each)]

    def within(self, content: bytes, file: str = "") -> Iterator[Found]:
        """What of it is in these bytes, each in each form once."""
        lower = content.lower()
        found = {
            Found(file, number, form.name)
            for number, form in self._wanted
            if form.wanted in (lower if form.any_case else content)
        }
        yield from sorted(found)

    def below(self, folder: Path, excepted: Collection[str] = ()) -> list[Found]:
        """What of it is in the files below a folder, and in their names; but for files whose path below it is
        excepted."""
        found: list[Found] = []
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            found += self.within(name.encode(), f"the name of {path.parent.relative_to(folder)}/…")
            if path.is_file() and not path.is_symlink() and name not in excepted:
                found += self._in_file(path, name)
        return sorted(set(found))

    def _in_file(self, path: Path, name: str) -> Iterator[Found]:
        try:
            file = path.open("rb")
        except FileNotFoundError:  # a temporary one, gone since
            return
        with file:
            rest = b""
            while block := file.read(AT_ONCE):
                yield from self.within((rest + block).replace(EMPTY, bytes(8)), name)
                rest = block[-OVERLAP:]


def size_below(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(os.path.getsize(path) for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
