"""The evidence log as a folder of static files, as https://c2sp.org/tlog-tiles has them: written, and read again."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from evidence import checkpoint
from evidence.checkpoint import Checkpoint
from evidence.keys import KeyTextError, PublicKey, read_public_keys
from evidence.merkle import Frontier, leaf_hash
from evidence.note import NoteError
from evidence.tiles import CHECKPOINT, WIDTH, BundleError, bundle, entries_in, path_of, tiles_of
from ledger.evidence.timestamps import Stamped

KEYS = "keys"
"""The public keys that have signed, one a line; not of the specification."""
TIMESTAMPS = "timestamps"
"""Checkpoints with their time stamps, named after their size; not of the specification."""


class FolderError(Exception):
    """A folder does not hold a log that can be used. The message says what is wrong with it."""


def write(
    folder: Path,
    signed: str,
    size: int,
    tile: Callable[[int, int], Sequence[bytes]],
    entries: Callable[[int, int], Iterable[bytes]],
    *,
    before: int | None = None,
) -> int:
    """Write the log of this size and checkpoint, as far as it is not there; returns the number of files written.
    `tile`: the hashes of a tile by level and number; `entries`: from one index up to another. `before`: the size of the
    log that the folder has; what is beyond it is written whatever is there. The checkpoint is written last, so that the
    folder is whole at every moment."""
    written = 0
    for level, number, width in tiles_of(size, before or 0):
        if before is not None or _is_new(folder / path_of(level, number, width)):
            _replace(folder / path_of(level, number, width), b"".join(tile(level, number)))
            written += 1
        path = folder / path_of("entries", number, width)
        if level == 0 and (before is not None or _is_new(path)):
            _replace(path, bundle(entries(number * WIDTH, number * WIDTH + width)))
            written += 1
    _replace(folder / CHECKPOINT, signed.encode())
    return written + 1


def _is_new(path: Path) -> bool:
    return not path.exists()


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def drop_partial(folder: Path, size: int, before: int) -> None:
    """Delete the partial tiles of a folder that had the size `before`, which those of the present size replace."""
    now = set(tiles_of(size))
    for level, number, width in tiles_of(before, before):
        for kind in (level, "entries") if level == 0 else (level,):
            path = folder / path_of(kind, number, width)
            if (level, number, width) in now:
                continue
            path.unlink(missing_ok=True)
            if (level, number, WIDTH) in now:
                shutil.rmtree(path.parent, ignore_errors=True)


def write_keys(folder: Path, vkeys: Sequence[str]) -> None:
    """Write the public keys beside the log, where they are not there."""
    content = "".join(f"{one}\n" for one in vkeys).encode()
    if not (folder / KEYS).exists() or (folder / KEYS).read_bytes() != content:
        _replace(folder / KEYS, content)


def write_timestamps(folder: Path, stamped: Iterable[Stamped]) -> None:
    """Write the checkpoints that have time stamps, each with the authority's answer beside it, as far as they are not
    there."""
    for one in stamped:
        for name, content in ((f"{one.size}", one.signed.encode()), (f"{one.size}.tsr", one.answer)):
            if _is_new(path := folder / TIMESTAMPS / name):
                _replace(path, content)


def stamped_in(folder: Path) -> list[int]:
    """The sizes of the log whose time stamps are there."""
    names = (path.stem for path in (folder / TIMESTAMPS).glob("*.tsr"))
    return [int(name) for name in names if name.isdecimal()]


def keys_in(folder: Path) -> list[PublicKey]:
    """The public keys beside the log; none where the file cannot be read."""
    try:
        return read_public_keys((folder / KEYS).read_text())
    except (OSError, UnicodeDecodeError, KeyTextError):
        return []


def checkpoint_in(folder: Path, keys: Sequence[PublicKey]) -> Checkpoint:
    """The checkpoint of a folder. Its entries are not looked at. Raises FolderError."""
    try:
        return checkpoint.verified((folder / CHECKPOINT).read_text(), keys)
    except (OSError, UnicodeDecodeError):
        raise FolderError(f"there is no checkpoint in {folder}") from None
    except NoteError as error:
        raise FolderError(f"the checkpoint in {folder}: {error}") from None


def read(folder: Path, keys: Sequence[PublicKey]) -> Checkpoint:
    """The checkpoint of a folder whose entries are those that were signed. Raises FolderError."""
    found = checkpoint_in(folder, keys)
    grown = Frontier()
    grown.extend(map(leaf_hash, entries_of(folder, found.size)))
    if (grown.size, grown.root()) != (found.size, found.root):
        raise FolderError(f"the entries in {folder} are not those that were signed")
    return found


def holds_log(folder: Path) -> bool:
    """Whether there is a log in this folder. Raises FolderError where this process may not look into it."""
    try:
        (folder / CHECKPOINT).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise FolderError(f"{folder} cannot be looked into: {error.strerror}") from None
    return True


def entries_of(folder: Path, size: int) -> Iterator[bytes]:
    """The entries of a folder's log of this size, in order. Raises FolderError."""
    for block in bundles_of(folder, size):
        yield from block


def bundles_of(folder: Path, size: int) -> Iterator[list[bytes]]:
    """The same, as many together as a bundle has. Raises FolderError."""
    for level, number, width in tiles_of(size):
        if level:
            return
        path = folder / path_of("entries", number, width)
        try:
            yield entries_in(path.read_bytes())
        except OSError:
            raise FolderError(f"{path} cannot be read") from None
        except BundleError as error:
            raise FolderError(f"{path}: {error}") from None
