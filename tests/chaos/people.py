"""The people of a run, and which requests are made of them when."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from domain.requests import Kind

MARKER = "chaosling"
"""Stands in every identifier: nothing that a stack writes down in the clear may have it."""
Person = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """One request to be submitted, so many seconds after the first."""

    at_s: float
    kind: Kind
    people: list[Person]
    key: str


def wishes(seed: int, people: int, seconds: float) -> list[Wish]:
    """Erasures and opt-outs spread over the first half of the time; of some people first an opt-in, then the opposite.

    The last wish of everybody is an erasure or an opt-out.
    """
    random = Random(f"people:{seed}")
    everybody = list(_people(people))
    random.shuffle(everybody)
    undecided, rest = everybody[: people // 10], everybody[people // 10 :]
    erased, opted_out = rest[: len(rest) * 3 // 4], rest[len(rest) * 3 // 4 :]
    half, late = len(erased) // 2, seconds / 2
    parts = [
        (0.0, Kind.ERASURE, erased[:half]),
        (0.0, Kind.OPT_IN, undecided),
        (0.02 * seconds, Kind.OPT_OUT, undecided[1::2]),  # many of these before anything has been sent
        (0.25 * seconds, Kind.OPT_OUT, undecided[::2]),  # and these about when the opt-in is being read back
        (random.uniform(0.1, 0.9) * late, Kind.OPT_OUT, opted_out),
        (random.uniform(0.1, 0.9) * late, Kind.ERASURE, erased[half:]),
        (random.uniform(0.2, 1.0) * late, Kind.ERASURE, undecided[: len(undecided) // 2]),
    ]
    ordered = sorted(parts, key=lambda part: part[0])
    return [Wish(at, kind, who, f"chaos-{seed}-{place}") for place, (at, kind, who) in enumerate(ordered)]


def _people(count: int) -> Iterator[Person]:
    for number in range(count):
        mark = {7: "poison-", 13: "expired-", 29: "busy-"}.get(number % 100, "")
        name = f"{mark}{MARKER}-{number}"
        yield {
            "user_id": name,
            "email": f"{name}@example.org",
            "phone_number": f"+8210{number:08d}",
            "vendors": {"akinon": {"session_id": f"s-{name}", "csrf_token": f"c-{name}"}},
        }
