"""A vendor whose list of people who were stopped comes in pages, and is what a read-back looks at."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from adapters.contract import Answer, Call, Order, Person, Verdict
from adapters.pages import Page
from adapters.reading import read_object
from adapters.writing import json_request
from domain.outcomes import Reason
from tests.made_up.vendor import MadeUp


@dataclass(frozen=True)
class PageVendor(MadeUp):
    """`first` stops people; `list` reads page after page, until everybody was seen or the list ends."""

    taken: frozenset[str] = frozenset({"first"})
    grouped_at = frozenset({"list"})

    def reading(self, order: Order) -> str:
        return "list"

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        if call.step == "list":
            page = people[0].carry or Page()
            query = {"limit": "3", **({"cursor": page.cursor} if page.cursor else {})}
            return httpx.Request("GET", f"{self.settings.base_url}/stopped", params=query)
        return json_request("POST", f"{self.settings.base_url}/stop", {"ids": [person.key for person in people]})

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        if call.step == "first":
            return [Answer(Verdict.APPLIED)] * len(people)
        told = read_object(response)
        page = (people[0].carry or Page()).next(told["next"])
        seen = Answer(Verdict.APPLIED)
        unseen = Answer(Verdict.USER, Reason.NOT_IN_EFFECT)
        on = Answer(Verdict.PROCEED, step="list", carry=page) if page else unseen
        return [seen if person.key in told["ids"] else on for person in people]


@dataclass
class PageServer:
    """The vendor itself: a list in pages of three, in the order in which people were stopped."""

    stopped: list[str] = field(default_factory=lambda: [f"stranger-{n}" for n in range(7)])
    forgets: frozenset[str] = frozenset()
    loops: bool = False
    pages: int = 0
    stops: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.stops += 1
            self.stopped += [key for key in json.loads(request.content)["ids"] if key not in self.forgets]
            return httpx.Response(200)
        self.pages += 1
        begin = int(request.url.params.get("cursor", "c/0").removeprefix("c/"))
        more = begin + 3 < len(self.stopped)
        following = "c/0" if self.loops else f"c/{begin + 3}" if more else None
        return httpx.Response(200, content=json.dumps({"ids": self.stopped[begin : begin + 3], "next": following}))
