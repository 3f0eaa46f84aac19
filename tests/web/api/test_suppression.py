"""Who of the people of a body was erased, by the API."""

from collections.abc import Callable

import httpx
import pytest

from tests.web.api.test_api import JANE, Rows, submit

PATH = "/v1/suppression/check"
ASKED = {"subjects": [{"user_id": "nobody-else"}, {"email": str(JANE["email"]).lower()}]}


def test_positions_and_dates_are_told_and_it_is_in_the_audit_log(client: httpx.Client, rows: Rows) -> None:
    assert client.post(PATH, json=ASKED).json() == {"people": 2, "on_the_list": 0, "erased": []}
    request_id = submit(client).json()["request_id"]
    told = client.post(PATH, json=ASKED).json()
    assert (told["people"], told["on_the_list"]) == (2, 1)
    (one,) = told["erased"]
    assert (one["line"], one["request_id"]) == (2, request_id)
    assert one["since"]
    assert (
        rows("SELECT deed, allowed FROM audit_entries WHERE deed LIKE '%suppression%'") == [(f"POST {PATH}", True)] * 2
    )


@pytest.mark.parametrize(("role", "status"), [("reader", 200), ("operator", 200), ("submitter", 200)])
def test_roles_and_whose_request_it_was(
    client: httpx.Client, key: Callable[..., dict[str, str]], role: str, status: int
) -> None:
    request_id = submit(client).json()["request_id"]
    answer = client.post(PATH, json=ASKED, headers=key(role, name="other"))
    assert answer.status_code == status
    (one,) = answer.json()["erased"]
    assert one["request_id"] == (None if role == "submitter" else request_id)


def test_what_cannot_be_asked_is_told(client: httpx.Client) -> None:
    for body in ({}, {"subjects": []}, {"subjects": [{"user_id": f"u-{n}"} for n in range(1_001)]}):
        assert client.post(PATH, json=body).status_code == 422
    wrong = client.post(PATH, json={"subjects": [{"email": "no address"}]})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "subjects.0.email")


@pytest.mark.parametrize("kind", ["opt_in", "opt_out"])
def test_a_request_of_who_was_erased_is_recorded_and_says_so(client: httpx.Client, kind: str) -> None:
    assert submit(client).json()["erased_before"] is None
    answer = submit(client, {"user_id": "x-1"}, JANE, kind=kind)
    assert (answer.status_code, answer.json()["erased_before"]) == (201, {"people": 1, "lines": [2]})
