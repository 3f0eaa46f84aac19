"""A vendor that accepts a file of many people, returns the number of a job, and finishes it days later."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from adapters.contract import Answer, Call, Person, Verdict
from adapters.reading import read_object
from adapters.triage import refusal
from adapters.writing import csv_file, file_request
from domain.outcomes import Reason
from domain.requests import Kind
from tests.made_up.vendor import MadeUp


@dataclass(frozen=True)
class UploadVendor(MadeUp):
    """`upload` sends the file, `look` asks for the job. One look is about everybody who was in the file."""

    batch: int = 4
    taken: frozenset[str] = frozenset({"first", "look"})
    grouped_at = frozenset({"look"})

    def build(self, call: Call, people: Sequence[Person]) -> httpx.Request:
        if call.step == "look":
            (job,) = {person.carry for person in people}
            return httpx.Request("GET", f"{self.settings.base_url}/jobs/{job}")
        file = csv_file("people.csv", "user_id", [person.key for person in people])
        kind = "erase" if call.order.kind is Kind.ERASURE else "stop"
        return file_request("POST", f"{self.settings.base_url}/uploads", {"people": file}, form={"what": kind})

    def classify(self, call: Call, people: Sequence[Person], response: httpx.Response) -> list[Answer]:
        if not response.is_success:
            return [refusal(response.status_code)] * len(people)
        told = read_object(response)
        if call.step == "first":
            waiting = Answer(Verdict.WAITING, Reason.PENDING_AT_VENDOR, step="look", carry=told["job"])
            return [waiting] * len(people)
        match told["state"]:
            case "running":
                waiting = Answer(Verdict.WAITING, Reason.PENDING_AT_VENDOR, step="look", carry=people[0].carry)
                return [waiting] * len(people)
            case "lost":  # the vendor has lost the file: it is sent again
                return [Answer(Verdict.PROCEED, step="first")] * len(people)
        failed, done = Answer(Verdict.USER, Reason.REJECTED), Answer(Verdict.APPLIED)
        return [failed if person.key in told["failed"] else done for person in people]


@dataclass
class UploadServer:
    """The vendor itself."""

    state: str = "running"
    failed: list[str] = field(default_factory=list)
    down: bool = False
    uploads: list[httpx.Request] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(500)
        if request.method == "POST":
            self.uploads.append(request)
            return httpx.Response(202, content=json.dumps({"job": f"job-{len(self.uploads)}-of-jane"}))
        self.looks.append(request.url.path.rpartition("/")[2])
        return httpx.Response(200, content=json.dumps({"state": self.state, "failed": self.failed}))
