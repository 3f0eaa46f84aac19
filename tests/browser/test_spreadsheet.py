"""A spreadsheet as somebody has it: dropped, its faults mended by clicking, submitted, and watched until it is done."""

import pytest
from playwright.sync_api import FilePayload, Page

from tests.browser.conftest import OpenPage
from tests.browser.looking import PERSONAL, look_at
from tests.ledger.conftest import APPLIED, Desk, everybody
from tests.unit.intake.files.workbooks import xlsx

HEADS = ["Unsere Nr.", "E-Mail-Adresse", "Handynummer", "Filiale"]
ROWS = [
    ["k-1001", "jane-anna@private.example", "0171 2345678", "Berlin"],
    ["k-1002", "", "0172 3456789", "Köln"],
    ["k-1001", "jane-anna@private.example", "0171 2345678", "Berlin"],
]
CSV = FilePayload(
    name="jane.csv", mimeType="text/csv", buffer="".join(";".join(row) + "\r\n" for row in [HEADS, *ROWS]).encode()
)
WORKBOOK = FilePayload(name="jane.xlsx", mimeType="application/zip", buffer=xlsx([HEADS, *ROWS]))
VENDORS = ("algonomy", "dfinery", "insider")


def drop(page: Page, file: FilePayload) -> None:
    """Choose the file, and look at what is in it."""
    page.get_by_label("Erasure").check()
    page.get_by_label("Drop a file here, or choose one").set_input_files(file)
    page.get_by_role("button", name="Look at the file").click()
    page.get_by_role("heading", name="Look before you submit").wait_for()


@pytest.mark.usefixtures("past")
def test_a_spreadsheet_with_faults_is_mended_by_clicking_and_watched_to_its_end(
    open_page: OpenPage, desk: Desk
) -> None:
    page = open_page("submitter").go("/new/file")
    look_at(page, "new-file")
    drop(page, CSV)
    page.get_by_role("heading", name="faults to mend").wait_for()
    assert page.get_by_role("button", name="Submit:").count() == 0
    look_at(page, "draft-with-faults")
    page.reload()  # what looks at a page leaves empty styles, which a swap may not set
    page.get_by_label("Filiale").select_option("leave it out")
    page.get_by_label("Unsere Nr.").select_option("User id")
    page.get_by_label("Country of the phone numbers").fill("DE")
    page.get_by_label("Country of the phone numbers").press("Tab")
    page.get_by_role("button", name="Submit: erasure of 2 people").wait_for()  # without anybody's reloading it
    look_at(page, "draft")
    submit(page)
    for vendor in VENDORS:
        desk.work_off(desk.tools_for(everybody(APPLIED), vendor=vendor))
    page.locator("#live").get_by_text("Completed", exact=True).wait_for()
    page.get_by_text("100 % of 6 deliveries").wait_for()
    page.locator("#told", has_text="Completed").wait_for()  # for who cannot see it
    page.locator(".chart canvas").wait_for()  # though nothing had ended when the page was opened


@pytest.mark.usefixtures("past")
def test_a_workbook_is_mapped_and_submitted_without_a_script(open_page: OpenPage) -> None:
    page = open_page("submitter", java_script_enabled=False).go("/new/file")
    drop(page, WORKBOOK)
    page.get_by_label("Filiale").select_option("leave it out")
    page.get_by_label("Unsere Nr.").select_option("User id")
    page.get_by_label("Country of the phone numbers").fill("DE")
    page.get_by_role("button", name="Read it again").click()
    submit(page)
    page.get_by_role("heading", name="Erasure of 2 people").wait_for()


def submit(page: Page) -> None:
    """Submit what is found, to the vendors that can be told of it."""
    for name in ("akinon", "b2core"):
        page.get_by_role("checkbox", name=name).uncheck()
    page.get_by_role("button", name="Submit: erasure of 2 people").click()
    page.get_by_text("The request is on record.").wait_for()
    assert not PERSONAL.search(page.url + page.title())
