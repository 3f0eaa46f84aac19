"""Legal holds by the API: added, listed and released, on record."""

from collections.abc import Callable

import httpx
import pytest

from tests.web.api.test_api import Rows

PATH = "/v1/legal-holds"
ANN = {"user_id": "ann-1", "email": "ann@private.example", "reason": "expression", "because": "an article of 2024"}


def test_a_hold_is_added_listed_and_released(client: httpx.Client, rows: Rows) -> None:
    added = client.post(PATH, json=ANN | {"until": "2999-01-01"})
    assert (added.status_code, added.json()) == (201, {"id": 1})
    (one,) = client.get(PATH).json()["legal_holds"]
    assert (one["reason"], one["because"], one["until"]) == ("expression", ANN["because"], "2999-01-01T23:59:59.999Z")
    assert (one["identifiers"], one["deliveries"], one["ended_at"]) == (["email", "user_id"], 0, None)
    assert "ann" not in client.get(PATH).text.replace(ANN["because"], "").replace("key:", "")
    released = client.post(f"{PATH}/1/release", json={"because": "taken down"})
    assert (released.status_code, released.content) == (204, b"")
    assert client.get(PATH).json() == {"legal_holds": []}
    (ended,) = client.get(PATH, params={"ended": "true"}).json()["legal_holds"]
    assert (ended["ended_because"], ended["ended_by"], ended["identifiers"]) == ("taken down", ended["added_by"], [])
    entries = rows("SELECT deed, target, allowed FROM audit_entries WHERE target LIKE 'legal hold%' ORDER BY id")
    assert entries == [("legal-hold add", "legal hold 1", True), ("legal-hold release", "legal hold 1", True)]
    again = client.post(f"{PATH}/1/release")
    assert (again.status_code, again.json()["detail"]) == (404, "there is no legal hold of this number in force")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user_id": None, "email": None}, ""),
        ({"email": "no address"}, "email"),
        ({"reason": "spite"}, "reason"),
        ({"because": ""}, "because"),
        ({"because": "ann@private.example"}, "because"),
        ({"until": "soon"}, "until"),
        ({"until": "2020-01-01"}, "until"),
        ({"name": "Ann"}, "name"),
    ],
)
def test_what_cannot_be_a_hold_is_told_by_its_field(
    client: httpx.Client, rows: Rows, change: dict[str, str | None], field: str
) -> None:
    body = {name: value for name, value in (ANN | change).items() if value is not None}
    refused = client.post(PATH, json=body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), refused.text
    assert "private.example" not in refused.text
    assert rows("SELECT count(*) FROM legal_holds") == [(0,)]


@pytest.mark.parametrize(("role", "may_add", "may_see"), [("reader", 403, 200), ("submitter", 403, 403)])
def test_who_may(
    client: httpx.Client, key: Callable[..., dict[str, str]], role: str, may_add: int, may_see: int
) -> None:
    headers = key(role, name="other")
    assert client.post(PATH, json=ANN, headers=headers).status_code == may_add
    assert client.get(PATH, headers=headers).status_code == may_see
