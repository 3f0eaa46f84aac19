"""Every page of a ledger in which much has happened, for every role."""

import pytest

from tests.browser.past import live
from tests.ledger.conftest import Desk
from tests.web.console.conftest import SignIn


@pytest.mark.usefixtures("context")
def test_every_page_can_be_shown(sign_in: SignIn, desk: Desk) -> None:
    past = live(desk)
    requests = [f"/requests/{one}" for one in past]
    parts = [f"{requests[1]}?vendor=insider", f"{requests[1]}?outcome=unreachable"]
    vendors = ["/vendors", "/vendors/insider", "/vendors/b2core"]
    for role in ("reader", "operator"):
        browser = sign_in(role)
        for path in ("/", "/requests", "/attention", *vendors, *requests, *parts):
            answer = browser.get(path)
            assert answer.status_code == 200, (role, path)
            assert "</html>" in answer.text
            assert "`" not in answer.text, "names are set apart, and not by marks of the source"
