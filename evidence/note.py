"""Signed notes: text with signatures below it. https://c2sp.org/signed-note, read 2026-11."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from typing import NamedTuple

from evidence.keys import PublicKey, SigningKey

DASH = "\u2014"
MOST_SIGNATURES = 100
LARGEST = 100_000


class NoteError(ValueError):
    """This is no signed note, or nobody whose key is given has signed it."""


class Signature(NamedTuple):
    """One line below the text."""

    name: str
    key_id: bytes
    raw: bytes


class Note(NamedTuple):
    """A note that was taken apart, and not verified."""

    text: str
    signatures: list[Signature]


def is_name(name: str) -> bool:
    """Whether a key may have this name."""
    return bool(name) and name.isprintable() and "+" not in name and not any(char.isspace() for char in name)


def sign(text: str, name: str, key: SigningKey) -> str:
    """The text, which ends in a newline, with a signature below."""
    signature = key.public.id_for(name) + key.sign(text.encode())
    return f"{text}\n{DASH} {name} {b64encode(signature).decode()}\n"


def parse(signed: str) -> Note:
    """Take a note apart. Raises NoteError."""
    text, blank, below = signed.rpartition("\n\n")
    if not blank or len(signed) > LARGEST or not below.endswith("\n"):
        raise NoteError("no signed note")
    if any(char < " " and char != "\n" for char in signed):
        raise NoteError("a control character in a signed note")
    lines = below[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise NoteError("too many signatures")
    return Note(text + "\n", [_signature(line) for line in lines])


def _signature(line: str) -> Signature:
    match line.split(" "):
        case [dash, name, encoded] if dash == DASH and is_name(name):
            raw = decoded(encoded)
            if len(raw) > 4:
                return Signature(name, raw[:4], raw[4:])
    raise NoteError("a line below the text is no signature")


def decoded(text: str) -> bytes:
    """Bytes from base64 that has one way to be written only. Raises NoteError."""
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise NoteError("no base64") from None
    if b64encode(raw).decode() != text:
        raise NoteError("base64 that could be written otherwise")
    return raw


def verify(signed: str, name: str, keys: Iterable[PublicKey]) -> str:
    """The text of a note that the owner of one of these keys has signed under this name.

    Signatures of unknown keys are ignored, as the specification wants. Raises NoteError where there is none of a known
    key, or one of a known key is false.
    """
    note = parse(signed)
    known = {key.id_for(name): key for key in keys}
    ours = [(known[one.key_id], one.raw) for one in note.signatures if one.name == name and one.key_id in known]
    if not ours:
        raise NoteError("not signed with a key that was given")
    if not all(key.has_signed(note.text.encode(), raw) for key, raw in ours):
        raise NoteError("its signature is not that of its text")
    return note.text
