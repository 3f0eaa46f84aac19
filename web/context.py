"""What every set of routes works with: the HTTP API and OpenDSR each get one Context."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from redis.asyncio import Redis

from config.settings import Settings
from domain.requests import Subject
from intake.stack import Surroundings, guards_of, master_keys
from intake.wake_ups import WakeUps
from ledger.sealing import MasterKeys
from ledger.session import Engine
from tasks.attend import Desk
from tasks.known import Known, Lately
from tasks.redis_check import trouble
from tasks.redis_connections import connect, connect_async
from tasks.sending import sender, wake
from tasks.submission import Guards, Submission, SubmitError
from tasks.submit import Offer, Receipt, Wake, submit, submit_few
from web.batching import Together
from web.login_queue import LoginQueue
from web.pool import Pool

LEDGER_CONNECTIONS = 10
"""This many more when all pools are busy: every thread below has one, and so has the audit log."""
LANES = 2
"""Rounds of small requests recorded at the same time, so that a long one delays only half of the others."""
MOST_WAITING = 60


@dataclass(frozen=True)
class Context:
    """Everything a way in needs. Its pools close with `close`."""

    engine: Engine
    masters: MasterKeys
    wake: Wake = field(repr=False)
    guards: Guards
    settings: Settings = field(repr=False)
    known: Callable[[], Known] = field(repr=False)
    """The vendors and the fingerprinter, looked up at most once a second."""
    intake: Pool = field(default_factory=lambda: Pool("intake", at_once=4, waiting=MOST_WAITING), repr=False)
    """Records requests of up to a thousand people, and does deeds to requests."""
    uploads: Pool = field(default_factory=lambda: Pool("upload", at_once=4, waiting=0, share=2), repr=False)
    """Records uploads: few, because each keeps a transaction open as long as its sender takes; and half of them for any
    one key, so that others find a place."""
    previews: Pool = field(default_factory=lambda: Pool("previews", at_once=2, waiting=10, share=4), repr=False)
    """Reads dropped files to their end, and records them: each has two connections at most, and much work."""
    reads: Pool = field(default_factory=lambda: Pool("reads", at_once=6, waiting=58), repr=False)
    """Queries the ledger without changing anything."""
    checks: Pool = field(default_factory=lambda: Pool("checks", at_once=1, waiting=20), repr=False)
    """Checks whether Redis answers: a hanging check must not block queries of the ledger."""
    logins: LoginQueue = field(default_factory=LoginQueue, repr=False)
    """Checks passwords, which takes processor and memory on purpose."""
    redis_answers: Callable[[], bool] = field(default=lambda: True, repr=False)
    """Whether the workers can be woken, and Redis takes their writes."""
    redis_client: Callable[[], Redis] | None = field(default=None, repr=False)
    """Makes a client of the event loop that it is called in; None: there is no Redis, and each process counts alone."""
    _together: Together[Offer, Receipt | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        together = Together(self.intake, self._submit_few, lanes=LANES, waiting=MOST_WAITING)
        object.__setattr__(self, "_together", together)

    @classmethod
    def at(cls, engine: Engine, masters: MasterKeys, *, wake: Wake, guards: Guards, settings: Settings) -> "Context":
        """The context of this ledger."""
        return cls(engine, masters, wake, guards, settings, Lately(engine, masters))

    async def submit(self, submission: Submission, people: list[Subject]) -> Receipt:
        """Record a request of few people, in the bounded pool, together with others that arrive at the same time.
        Raises BusyError and what `submit_now` raises."""
        receipt = await self._together.add(Offer(submission, people))
        if receipt is not None:
            return receipt
        return await self.intake.run(lambda: self.submit_now(submission, people))

    def _submit_few(self, offers: Sequence[Offer]) -> list[Receipt | SubmitError | None]:
        return submit_few(
            offers,
            engine=self.engine,
            masters=self.masters,
            wake=self.wake,
            guards=self.guards,
            known=self.known(),
        )

    def submit_now(self, submission: Submission, people: Iterable[Subject]) -> Receipt:
        """Record a request in this thread, as all ways in do. Raises what `tasks.submit.submit` raises."""
        return submit(
            submission,
            people,
            engine=self.engine,
            masters=self.masters,
            wake=self.wake,
            guards=self.guards,
            known=self.known,
        )

    def desk(self, by: str) -> Desk:
        """The desk of this principal."""
        return Desk(self.engine, by, self.wake, self.guards.deadlines)

    def close(self) -> None:
        """Close after the work under way has ended."""
        for pool in (self.intake, self.uploads, self.previews, self.reads, self.checks, self.logins):
            pool.close()


@contextmanager
def open_context(here: Surroundings) -> Iterator[Context]:
    """The context of the stack of this process's settings; `here.engine` should have LEDGER_CONNECTIONS.

    Raises CommandError for unreadable master keys.
    """
    with ExitStack() as stack:
        app = stack.enter_context(sender(here.stack.redis_url, here.stack.redis_ca))
        redis = stack.enter_context(connect(here.stack.redis_url, here.stack.redis_ca))
        wake_ups = WakeUps(lambda vendors: wake(app, vendors))
        stack.callback(wake_ups.close)
        masters, guards = master_keys(here), guards_of(here.settings)
        plain = Context.at(here.engine, masters, wake=wake_ups, guards=guards, settings=here.settings)
        context = replace(
            plain,
            redis_answers=lambda: trouble(redis) is None,
            redis_client=lambda: connect_async(here.stack.redis_url, here.stack.redis_ca),
        )
        stack.callback(context.close)
        yield context
