"""When to try again, and when to stop: exponential back-off with full jitter, bounded by attempts and age."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The policy's attempts or age are spent."""


@dataclass(frozen=True, slots=True)
class Setback:
    """People of a chunk who failed together: `attempts` failed ones since `since`, due again at `due` (both epoch).

    `refusals`: how often the vendor said no to them alone, where it is not known yet whether that is about them; who
    has any is sent alone from then on. `doubted`: since when (epoch), 0 where it never did.
    """

    attempts: int
    since: float
    due: float
    lines: tuple[int, ...]
    refusals: int = 0
    doubted: float = 0.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds per vendor. Delays grow as `base_s * 2 ** (attempts - 1)` up to `cap_s`, and are drawn from nought to
    that: full jitter, so that workers that failed together do not come back together."""

    max_attempts: int = 15
    max_age_s: float = 3 * 86_400
    base_s: float = 1.0
    cap_s: float = 600.0

    def decide(self, *, attempts: int, age_s: float, jitter: float, retry_after_s: float = 0.0) -> Again | GiveUp:
        """What to do after `attempts` failed ones, the first of them `age_s` seconds ago.

        `jitter` is drawn from 0 to 1 by the caller: one draw for people who failed together, so that they can share a
        request again. `retry_after_s` is what the vendor asked for: never come back sooner.
        """
        if attempts >= self.max_attempts or age_s >= self.max_age_s:
            return GiveUp()
        ceiling = min(self.cap_s, self.base_s * 2.0 ** min(attempts - 1, 60))
        return Again(max(retry_after_s, jitter * ceiling))
