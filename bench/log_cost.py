"""What the evidence log itself costs, in processor time of one process and its PostgreSQL backend, each counted by the
kernel to the nanosecond: the same work with the log's triggers and without, in turns."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from statistics import mean
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from bench.cpu import spent_with
from bench.people import people
from domain.requests import Kind
from evidence.keys import SigningKey
from ledger.delivery.vendors import announce
from ledger.evidence import outcome_trees
from ledger.sealing import MasterKeys, generate_master_key
from ledger.session import connect, migrate
from tasks.known import look_up
from tasks.log import LogKeeper, order
from tasks.submission import Guards, Submission
from tasks.submit import Offer, Receipt, submit, submit_few

TOGETHER = 8
"""Posts that are recorded together, as of 16 clients that post at once."""
POSTS, CAMPAIGNS = 400, 10
"""Of one block. As many posts come between two turns of the sequencer."""
RESAMPLED = 2_000


class LogCost:
    """A ledger of its own, in which nothing but this process works."""

    def __init__(self, url: str) -> None:
        self._engine = connect(url, pool_size=1)
        migrate(self._engine)
        with self._engine.begin() as connection:
            announce(connection, {"dfinery": 1_000})
            self._backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        self._masters = MasterKeys.parse(generate_master_key())
        self._keeper = LogKeeper(self._engine, self._masters, lambda: SigningKey(bytes(32)))
        order(self._keeper)
        self._people = people(10**9)

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    def of_posts(self, pairs: int) -> list[float]:
        """CPU seconds that the log adds to a post of one person: its request is recorded, with its entry in the audit
        log; one figure for each pair of blocks."""
        return self._differences(self._posts, POSTS, pairs)

    def of_campaigns(self, pairs: int) -> list[float]:
        """The same for a campaign: what is logged of it is put in order and signed as it is received, as it is closed,
        and as its outcomes are hashed; the hashing is not counted."""
        return self._differences(self._campaigns, CAMPAIGNS, pairs)

    def _differences(self, block: Callable[[], None], of: int, pairs: int) -> list[float]:
        self._spent(block, logged=True)  # warm
        found = []
        for pair in range(pairs):
            first, second = (self._spent(block, logged=logged) for logged in ((True, False), (False, True))[pair % 2])
            found.append((first - second if pair % 2 == 0 else second - first) / of)
        return found

    def _spent(self, block: Callable[[], None], *, logged: bool) -> float:
        with logging(self._engine, logged=logged):
            before = spent_with(self._backend)
            block()
            return spent_with(self._backend) - before

    def _posts(self) -> None:
        known = look_up(self._engine, self._masters)
        for _ in range(POSTS // TOGETHER):
            offers = [Offer(Submission(Kind.ERASURE), [next(self._people)]) for _ in range(TOGETHER)]
            done = submit_few(
                offers, engine=self._engine, masters=self._masters, wake=_wake_nobody, guards=Guards(), known=known
            )
            if not all(isinstance(one, Receipt) for one in done):
                raise AssertionError("not all posts were recorded")
        order(self._keeper)

    def _campaigns(self) -> None:
        for _ in range(CAMPAIGNS):
            receipt = submit(
                Submission(Kind.ERASURE),
                [next(self._people)],
                engine=self._engine,
                masters=self._masters,
                wake=_wake_nobody,
            )
            self._go_through(receipt.recorded.public_id)

    def _go_through(self, request: UUID) -> None:
        order(self._keeper)
        with self._engine.begin() as connection:
            connection.execute(_SETTLE, {"id": request})
            connection.execute(_CLOSE, {"id": request})
        order(self._keeper)
        with self._engine.begin() as connection:
            outcome_trees.bring_up_to_date(connection, request, self._masters)
        order(self._keeper)


def _wake_nobody(_: Sequence[str]) -> None:
    pass


_SETTLE = text("""
    WITH closed AS (UPDATE chunks SET state = 'closed' FROM requests WHERE requests.id = request_id AND public_id = :id)
    INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
    SELECT request_id, 1, 1, line, 1, 'accepted' FROM subjects JOIN requests ON requests.id = request_id
    WHERE public_id = :id
""")
_CLOSE = text("""
    UPDATE requests SET status = 'completed', closed_at = now() WHERE public_id = :id
""")


def interval(added: Sequence[float], work: Sequence[float]) -> tuple[float, float]:
    """Between which factors the work with the log lies, beside the work without: 95 of 100 times (a bootstrap of
    both)."""
    random = Random(1)

    def resampled(values: Sequence[float]) -> float:
        return mean(random.choices(values, k=len(values)))

    found = sorted(1 + resampled(added) / resampled(work) for _ in range(RESAMPLED))
    return found[RESAMPLED * 25 // 1000], found[RESAMPLED * 975 // 1000]


@contextmanager
def logging(engine: Engine, *, logged: bool) -> Iterator[None]:
    """With the triggers that write for the log, or without them for a while. Without triggers nothing is written for
    the log, so nothing is put in order, hashed or signed either."""
    if logged:
        yield
        return
    with engine.begin() as connection:
        _switch(connection, "DISABLE")
    try:
        yield
    finally:
        with engine.begin() as connection:
            _switch(connection, "ENABLE")


def _switch(connection: Connection, verb: str) -> None:
    for table, trigger in connection.execute(_TRIGGERS).all():
        connection.execute(text(f"ALTER TABLE {table} {verb} TRIGGER {trigger}"))


_TRIGGERS = text(r"""
    SELECT CAST(tgrelid AS regclass), quote_ident(tgname) FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE NOT tgisinternal AND tgparentid = 0 AND prosrc ~ 'INSERT INTO (log_pending|trees_due|audit_due)'
    ORDER BY 1, 2
""")
