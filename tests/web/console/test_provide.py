"""The form that gives one person of a request a fresh session, or an identifier by which a vendor finds them."""

from collections.abc import Callable
from uuid import UUID

import pytest

from tests.ledger.conftest import Desk
from tests.ledger.endings import end
from tests.web.conftest import Rows
from tests.web.console.conftest import SignIn

SECRET = "fresh-secret"


@pytest.fixture
def lacking(desk: Desk, served: Callable[..., None]) -> UUID:
    """Two people: at a shop the session of both has expired, and B2CORE finds neither by an e-mail address."""
    served("akinon", "b2core")
    subjects = [{"email": f"jane-{n}@private.example"} for n in (1, 2)]
    submitted = desk.submit(subjects, vendors=("akinon", "b2core")).recorded.public_id
    end(desk, "needs_action", "session_expired", vendor="akinon")
    end(desk, "unreachable", "no_identifier", vendor="b2core")
    return submitted


def test_one_person_is_given_what_a_vendor_lacks_and_sent_again(sign_in: SignIn, lacking: UUID, rows: Rows) -> None:
    operator, at = sign_in("operator"), f"/requests/{lacking}"
    page = operator.get(at).text
    assert page.count("Give what is missing") == 2
    assert 'name="akinon.session_id"' in page
    given = {"email": "jane-2@private.example", "akinon.session_id": SECRET}
    assert operator.post(f"{at}/provide", on=at, **given).status_code == 303
    page = operator.get(at).text
    assert "1 delivery goes out again: akinon." in page
    assert SECRET not in page
    assert rows("SELECT line, CAST(outcome AS text) FROM outcomes WHERE round = 2") == [(2, "pending")]
    assert rows("SELECT by, deed FROM notes") == [("user:operator", "provide")]
    found = {"email": "jane-1@private.example", "user_id": "u-1", "b2core.profile_id": "4711"}
    assert operator.post(f"{at}/provide", on=at, **found).status_code == 303
    assert rows("SELECT count(*) FROM outcomes WHERE round = 2") == [(2,)]


WRONG = {
    "nobody": ({"email": "joe@private.example", "akinon.session_id": SECRET}, 409, "waits at akinon"),
    "nothing": ({}, 422, "has no identifier"),
    "nothing new": ({"email": "jane-1@private.example"}, 409, "nothing by which these people are found"),
    "no address": ({"email": "jane", "akinon.session_id": SECRET}, 422, "email"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_of_no_use_is_told_and_changes_nothing(sign_in: SignIn, lacking: UUID, rows: Rows, case: str) -> None:
    given, status, said = WRONG[case]
    answer = sign_in("operator").post(f"/requests/{lacking}/provide", **given)
    assert answer.status_code == status
    assert said in answer.text
    assert "line 1" not in answer.text
    assert SECRET not in answer.text
    assert not rows("SELECT FROM outcomes WHERE round = 2")


def test_who_may_not_is_not_shown_the_form(sign_in: SignIn, lacking: UUID, rows: Rows) -> None:
    reader = sign_in("reader")
    assert "Give what is missing" not in reader.get(f"/requests/{lacking}").text
    given = {"email": "jane-1@private.example", "akinon.session_id": SECRET}
    assert reader.post(f"/requests/{lacking}/provide", **given).status_code == 403
    assert not rows("SELECT FROM notes")
