"""What is done with a ledger that was restored from a backup: nothing that was forgotten comes back, nothing that was
withdrawn is sent, and what was done meanwhile waits for a person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from evidence.checkpoint import Checkpoint
from ledger.accounts import audit
from ledger.accounts.audit import HERE, Entry, Origin
from ledger.delivery import restored
from ledger.delivery.restored import Restore
from ledger.evidence import sequencer
from ledger.evidence.tiles import entries_between
from ledger.requests import restoring
from ledger.requests.restoring import State
from ledger.session import Connection, Engine
from tasks import log_copy, log_folder
from tasks import since as reading
from tasks.log_copy import LogCopy
from tasks.log_folder import FolderError
from tasks.since import Again, Since

STEP = 1_000
"""Requests dealt with in one transaction."""
BY = "restored"
"""Who is on record for what is done again at start, without asking a person."""
WHY = "the ledger was restored from a backup of before"


class NotRestoredError(Exception):
    """The ledger is not behind the copy of its log, so there is nothing to deal with."""

    def __init__(self) -> None:
        super().__init__("this ledger is not behind any copy of its log that is known here: nothing is held for it")


@dataclass
class Report:
    """What is known of the time between the backup and now, and what was done about it, or would be."""

    found_at: datetime
    entries: int
    """That the ledger's log had when the backup was found to be restored."""
    copy_entries: int
    complete: bool
    """The copy's entries could be read. Otherwise only that something is lost is known."""
    why_not: str = ""
    unknown: dict[UUID, reading.Received] = field(default_factory=dict)
    """Requests that were received since: the ledger does not have them."""
    status: dict[UUID, str] = field(default_factory=dict)
    """By the copy, of the requests that are named here."""
    again: dict[Again, list[UUID]] = field(default_factory=lambda: {one: [] for one in Again})
    """What was done to which requests of the ledger."""
    deeds: list[reading.Done] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    legal_holds: dict[int, str] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    let_go: list[str] = field(default_factory=list)
    """Vendors that go on."""


def check_at_start(engine: Engine, copy: LogCopy | None) -> Restore | None:
    """As `log_copy.check`; and what the copy says was forgotten or cancelled is so again at once. Keys that were
    restored without their requests are destroyed, also where there is no copy."""
    with engine.begin() as connection:
        restoring.drop_stray_keys(connection)
    found = log_copy.check(engine, copy) if copy is not None else None
    if found is not None and copy is not None:
        with engine.connect() as connection:
            since, _ = _read(connection, copy)
        if since is not None:
            for states in _concerned(engine, since):
                _do(engine, states, since, BY, WHY, ask=False)
    return found


def look(engine: Engine, copy: LogCopy | None) -> Report:
    """What `go_on` would do. Raises NotRestoredError; and FolderError for a copy that cannot be compared."""
    report, since = _begin(engine, copy)
    for states in _all(engine, since, report.found_at):
        _note(report, states, since)
    return report


def go_on(
    engine: Engine,
    copy: LogCopy | None,
    by: str,
    because: str,
    *,
    kept_up: LogCopy | None = None,
    origin: Origin = HERE,
) -> Report:
    """Do again what the copy's log says was done since the backup, have what has closed since wait for a person, and
    let the vendors go on. It may be stopped and begun again. `kept_up`: the copy that the workers keep up, where that
    is another one. Raises as `look`."""
    report, since = _begin(engine, copy)
    for states in _all(engine, since, report.found_at):
        _note(report, states, since)
        _do(engine, states, since, by, because, ask=True)
    with engine.begin() as connection:
        for vendor, who in report.stopped.items():
            restored.keep_held(connection, vendor, who)
        report.let_go = restored.lift(connection, by, because, list(_roots(connection, copy, kept_up)))
        audit.add(connection, [Entry(by, "restored", allowed=True, because=because, **origin._asdict())])
    return report


def _roots(connection: Connection, *copies: LogCopy | None) -> Iterator[bytes]:
    for copy in filter(None, copies):
        try:
            there = log_copy.behind(connection, copy)
        except FolderError:
            continue  # `log_copy.check` told it
        if there is not None:
            yield there.root


