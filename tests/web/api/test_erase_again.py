"""Whom a check by the API finds is erased again, where that is set and the caller may submit."""

from collections.abc import Callable

import httpx
import pytest

from tests.web.api.test_api import JANE, Rows, submit

PATH = "/v1/suppression/check"
ASKED = {"subjects": [{"user_id": "nobody-else"}, JANE]}


@pytest.fixture(autouse=True)
def _set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_ERASE_AGAIN", "true")


def test_by_whom_who_may_submit(client: httpx.Client, key: Callable[..., dict[str, str]], rows: Rows) -> None:
    submit(client)
    rows("UPDATE requests SET effective_at = now() - interval '8 days' RETURNING 1")
    asked = client.post(PATH, json=ASKED, headers=key("reader", name="auditor")).json()
    assert (asked["on_the_list"], asked["erased_again"]) == (1, 0)
    told = [client.post(PATH, json=ASKED).json()["erased_again"] for _ in range(2)]
    assert told == [1, 0]
    assert rows("SELECT subjects FROM requests WHERE submitted_by = 'system:suppression'") == [(1,)]
