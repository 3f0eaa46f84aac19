"""Beside very many small requests, a large one is compared with all of them once, then with what has come since.

Each chunk of a campaign would otherwise look up its people among theirs, again at every vendor. This process remembers
what was found: by line, with whom of which request an identifier is shared. What has come since is told by the
transaction that made a request run or changed identifiers in it (`requests.changed`), and by the snapshot in which was
compared. That is exact, whatever was being written at that moment.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger.delivery.come_since import CROWD, come_since, running_beside, still_matter
from ledger.delivery.near_requests import listed_at_most
from ledger.delivery.their_side import theirs_in_all_of_mine

SMALL = 1_000
"""Requests of more people are compared with each chunk, and so are those with identifiers of vendors' own."""
MATCHES = 20_000
"""At most so many are remembered of one request."""
REMEMBERED = 64
"""Large requests that one process remembers the comparison of."""


class Match(NamedTuple):
    """Somebody of a request, and who of another one has the same identifier."""

    line: int
    other_request: int
    other_line: int
    by: str


class Beside(NamedTuple):
    """What a chunk of a large request is compared with."""

    found: Sequence[Match]
    """People of small requests, of which some may not matter any more."""
    ids: Sequence[int]
    """The other requests that can matter, to be compared now."""
    people: int
    """How many are in these."""
    others: bool
    """One of them has identifiers of vendors' own."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """A comparison of all people of a request with those of all small ones running in a snapshot."""

    of: str
    """The request, in this database, since its server was started or recovered: other snapshots mean something else."""
    seen: str
    """The snapshot."""
    own: str | None
    """The transaction that compared, where it had a number by then: what it writes later is not in the snapshot."""
    matches: Mapping[int, Sequence[Match]]
    """By line."""
    apart: frozenset[int]
    """The running requests that were left out."""


class _Memory:
    """The comparisons of this process, by request; None for a request that cannot be compared this way."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[int, _Compared | None] = OrderedDict()

    def __contains__(self, request_id: int) -> bool:
        return request_id in self._known

    def get(self, request_id: int) -> _Compared | None:
        return self._known.get(request_id)

    def keep(self, request_id: int, compared: _Compared | None) -> None:
        with self._lock:
            self._known[request_id] = compared
            self._known.move_to_end(request_id)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def forget(self, request_id: int) -> None:
        with self._lock:
            self._known.pop(request_id, None)


_memory = _Memory()


def beside(connection: Connection, kinds: Sequence[str], here: Mapping[str, Any]) -> Beside | None:
    """What the people on these `lines` of `request_id` are compared with, at `vendor_id`, where all of them were
    compared before; None where they were not, or too much has changed."""
    request_id = here["request_id"]
    known = _memory.get(request_id)
    if known is None:
        return None
    before = {"of": known.of, "seen": known.seen, "own": known.own, "apart": [*known.apart]}
    since = come_since(connection, kinds, here, before, small=SMALL)
    if not since.usable:
        _memory.forget(request_id)
        return None
    if since.many:
        _memory.keep(request_id, None)
        return None
    known = _remembered(connection, here, since, known)
    if known is None:
        return None
    found = [match for line in here["lines"] for match in known.matches.get(line, ())]
    if found:
        still = still_matter(connection, kinds, here, list({match.other_request for match in found}))
        found = [match for match in found if match.other_request in still]
    return Beside(found, since.ids, since.people, since.theirs_other)


def compare_all(connection: Connection, here: Mapping[str, Any]) -> bool:
    """Compare all people of `request_id` with those of the small requests that are running; whether it was done. It is
    done where it is less work than looking up its people among theirs."""
    request_id = here["request_id"]
    if request_id in _memory:
        return False  # tried before
    running = running_beside(connection, here, small=SMALL)
    if not running.large:
        return False
    few_apart = len(running.apart) < listed_at_most(here)
    if running.usable and running.requests <= CROWD and running.people <= running.mine and few_apart:
        return _remembered(connection, here, running, None) is not None
    _memory.keep(request_id, None)
    return False


def _remembered(
    connection: Connection, here: Mapping[str, Any], running: Any, known: _Compared | None
) -> _Compared | None:
    """Compare with these small requests, and remember that besides what is `known`. None where too many people share an
    identifier."""
    matches, apart = (known.matches, known.apart) if known else ({}, frozenset[int]())
    if running.small:
        found = theirs_in_all_of_mine(connection, {**here, "others": running.small})
        if found is not None:
            matches = _with(matches, map(Match._make, found))
        if found is None or sum(map(len, matches.values())) > MATCHES:
            _memory.keep(here["request_id"], None)
            return None
    compared = _Compared(running.of, running.snapshot, running.own, matches, apart.union(running.apart))
    _memory.keep(here["request_id"], compared)
    return compared


def _with(matches: Mapping[int, Sequence[Match]], more: Iterable[Match]) -> Mapping[int, Sequence[Match]]:
    """Each once: a request whose identifiers have changed is compared again."""
    together = dict(matches)
    for match in more:
        known = together.get(match.line, ())
        if match not in known:
            together[match.line] = (*known, match)
    return together
