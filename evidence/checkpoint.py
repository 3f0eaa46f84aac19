"""Checkpoints: the size and root of a log, signed. https://c2sp.org/tlog-checkpoint, read 2026-11."""

from base64 import b64encode
from collections.abc import Iterable
from typing import NamedTuple

from evidence import note
from evidence.keys import PublicKey, SigningKey
from evidence.merkle import HASH_BYTES
from evidence.note import NoteError


class Checkpoint(NamedTuple):
    """How a log stood: its name, the number of its entries, and the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def signed(self, key: SigningKey) -> str:
        """The checkpoint as a signed note, under the log's name."""
        return note.sign(self.text(), self.origin, key)


def read(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Raises NoteError."""
    match text.split("\n"):
        case [origin, size, root, ""] if origin:
            raw = note.decoded(root)
            if number_of(size) is not None and len(raw) == HASH_BYTES:
                return Checkpoint(origin, int(size), raw)
    raise NoteError("no checkpoint")


def verified(signed: str, keys: Iterable[PublicKey], origin: str | None = None) -> Checkpoint:
    """The checkpoint in a note that its log has signed with one of these keys; `origin`: of this log. Raises
    NoteError."""
    found = read(note.parse(signed).text)
    if origin is not None and found.origin != origin:
        raise NoteError(f"a checkpoint of another log: {found.origin}")
    note.verify(signed, found.origin, keys)
    return found


def is_signed(signed: str, keys: Iterable[PublicKey]) -> bool:
    """Whether this is a checkpoint that its log has signed with one of these keys."""
    try:
        verified(signed, keys)
    except NoteError:
        return False
    return True


def number_of(text: str) -> int | None:
    """A decimal number as these formats write it, without signs or leading zeroes; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and str(int(text)) == text else None
