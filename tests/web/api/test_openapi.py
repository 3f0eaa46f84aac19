"""The OpenAPI document, and an attack on everything it describes: no 5xx, and no answer outside the document."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from web.access import gate

Key = Callable[..., dict[str, str]]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 3
"""Of each operation, of right ones and of wrong ones; derandomized, so that a failure can be looked at again."""
SUBMISSIONS = 15
"""Of right ones to submit: most name times or options that mean nothing, and some have to be taken."""


def test_nothing_in_the_document_answers_outside_of_it(
    client: httpx.Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "LONGEST_DELAY_S", 0.0)
    request = {"kind": "erasure", "subjects": [{"user_id": "u-1"}]}
    known = client.post("/v1/requests", json=request).json()["request_id"]
    document = client.get("/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    answered: dict[tuple[str, GenerationMode], set[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            seen = answered.setdefault((operation.label, mode), set())
            attack(operation, mode, url=url, headers=dict(client.headers), known=known, seen=seen)
    rightly = {label: seen for (label, mode), seen in answered.items() if mode is GenerationMode.POSITIVE}
    assert 201 in rightly["POST /v1/requests"]  # it is not that all of it is refused
    assert 200 in rightly["GET /v1/requests/{request_id}"]
    assert [label for label, seen in rightly.items() if seen == {401}] == ["POST /v1/session"]  # nobody's password


def test_every_body_has_an_example_and_every_example_is_right(client: httpx.Client) -> None:
    document = client.get("/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    shown = {name: schema["examples"] for name, schema in schemas.items() if "examples" in schema}
    for name, examples in shown.items():
        right = jsonschema_rs.validator_for({**document, "$ref": f"#/components/schemas/{name}"})
        for example in examples:
            right.validate(example)
    bodies = [
        body
        for methods in document["paths"].values()
        for operation in methods.values()
        for of in (operation.get("requestBody", {}), *operation["responses"].values())
        for form, body in of.get("content", {}).items()
        if form in {"application/json", "application/problem+json"} and "example" not in body
    ]
    assert {body["schema"]["$ref"].rpartition("/")[2] for body in bodies} <= shown.keys()


def attack(
    operation: Any, mode: GenerationMode, *, url: str, headers: dict[str, str], known: str, seen: set[int]
) -> None:
    submits = operation.label == "POST /v1/requests" and mode is GenerationMode.POSITIVE
    most = SUBMISSIONS if submits else EXAMPLES

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=most, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def check(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and case.path_parameters and "request_id" in case.path_parameters:
            case.path_parameters["request_id"] = known
        answer = case.call(base_url=url, headers={"Authorization": headers["authorization"]})
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        check()  # what takes nothing cannot be asked wrongly


def test_the_document_loads_without_a_key(stranger: httpx.Client) -> None:
    first, second = stranger.get("/v1/openapi.json"), stranger.get("/openapi.json")
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first.json()["openapi"].startswith("3.1")
