"""How answers are read: failures are never taken for success, and everybody gets their own answer."""

import json
from typing import Any

import httpx

from adapters.conformance.conversations import IN_EFFECT, OfOneVendor, every_turn
from adapters.conformance.sample import BODIES, NOT_ASKED, answer
from adapters.conformance.walking import NOW, converse, in_words, lists_in, understand
from adapters.contract import Order, Probes, Verdict
from adapters.triage import triage
from domain.outcomes import Reason
from domain.requests import Kind

GOOD = IN_EFFECT | {Verdict.ABSENT, Verdict.NOT_APPLICABLE, Verdict.PROCEED}
TROUBLE = (200, 201, 202, 204, 302, 400, 401, 402, 403, 405, 408, 409, 413, 418, 422, 429, 500, 502, 504)
OF_A_PROBE = (200, 201, 202, 204, 400, 401, 402, 403, 404, 405, 413, 422)


class Understood(OfOneVendor):
    """For every kind that the card has."""

    def test_trouble_never_reads_as_success(self, kind: Kind) -> None:
        adapter = self.sample.make()
        responses = [httpx.Response(status, content=body.encode()) for status in TROUBLE for body in BODIES]
        for turn in every_turn(self.sample, kind, "ann", "bob"):
            for response in responses:
                answers = understand(adapter, turn.call, turn.people, response)
                assert len(answers) == len(turn.people)
                if self.sample.takes_for_yes(turn.call.step, response):
                    continue
                told = f"{turn.call.step} {response.status_code} {response.text}: {in_words(answers[0])}"
                assert not any(answer.verdict in GOOD for answer in answers), told
                assert all(isinstance(answer.reason, Reason) for answer in answers), told

    def test_refusals_are_told_by_status_whatever_the_body(self, kind: Kind) -> None:
        adapter = self.sample.make()
        expected = {
            401: self.sample.unauthorized,
            403: "vendor/forbidden",
            408: "ambiguous/answer_lost",
            429: "retry/rate_limited",
            500: "retry/server_error",
            503: "retry/server_error",
            504: "ambiguous/answer_lost",
        }
        for turn in every_turn(self.sample, kind, "ann"):
            for body in BODIES:
                said = {
                    status: in_words(understand(adapter, turn.call, turn.people, httpx.Response(status, text=body))[0])
                    for status in expected
                }
                assert said == expected, f"{turn.call.step} {body}"

    def test_a_404_is_never_simply_success(self, kind: Kind) -> None:
        if kind is Kind.OPT_IN:
            return  # it reads the same; a withdrawal must not be believed
        adapter = self.sample.make()
        for turn in every_turn(self.sample, kind, "ann"):
            expected = self.sample.not_found.get(turn.call.step, "vendor/wrong_address")
            for body in ("", "[]", '{"detail": "Not found."}') if expected != NOT_ASKED else ():
                said = understand(adapter, turn.call, turn.people, httpx.Response(404, text=body))[0]
                assert in_words(said) == expected, turn.call.step

    def test_an_address_that_knows_nothing_never_bears_witness(self, kind: Kind) -> None:
        """With a path missing from the base URL, every call is a 404. Nobody's delivery may end by that, at any
        attempt."""
        people = [self.sample.person("ann"), self.sample.own("bob")]
        for tried in (False, True):
            _, turns = converse(self.sample.make(), Order(kind), people, lambda _call, _: answer(404), tried=tried)
            for turn in turns:
                for said in turn.answers:
                    assert said.verdict is Verdict.VENDOR or said.needs_witness, f"{turn.call.step}: {in_words(said)}"

    def test_dropped_repeated_and_invented_rows_lose_nobody(self, kind: Kind) -> None:
        adapter = self.sample.make()
        for turn in every_turn(self.sample, kind, "ann", "bob", "cy"):
            for number, _ in enumerate(lists_in(json.loads(turn.response.content or b"null"))):
                for change in (_drop, _repeat, _invent, _empty):
                    document = json.loads(turn.response.content)
                    rows = list(lists_in(document))[number]
                    if rows:
                        change(rows)
                    understand(adapter, turn.call, turn.people, answer(200, document))  # one answer each, or it raises

    def test_an_answer_goes_to_the_person_it_is_about(self, kind: Kind) -> None:
        adapter = self.sample.make()
        for turn in every_turn(self.sample, kind, "ann", "bob", "cy"):
            forth = understand(adapter, turn.call, turn.people, turn.response)
            back = understand(adapter, turn.call, turn.people[::-1], turn.response)
            assert forth == back[::-1]

    def test_trouble_never_reads_as_a_good_probe(self) -> None:
        adapter = self.sample.make()
        if not isinstance(adapter, Probes):
            return
        for status in OF_A_PROBE:
            for body in BODIES:
                response = httpx.Response(status, content=body.encode())
                if triage(response, NOW) or self.sample.takes_for_yes("probe", response):
                    continue
                said = adapter.read_probe(response)
                assert said.verdict in (Verdict.VENDOR, Verdict.REAUTHENTICATE), f"{status} {body}: {in_words(said)}"


def _drop(rows: list[Any]) -> None:
    rows.pop()


def _repeat(rows: list[Any]) -> None:
    rows.append(rows[0])


def _invent(rows: list[Any]) -> None:
    like = rows[0]
    rows.append(dict.fromkeys(like, "nobody") if isinstance(like, dict) else "nobody")


def _empty(rows: list[Any]) -> None:
    rows.clear()
