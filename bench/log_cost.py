"""What the evidence log itself costs, in processor time of one process and its PostgreSQL backends, each counted by the
kernel to the nanosecond: the same work in a ledger with the log's triggers and in one without, in turns."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from statistics import mean

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
TURN = 50
"""Groups of posts between two turns of the sequencer."""
CAMPAIGNS = 10
"""To a turn, as posts are 400."""
WARM = 8
"""What is done so often is not counted after a change of roles, until statements are planned and pages are at hand."""
RESAMPLED = 2_000
LEFT_OUT = 20
"""One in so many differences is left out at either end: where a collection of garbage or an interrupt falls into one of
the two, it is a hundred times what is looked for."""


class LogCost:
    """Two ledgers in which nothing but this process works, one of them without the log's triggers. They do the same in
    turns of some milliseconds: whatever else the machine does concerns both. Then they change roles, with new
    connections: what is peculiar to one of them, or to a process of PostgreSQL, concerns both too."""

    def __init__(self, one_url: str, other_url: str) -> None:
        self._logged, self._silent = _Ledger(one_url), _Ledger(other_url)
        self._without = ExitStack()
        self._without.enter_context(logging(self._silent.engine, logged=False))

    def close(self) -> None:
        """Close the connections."""
        self._without.close()
        for ledger in (self._logged, self._silent):
            ledger.engine.dispose()

    def of_posts(self, turns: int) -> list[float]:
        """CPU seconds that the log adds to a post of one person, by turn: its request is recorded, with its entry in
        the audit log, and what is logged of it is put in order and signed."""
        found = []
        for _ in range(turns):
            self._change_roles()
            self._differences(_Ledger.post, WARM)
            self._differences(_Ledger.order, 1)
            posted = self._differences(_Ledger.post, TURN)
            ordered = self._differences(_Ledger.order, 1)
            found.append((_middle(posted) + mean(ordered) / TURN) / TOGETHER)
        return found

    def of_campaigns(self, turns: int) -> list[float]:
        """The same for a campaign: what is logged of it is put in order and signed as it is received, as it is closed,
        and as its outcomes are hashed; the hashing is not counted."""
        found = []
        for _ in range(turns):
            self._change_roles()
            self._differences(_Ledger.campaign, WARM)
            found.append(_middle(self._differences(_Ledger.campaign, CAMPAIGNS)))
        return found

    def _change_roles(self) -> None:
        self._without.close()
        self._logged, self._silent = self._silent, self._logged
        self._without.enter_context(logging(self._silent.engine, logged=False))
        for ledger in (self._logged, self._silent):
            ledger.connect_anew()

    def _differences(self, work: "Callable[[_Ledger], None]", times: int) -> list[float]:
        found = []
        for place in range(times):
            spent = {}
            for ledger in (self._logged, self._silent)[:: 1 if place % 2 else -1]:
                before = spent_with(ledger.backend)
                work(ledger)
                spent[ledger] = spent_with(ledger.backend) - before
            found.append(spent[self._logged] - spent[self._silent])
        return found


def _middle(differences: Sequence[float]) -> float:
    """Their mean, without those that stand apart."""
    out = max(1, len(differences) // LEFT_OUT)
    return mean(sorted(differences)[out:-out])


class _Ledger:
    """One of the two, and what is done in it."""

    def __init__(self, url: str) -> None:
        self.engine = connect(url, pool_size=1)
        migrate(self.engine)
        with self.engine.begin() as connection:
            announce(connection, {"dfinery": 1_000})
        self.connect_anew()
        self._masters = MasterKeys.parse(generate_master_key())
        self._keeper = LogKeeper(self.engine, self._masters, lambda: SigningKey(bytes(32)))
        self.order()
        self._known = look_up(self.engine, self._masters)
        self._people = people(10**9)

    def connect_anew(self) -> None:
        """With a new process of PostgreSQL."""
        self.engine.dispose()
        with self.engine.connect() as connection:
            self.backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

    def order(self) -> None:
        """Put what was logged in order, and sign."""
        order(self._keeper)

    def post(self) -> None:
        """Record some requests of one person together."""
        offers = [Offer(Submission(Kind.ERASURE), [next(self._people)]) for _ in range(TOGETHER)]
        done = submit_few(
            offers, engine=self.engine, masters=self._masters, wake=_wake_nobody, guards=Guards(), known=self._known
        )
        if not all(isinstance(one, Receipt) for one in done):
            raise AssertionError("not all posts were recorded")

    def campaign(self) -> None:
        """Record a request, and have it go through."""
        receipt = submit(
            Submission(Kind.ERASURE),
            [next(self._people)],
            engine=self.engine,
            masters=self._masters,
            wake=_wake_nobody,
        )
        request = receipt.recorded.public_id
        self.order()
        with self.engine.begin() as connection:
            connection.execute(_SETTLE, {"id": request})
            connection.execute(_CLOSE, {"id": request})
        self.order()
        with self.engine.begin() as connection:
            outcome_trees.bring_up_to_date(connection, request, self._masters)
        self.order()


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
