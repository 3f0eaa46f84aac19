"""The people of a run, and the requests about them in time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from domain.requests import Kind
from local.made_up import blocks
from tests.chaos.plan import VENDORS
from tests.contract.samples import SAMPLES

MARKER = "chaosling"
"""Part of every identifier: nothing that a stack writes in clear may contain it."""
Person = dict[str, Any]


PARTIAL = {vendor: dict(sample.some) for vendor, sample in SAMPLES.items() if sample.some}
"""The flags of a newer opt-in to some flags, after a full opt-out."""
KNOW_BY_THEIR_OWN = tuple(vendor for vendor, sample in SAMPLES.items() if sample.own_seeded)
"""Vendors that can find somebody by ids of vendors' own alone."""
EACH = 40
"""One in so many people has each of the cases below."""


@dataclass(frozen=True)
class Wish:
    """One request to be submitted, so many seconds after the first."""

    at_s: float
    kind: Kind
    who: list[Person]
    """As the vendors hold them."""
    key: str
    vendors: tuple[str, ...] = VENDORS
    options: dict[str, Any] = field(default_factory=dict)
    cancelled: bool = False
    """It is cancelled as soon as it is recorded."""

    @property
    def names(self) -> list[str]:
        """The names of these people in the vendors' facts."""
        return [person["user_id"] for person in self.who]

    @property
    def people(self) -> list[Person]:
        """As they are submitted."""
        return [_as_given(person) for person in self.who]


def is_known_by_vendors_ids(name: str) -> bool:
    """Whether a person is submitted with ids of vendors alone."""
    return name.startswith(f"own-{MARKER}")


def household_of(name: str) -> str:
    """What people with one e-mail address have in common."""
    return name.removesuffix("-jane").removesuffix("-john")


def _as_given(person: Person) -> Person:
    if not is_known_by_vendors_ids(person["user_id"]):
        return person
    return {"vendors": {vendor: person["vendors"][vendor] for vendor in KNOW_BY_THEIR_OWN}}


def wishes(seed: int, people: int, seconds: float) -> list[Wish]:
    """Erasures and opt-outs spread over the first half of the time; for some people an opt-in before.

    And a few of each case: an opt-out, then an opt-in of another person with the same address; an opt-in to some flags;
    requests that are all cancelled at once; an opt-in cancelled at once, then an opt-out; the same for people known by
    vendors' own ids alone. Nobody else's last wish is an opt-in.
    """
    random = Random(f"people:{seed}")
    everybody = list(_people(people))
    random.shuffle(everybody)
    few = max(2, people // EACH)
    janes, johns = ([_household(number, name) for number in range(few)] for name in ("jane", "john"))
    partly, changed, hasty = ([_person(f"{story}-{MARKER}-{n}", n) for n in range(few)] for story in STORIES)
    own = [_known_by_vendors_ids(number) for number in range(few)]
    undecided, rest = everybody[: people // 10], everybody[people // 10 :]
    erased, opted_out = rest[: len(rest) * 3 // 4], rest[len(rest) * 3 // 4 :]
    half, late = len(erased) // 2, seconds / 2
    stopping = [*janes, *partly, *changed, *hasty, *own]
    random.shuffle(stopping)
    then = 0.04 * seconds
    made: list[tuple[float, Kind, list[Person], dict[str, Any]]] = [
        (0.0, Kind.ERASURE, erased[:half], {}),
        (0.0, Kind.OPT_IN, undecided + own, {}),
        (0.01 * seconds, Kind.OPT_IN, hasty, {"cancelled": True}),
        (0.02 * seconds, Kind.OPT_OUT, undecided[1::2], {}),  # many of these before anything has been sent
        (0.03 * seconds, Kind.OPT_OUT, stopping, {}),
        (then, Kind.OPT_IN, partly, {"vendors": tuple(PARTIAL), "options": PARTIAL}),
        (then + random.uniform(0.0, 0.2) * late, Kind.OPT_IN, johns, {}),
        (then + random.uniform(0.0, 0.4) * late, Kind.OPT_IN, changed, {"cancelled": True}),
        (0.25 * seconds, Kind.OPT_OUT, undecided[::2], {}),  # and these about when the opt-in is being read back
        (random.uniform(0.1, 0.9) * late, Kind.OPT_OUT, opted_out, {}),
        (random.uniform(0.1, 0.9) * late, Kind.ERASURE, erased[half:], {}),
        (random.uniform(0.2, 1.0) * late, Kind.ERASURE, undecided[: len(undecided) // 2], {}),
    ]
    ordered = sorted(made, key=lambda part: part[0])
    return [Wish(at, kind, who, f"chaos-{seed}-{place}", **more) for place, (at, kind, who, more) in enumerate(ordered)]


STORIES = ("partly", "changed", "hasty")


def _people(count: int) -> Iterator[Person]:
    for number in range(count):
        mark = {7: "poison-", 13: "expired-", 29: "busy-"}.get(number % 100, "")
        yield _person(f"{mark}{MARKER}-{number}", number, "10")


def _person(name: str, number: int, phones: str = "") -> Person:
    phones = phones or str(20 + STORIES.index(name.split("-", maxsplit=1)[0]))
    return {
        "user_id": name,
        "email": f"{name}@example.org",
        "phone_number": f"+82{phones}{number:08d}",
        "vendors": blocks(name),
    }


def _household(number: int, who: str) -> Person:
    """Two people with one address, and a telephone each."""
    home = f"family-{MARKER}-{number}"
    return _person(f"{home}-{who}", number, "30" if who == "jane" else "31") | {"email": f"{home}@example.org"}


def _known_by_vendors_ids(number: int) -> Person:
    person = _person(f"own-{MARKER}-{number}", number, "40")
    name = person["user_id"]
    for vendor in KNOW_BY_THEIR_OWN:
        person["vendors"] |= SAMPLES[vendor].own(f"{vendor}-{name}")["vendors"]
    return person
