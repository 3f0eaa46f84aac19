"""The HTTP API over the real ledger."""

import httpx

from tests.doors.conftest import Rows

JANE = {"user_id": "jane-1", "email": "jane-1@private.example"}


def test_a_request_is_recorded_and_answered(client: httpx.Client, rows: Rows, woken: list[str]) -> None:
    answer = client.post("/v1/requests", json={"kind": "erasure", "subjects": [JANE, {"user_id": "joe-2"}, JANE]})
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert (receipt["subjects"], receipt["duplicates"], receipt["repeated"]) == (2, 1, False)
    assert sorted(woken) == ["dfinery", "insider"]
    assert rows("SELECT submitted_by, subjects FROM requests") == [("key:shop", 2)]
    status = client.get(answer.headers["location"])
    assert status.status_code == 200
    assert status.json()["vendors"] == {"dfinery": {"pending": 2}, "insider": {"pending": 2}}