def _begin(engine: Engine, copy: LogCopy | None) -> tuple[Report, Since | None]:
    found = log_copy.check(engine, copy) if copy is not None else None
    with engine.connect() as connection:
        found = found or restored.open_restore(connection)
        if found is None:
            if copy is not None:
                log_copy.behind(connection, copy)  # raises where it cannot be read
            raise NotRestoredError
        since, why_not = _read(connection, copy) if copy is not None else (None, "no folder with a copy is set")
        report = Report(found.found_at, found.entries, found.copy_entries, since is not None, why_not)
        if since is None:
            return report, None
        known = {one.public_id for one in _known(connection, since)}
    report.unknown = {one: received for one, received in since.received.items() if one not in known}
    report.status = {one: status for one, status in since.status.items() if one in report.unknown}
    report.deeds, report.stopped = since.deeds, since.stopped
    report.legal_holds, report.others = since.legal_holds, dict(since.others)
    return report, since


def _read(connection: Connection, copy: LogCopy) -> tuple[Since | None, str]:
    """What the copy has that the ledger's log has not; or why that cannot be read."""
    head = sequencer.head_of(connection)
    try:
        there = copy.checkpoint(connection, head) if head is not None else None
        if head is None or there is None:
            return None, f"there is no copy of this ledger's log in {copy.folder}"
        folder = copy.of(head)
        log_folder.read(folder, copy.keys(connection, head))
        return reading.read(_from_first_difference(connection, folder, there)), ""
    except FolderError as error:
        return None, str(error)
    except ValueError:
        return None, f"entries of the copy in {copy.folder} are not those of a consent-worker that this one knows"


def _from_first_difference(connection: Connection, folder: Path, there: Checkpoint) -> Iterator[bytes]:
    place, differs = 0, False
    for theirs in log_folder.bundles_of(folder, there.size):
        ours = [] if differs else entries_between(connection, place, place + len(theirs))
        for number, entry in enumerate(theirs):
            differs = differs or number >= len(ours) or ours[number] != entry
            if differs:
                yield entry
        place += len(theirs)


def _known(connection: Connection, since: Since) -> Iterator[State]:
    for part in _parts(since):
        yield from restoring.states_of(connection, part)


def _parts(since: Since) -> Iterator[list[UUID]]:
    named = sorted({*since.received, *since.status, *since.forgotten})
    for place in range(0, len(named), STEP):
        yield named[place : place + STEP]


def _concerned(engine: Engine, since: Since) -> Iterator[Sequence[State]]:
    """The requests that the copy says something about and the ledger has, in parts."""
    for part in _parts(since):
        with engine.connect() as connection:
            states = restoring.states_of(connection, part)
        yield states


def _all(engine: Engine, since: Since | None, until: datetime) -> Iterator[Sequence[State]]:
    """These, and those that were received until then and are being sent, in parts."""
    if since is not None:
        yield from _concerned(engine, since)
    after = 0
    while True:
        with engine.connect() as connection:
            states = restoring.running(connection, until, after, STEP)
        if not states:
            return
        after = states[-1].id
        yield [one for one in states if since is None or not since.names(one.public_id)]


def _decided(states: Sequence[State], since: Since | None) -> Iterator[tuple[Again, State]]:
    for one in states:
        yield (
            reading.decide(one.kind, one.status, forgotten=one.forgotten, public_id=one.public_id, since=since),
            one,
        )


def _note(report: Report, states: Sequence[State], since: Since | None) -> None:
    for again, one in _decided(states, since):
        listed = _done_at_start(one, since) if again is Again.LEAVE else again
        if listed is not Again.LEAVE or one.status == "running":
            report.again[listed].append(one.public_id)
            if since is not None and one.public_id in since.status:
                report.status[one.public_id] = since.status[one.public_id]


def _done_at_start(one: State, since: Since | None) -> Again:
    if since is not None and one.public_id in since.forgotten and one.forgotten:
        return Again.FORGET
    if since is not None and since.status.get(one.public_id) == one.status == "cancelled":
        return Again.CANCEL
    return Again.LEAVE


def _do(engine: Engine, states: Sequence[State], since: Since | None, by: str, because: str, *, ask: bool) -> None:
    wanted: dict[Again, list[State]] = {one: [] for one in Again}
    for again, one in _decided(states, since):
        wanted[again].append(one)
    with engine.begin() as connection:
        restoring.forget_again(connection, wanted[Again.FORGET], by, because)
        restoring.cancel_again(connection, wanted[Again.CANCEL], by, because)
        if ask:
            restoring.ask_first(connection, wanted[Again.ASK], by, because)
