"""A person is looked up, and the answer to send back is printed."""

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.looking import PERSONAL, look_at
from tests.browser.past import Past


@pytest.mark.usefixtures("past")
def test_a_person_is_looked_up_by_what_they_gave(open_page: OpenPage) -> None:
    page = open_page("operator").go("/person")
    look_at(page, "person-nobody-yet")
    page.get_by_label("E-mail").fill("jane-00003@private.example")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("In 4 requests").wait_for()
    page.get_by_role("heading", name="What was done, the newest first").wait_for()
    look_at(page, "person")
    page.get_by_label("E-mail").fill("nobody@private.example")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("Nobody is found by this").wait_for()
    look_at(page, "person-not-found")


def test_an_answer_is_made_and_can_be_printed(open_page: OpenPage, past: Past) -> None:
    watched = open_page("operator")
    page = watched.go(f"/requests/{past.exceptions}")
    page.get_by_label("Language").select_option("Deutsch")
    page.get_by_label("Line of the person").fill("3")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Page to print").click()
    answer = opened.value
    complaints: list[str] = []
    answer.on("console", lambda said: complaints.append(said.text))
    answer.reload()
    answer.get_by_role("heading", level=1).wait_for()
    assert answer.locator("html").get_attribute("lang") == "de"
    assert "jane" not in answer.content(), "identifiers are masked"
    assert not PERSONAL.search(answer.url + answer.title())
    look_at(answer, "answer")
    answer.emulate_media(media="print")
    assert answer.locator("main").is_visible()
    look_at(answer, "answer-printed")
    assert not complaints
