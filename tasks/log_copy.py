"""The copy of the evidence log outside of PostgreSQL: workers keep it up, and a ledger that is behind it was restored.

A database that is restored from a backup takes nothing of it back. See docs/decisions/0059-restored-backups.md.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evidence.checkpoint import Checkpoint
from evidence.keys import PublicKey
from ledger.delivery import restored
from ledger.delivery.restored import Restore
from ledger.evidence import sequencer, timestamps
from ledger.evidence.checking import begins_with
from ledger.evidence.sequencer import Head
from ledger.evidence.tiles import LogTree, entries_between
from ledger.session import Connection, Engine
from tasks import log_folder
from tasks.log_folder import FolderError

log = logging.getLogger(__name__)


@dataclass
class LogCopy:
    """Where copies of logs are kept: a folder for each log, named after its ledger's id, so that another ledger with
    the same settings has its own."""

    folder: Path
    own_keys: Callable[[], Sequence[PublicKey]] = field(repr=False)
    """The keys that this process signs with."""
    is_one_log: bool = False
    """The folder holds the copy of one log itself, as `consent audit export` writes it."""
    _told: str = ""
    """The last trouble that was logged."""

    @classmethod
    def at(cls, folder: Path | None, own_keys: Callable[[], Sequence[PublicKey]]) -> "LogCopy | None":
        """The copies in a folder; None without one."""
        return cls(folder, own_keys) if folder is not None else None

    def of(self, head: Head) -> Path:
        """The folder of a ledger's log."""
        return self.folder if self.is_one_log else self.folder / str(head.id)

    def checkpoint(self, connection: Connection, head: Head) -> Checkpoint | None:
        """How the log stood that was copied last; None where there is no copy. Raises FolderError."""
        folder = self.of(head)
        return log_folder.checkpoint_in(folder, self.keys(connection, head)) if log_folder.holds_log(folder) else None

    def keys(self, connection: Connection, head: Head) -> list[PublicKey]:
        """Whose signature under the copy counts: ours, those that the ledger knows, and those beside the copy, which
        the ledger may know no more."""
        published = [PublicKey(one.public) for one in sequencer.published_keys(connection)]
        return [*self.own_keys(), *published, *log_folder.keys_in(self.of(head))]

    def tell(self, trouble: str) -> None:
        """Log what is wrong with the copy, once."""
        if trouble and trouble != self._told:
            log.error("the evidence log's copy: %s", trouble)
        self._told = trouble


def check(engine: Engine, copy: LogCopy) -> Restore | None:
    """Hold every vendor where the ledger is behind the copy of its log; returns the restored backup that nobody has
    dealt with yet. Any number may check at once."""
    with engine.begin() as connection:
        try:
            there = behind(connection, copy)
        except FolderError as error:
            copy.tell(str(error))
            there = None
        head = sequencer.head_of(connection)
        if there is not None and head is not None and restored.note(connection, head.size, there.size, there.root):
            log.error(
                "this ledger was restored from a backup, and every vendor is held: its log has %d entries, and its "
                "copy %d. %s",
                head.size,
                there.size,
                restored.TO_DO,
            )
        return restored.open_restore(connection)


@dataclass
class LogSize:
    """Notices that the log has become shorter under a running process: its database was restored."""

    engine: Engine
    copy: LogCopy | None
    _last: int = 0

    def see(self, size: int) -> None:
        """Check where the log had more entries the last time."""
        if size < self._last and self.copy is not None:
            check(self.engine, self.copy)
        self._last = size


def behind(connection: Connection, copy: LogCopy) -> Checkpoint | None:
    """The copy's checkpoint where the ledger's log does not begin with it and no person has dealt with that. Raises
    FolderError."""
    head = sequencer.head_of(connection)
    there = copy.checkpoint(connection, head) if head is not None else None
    if there is None or begins_with(connection, there) or restored.was_lifted(connection, there.root):
        return None
    return there


def keep_up(engine: Engine, copy: LogCopy) -> None:
    """Bring the copy up to the newest checkpoint, unless another process does or the ledger is behind it. What a person
    has dealt with stays beside it under another name. What goes wrong is logged."""
    try:
        with engine.begin() as connection:
            if sequencer.take_copy_turn(connection):
                _keep_up(connection, copy)
    except (OSError, FolderError) as error:
        copy.tell(f"it cannot be written: {error.strerror}" if isinstance(error, OSError) else str(error))
    else:
        copy.tell("")


def _keep_up(connection: Connection, copy: LogCopy) -> None:
    head, newest = sequencer.head_of(connection), sequencer.newest_checkpoint(connection)
    if head is None or newest is None or restored.open_restore(connection) is not None:
        return
    folder, there = copy.of(head), copy.checkpoint(connection, head)
    if there is not None and not begins_with(connection, there):
        if not restored.was_lifted(connection, there.root):
            return  # which the next check finds
        folder.rename(folder.with_name(f"{folder.name}.until-{there.size}-{there.root.hex()[:8]}"))
        there = None
    before = there.size if there is not None else 0
    if there is not None and before >= newest.size:
        return
    tree = LogTree(connection, newest.size)
    keys = sequencer.published_keys(connection)
    log_folder.write_keys(folder, [PublicKey(one.public).vkey(one.name) for one in keys])
    log_folder.write(
        folder,
        newest.signed,
        newest.size,
        tree.tile,
        lambda first, past: entries_between(connection, first, past),
        before=before,
    )
    log_folder.write_timestamps(folder, timestamps.stamped(connection, log_folder.stamped_in(folder)))
    log_folder.drop_partial(folder, newest.size, before)
