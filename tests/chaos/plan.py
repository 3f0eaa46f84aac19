"""The faults of a run, their order and the pauses between them, all drawn from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from adapters.registry import OURS


class Kind(StrEnum):
    """What can go wrong."""

    KILL_WORKER = "kill_worker"
    KILL_BEAT = "kill_beat"
    FREEZE_BEAT = "freeze_beat"  # suspended with its machine: its clock is behind when it resumes
    WRONG_BEAT = "wrong_beat"  # a second one, on a host with a wrong clock
    KILL_REDIS = "kill_redis"
    KILL_POSTGRES = "kill_postgres"
    KILL_STACK = "kill_stack"  # `consent up`, which keeps the others running; then started again
    END_STACK = "end_stack"  # SIGTERM, as on a deployment; then started again
    FLUSH_REDIS = "flush_redis"
    CUT_CONNECTIONS = "cut_connections"  # of everybody to PostgreSQL
    FREEZE_WORKER = "freeze_worker"  # for longer than its lease: it resumes believing that it still has it
    FREEZE_REDIS = "freeze_redis"  # unreachable, without refusing connections
    ROLE_CHANGE = "role_change"  # Redis is a replica for a while, and takes no writes
    SILENT_DROP = "silent_drop"  # the connections to Redis drop everything and close nothing
    FULL_REDIS = "full_redis"  # its maxmemory is reached
    FULL_DISK = "full_disk"  # PostgreSQL reports it for every outcome that is to be written
    READ_ONLY = "read_only"  # like a demoted primary: connections made meanwhile stay read-only afterwards
    VENDOR_OUT = "vendor_out"
    BAD_MESSAGES = "bad_messages"  # on every queue, and over the channel of remote control


COSTS_AN_ANSWER = frozenset(Kind) - {
    Kind.VENDOR_OUT,
    Kind.KILL_BEAT,
    Kind.FREEZE_BEAT,
    Kind.WRONG_BEAT,
    Kind.BAD_MESSAGES,
    Kind.ROLE_CHANGE,
    Kind.FULL_REDIS,
    Kind.SILENT_DROP,
}
"""After these a request may have been sent whose answer was not recorded, so that it is sent again."""

VENDORS = tuple(OURS)
DECK = (
    *[Kind.KILL_WORKER] * 3,
    *[Kind.CUT_CONNECTIONS] * 2,
    Kind.KILL_BEAT,
    Kind.FREEZE_BEAT,
    Kind.WRONG_BEAT,
    Kind.KILL_REDIS,
    Kind.KILL_POSTGRES,
    Kind.KILL_STACK,
    Kind.END_STACK,
    Kind.FLUSH_REDIS,
    Kind.FREEZE_WORKER,
    Kind.FREEZE_REDIS,
    Kind.ROLE_CHANGE,
    Kind.FULL_REDIS,
    Kind.SILENT_DROP,
    Kind.FULL_DISK,
    Kind.BAD_MESSAGES,
    Kind.READ_ONLY,
)
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0


@dataclass(frozen=True)
class Fault:
    """One fault: `pause_s` after the one before has been done. `luck` in [0, 1) settles its details."""

    pause_s: float
    kind: Kind
    luck: float
    vendor: str = ""
    seconds: float = 0.0  # for how long, where it lasts


def draw(seed: int, lease_s: float) -> Iterator[Fault]:
    """Faults without end: two vendors fall out among the first four; every kind comes once before any is repeated."""
    random = Random(f"chaos:{seed}")
    out = random.sample(VENDORS, 2)
    first = True
    while True:
        deck = list(DECK)
        random.shuffle(deck)
        if first:
            for _ in range(2):
                deck.insert(random.randrange(3), Kind.VENDOR_OUT)
        for kind in deck:
            pause_s, luck = random.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S), random.random()
            match kind:
                case Kind.VENDOR_OUT:
                    yield Fault(pause_s, kind, luck, out.pop(), random.uniform(6.0, 10.0))
                case Kind.FREEZE_WORKER:
                    yield Fault(pause_s, kind, luck, seconds=1.4 * lease_s)
                case Kind.FREEZE_BEAT | Kind.WRONG_BEAT:
                    yield Fault(pause_s, kind, luck, seconds=random.uniform(4.0, 8.0))
                case (
                    Kind.FREEZE_REDIS
                    | Kind.FULL_DISK
                    | Kind.READ_ONLY
                    | Kind.ROLE_CHANGE
                    | Kind.FULL_REDIS
                    | Kind.SILENT_DROP
                ):
                    yield Fault(pause_s, kind, luck, seconds=random.uniform(2.0, 6.0))
                case _:
                    yield Fault(pause_s, kind, luck)
        first = False
