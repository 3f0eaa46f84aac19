"""When to retry or to look again, and when to stop: exponential back-off, bounded by attempts and age."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The policy's attempts or age are spent."""


@dataclass(frozen=True, slots=True)
class Job:
    """An order that the vendor has accepted and not finished. We look at it again at `step`, and never send it
    again."""

    step: str
    since: float  # epoch
    carry: str = field(default="", repr=False)
    """What that step needs. It may be personal: sealed wherever it is stored."""


@dataclass(frozen=True, slots=True)
class Setback:
    """People of a chunk who failed together: `attempts` failures since `since`, due again at `due` (both epoch).

    `refusals`: how often the vendor refused them alone, where it is not known yet whether that is about them. Such
    people are sent alone from then on. `doubted`: since when (epoch); 0 where never.
    """

    attempts: int
    since: float
    due: float
    lines: tuple[int, ...]
    refusals: int = 0
    doubted: float = 0.0
    job: Job | None = None
    """What the vendor has accepted of theirs and not finished."""
    redelivered: int = 0
    """How often they were delivered again because a read-back did not see the effect. `attempts` are then reads."""


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """How often to look at a job, and until when. Looks are not counted as attempts: the vendor is at work. The pause
    is half the age of the job, so the end of a short job is seen soon and a long one is asked about rarely."""

    max_wait_s: float = 7 * 86_400
    shortest_s: float = 5.0
    longest_s: float = 900.0

    def decide(self, *, waited_s: float, jitter: float, retry_after_s: float = 0.0) -> Again | GiveUp:
        """When to look again at a job that the vendor accepted `waited_s` seconds ago.

        `jitter`, from 0 to 1, shortens the pause by up to a fifth. `retry_after_s`: what the vendor asked for. The last
        look is made at the end of the time.
        """
        left_s = self.max_wait_s - waited_s
        if left_s <= 0:
            return GiveUp()
        pause_s = min(self.longest_s, max(self.shortest_s, waited_s / 2)) * (1.0 - 0.2 * jitter)
        return Again(min(left_s, max(retry_after_s, pause_s)))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds per vendor. Delays grow as `base_s * 2 ** (attempts - 1)` up to `cap_s`, and are drawn between 0 and that:
    full jitter, so that workers that failed together do not retry together."""

    max_attempts: int = 15
    max_age_s: float = 3 * 86_400
    base_s: float = 1.0
    cap_s: float = 600.0
    jobs: JobPolicy = field(default_factory=JobPolicy)

    def decide(self, *, attempts: int, age_s: float, jitter: float, retry_after_s: float = 0.0) -> Again | GiveUp:
        """What to do after `attempts` failures, the first of them `age_s` seconds ago.

        The caller draws `jitter` from 0 to 1, once for people who failed together, so that they can share a request
        again. `retry_after_s` is what the vendor asked for: never retry sooner.
        """
        if attempts >= self.max_attempts or age_s >= self.max_age_s:
            return GiveUp()
        ceiling = min(self.cap_s, self.base_s * 2.0 ** min(attempts - 1, 60))
        return Again(max(retry_after_s, jitter * ceiling))
