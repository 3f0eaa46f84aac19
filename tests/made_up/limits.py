"""A vendor that allows few of its calls for whole files, and many of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from adapters.contract import Answer, Call, Person, Rate, Verdict
from adapters.writing import json_request
from tests.made_up.vendor import MadeUp

BULK = "bulk"


@dataclass(frozen=True)
class MeteredVendor(MadeUp):
    """`bulk` has a limit of its own; `first` and everything else share the vendor's."""

    def buckets(self) -> Mapping[str, float]:
        return {BULK: 3.0}

    def rate(self, call: Call | None) -> Rate:
        return Rate(BULK) if call is not None and call.step == BULK else Rate()

    def cost(self, call: Call, response: httpx.Response) -> float | None:
        return None

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        return json_request("POST", f"{self.settings.base_url}/{call.step}", {"ids": [one.key for one in people]})

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        return [Answer(Verdict.APPLIED)] * len(people)
