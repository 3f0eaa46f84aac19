"""Proofs that an entry is in a log, as files. https://c2sp.org/tlog-proof, read 2026-11."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from evidence import checkpoint
from evidence.checkpoint import Checkpoint, number_of
from evidence.keys import PublicKey
from evidence.merkle import HASH_BYTES, ProofError, leaf_hash, root_by_path
from evidence.note import NoteError, decoded

FIRST_LINE = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
HIGHEST = 64


@dataclass(frozen=True)
class Proof:
    """Where an entry is in a log, the path from it to the root, and the signed checkpoint of that root."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None
    """What the entry can be made again from. Nothing in it is to be believed before it was."""

    def text(self) -> str:
        """The file."""
        extra = [f"extra {b64encode(self.extra).decode()}"] if self.extra is not None else []
        hashes = [b64encode(one).decode() for one in self.path]
        return "\n".join([FIRST_LINE, *extra, f"index {self.index}", *hashes, "", self.checkpoint])

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """Read a file. Raises ProofError."""
        head, blank, signed = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or lines.pop(0) != FIRST_LINE:
            raise ProofError(f"does not begin with {FIRST_LINE}")
        try:
            extra = decoded(lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else None
            index = number_of(lines[0][6:]) if lines and lines[0].startswith("index ") else None
            path = tuple(map(decoded, lines[1:]))
        except NoteError as error:
            raise ProofError(str(error)) from None
        if index is None or len(path) > HIGHEST or {len(one) for one in path} - {HASH_BYTES}:
            raise ProofError("no index, or hashes of another length")
        return cls(index, path, signed, extra)

    def check(self, entry: bytes, keys: Iterable[PublicKey]) -> Checkpoint:
        """The checkpoint, if its log has signed it with one of these keys and this entry is in that log. Raises
        ProofError."""
        try:
            found = checkpoint.verified(self.checkpoint, keys)
        except NoteError as error:
            raise ProofError(f"the checkpoint: {error}") from None
        if root_by_path(leaf_hash(entry), self.index, found.size, self.path) != found.root:
            raise ProofError("the entry is not in the log of this checkpoint")
        return found
