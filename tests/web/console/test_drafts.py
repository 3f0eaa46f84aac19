"""A file dropped into the console: sealed, looked at, mapped by clicking, submitted once."""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from ledger.requests import drafts
from tasks.retain import keep_drafts
from tests.ledger.test_personal_data import dump
from tests.unit.intake.files.workbooks import Raw, xlsx
from tests.web.conftest import Rows
from tests.web.console.conftest import Browser, SignIn, console
from tests.web.console.filled_form import filled
from web.console import drafts as drafts_pages
from web.console import long_work
from web.context import Context

GERMAN = (
    b"E-Mail-Adresse;Handynummer;Nr\nanna@private.example;0171 2345678;K-1\nben@private.example;;K-2\n"
    b"anna@private.example;0171 2345678;K-1\n"
)
PLAIN = b"user_id,email\nu-1,jane@private.example\nu-2,\n"
VENDORS = {"vendor.dfinery": "on", "vendor.insider": "on"}


@pytest.fixture(autouse=True)
def vendors(served: Callable[..., None]) -> None:
    served("dfinery", "insider")


def token_for(browser: Browser) -> str:
    """What the form for a file carries."""
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', browser.get("/new/file").text)
    assert token
    return token[1]


def drop(browser: Browser, data: bytes, **fields: str) -> httpx.Response:
    """Drop a file on the page, and send its form."""
    return browser.client.post(
        "/new/file",
        data={"form_token": token_for(browser), "kind": "erasure", **fields},
        files={"file": ("jane-doe.csv", data, "text/csv")},
        headers={"Accept": "text/html", "Origin": browser.url},
    )


def dropped(browser: Browser, data: bytes, **fields: str) -> str:
    """The page of a dropped file."""
    answer = drop(browser, data, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def press(browser: Browser, at: str, button: str = "submit", **changes: str) -> httpx.Response:
    """Send the form of a draft's page with some fields changed; a field that is "off" is not sent."""
    fields = {**filled(browser.get(at).text), **changes}
    return browser.send(f"{at}/{button}", {name: value for name, value in fields.items() if value != "off"})


def read_again(browser: Browser, at: str, **changes: str) -> str:
    """The page after its file was read otherwise."""
    answer = press(browser, at, "reading", **changes)
    assert (answer.status_code, answer.headers.get("location")) == (303, at), answer.text
    return browser.get(at).text


def told(page: str) -> str:
    """What stands on a page, without tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def by_name(page: str) -> Mapping[str, str]:
    """By a column's name on the page, the name of its field."""
    found = re.findall(r'<label for="(column\.\d+)">([^<]*)</label>', page)
    return {unescape(name): field for field, name in found}


def test_a_spreadsheet_as_people_have_it_is_mapped_by_clicking_and_submitted(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("submitter")
    at = dropped(browser, GERMAN, region="DE")
    page = browser.get(at).text
    said = told(page)
    assert "CSV" in said
    assert "semicolon" in said
    assert '<td class="number">1</td>' in page
    assert '("Nr") is not known' in said
    assert "Submit: erasure" not in said, "what has faults cannot be submitted"
    assert not rows("SELECT FROM requests")
    columns = by_name(page)
    assert [*columns] == ["E-Mail-Adresse", "Handynummer", "Nr"]
    page = read_again(browser, at, **{columns["Nr"]: "user_id"})
    said = told(page)
    assert "People 2 " in said
    assert "Lines that repeat one of them 1 " in said
    assert "Faults 0 " in said
    assert "Submit: erasure of 2 people" in said
    assert "anna@" not in page
    assert "finds all 2" in said
    answer = press(browser, at)
    assert answer.status_code == 303
    assert re.fullmatch(r"/requests/[0-9a-f-]{36}", answer.headers["location"])
    assert "<h1>Erasure of 2 people</h1>" in browser.get(answer.headers["location"]).text
    assert rows("SELECT submitted_by, subjects, duplicates FROM requests") == [("user:submitter", 2, 1)]


def test_a_draft_is_sealed_its_creators_alone_and_gone_after_its_hour(
    sign_in: SignIn, rows: Rows, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    browser, other = sign_in("operator", "ann"), sign_in("admin", "ben")
    at = dropped(browser, PLAIN)
    page = browser.get(at)
    assert "jane" not in page.text + str(page.headers) + at + caplog.text
    for table, content in dump(context.engine).items():
        for personal in (b"jane", b"private.example", b"jane-doe.csv", b"user_id"):
            assert personal not in content, table
    assert f'href="{at}"' in browser.get("/new/file").text
    assert at not in other.get("/new/file").text
    nobodys = f"/drafts/{uuid4()}"
    for path, mine in ((at, other), (nobodys, browser)):
        assert mine.get(path).status_code == 404
        for deed in ("reading", "discard", "submit"):
            assert mine.post(f"{path}/{deed}", on="/new/file").status_code == 404
    assert told(other.get(at).text) == told(other.get(nobodys).text), "they are told apart"
    with context.engine.begin() as connection:
        connection.execute(text("UPDATE drafts SET expires_at = now() - interval '1 second'"))
    assert browser.get(at).status_code == 404, "its hour is over"
    assert press_gone(browser, at).status_code == 404
    assert keep_drafts(context.engine) == 1
    assert rows("SELECT (SELECT count(*) FROM drafts), (SELECT count(*) FROM draft_blocks)") == [(0, 0)]


def press_gone(browser: Browser, at: str) -> httpx.Response:
    """Send the form of a page that was open when its draft ended."""
    return browser.post(f"{at}/submit", on="/new/file", kind="erasure", **VENDORS)


def test_submitted_twice_it_is_one_request_and_nothing_is_left_of_the_file(
    sign_in: SignIn, rows: Rows, context: Context
) -> None:
    browser = sign_in("operator")
    at = dropped(browser, PLAIN)
    form = filled(browser.get(at).text)
    with ThreadPoolExecutor(3) as threads:
        answers = [*threads.map(lambda _: browser.send(f"{at}/submit", form), range(3))]
    places = {answer.headers["location"] for answer in [*answers, browser.send(f"{at}/submit", form), browser.get(at)]}
    ((request_id,),) = rows("SELECT CAST(public_id AS text) FROM requests")
    assert places == {f"/requests/{request_id}"}
    assert rows("SELECT count(*), count(data_key), count(state) FROM drafts") == [(1, 0, 0)]
    assert rows("SELECT count(*) FROM draft_blocks") == [(0,)]
    told_of = rows("SELECT by, target, because FROM audit_entries WHERE deed = 'POST /drafts/{draft_id}/submit'")
    assert told_of == [("user:operator", request_id, f"a dropped file of {len(PLAIN)} bytes: 2 people")]
    assert "jane" not in str(rows("SELECT CAST(audit_entries AS text) FROM audit_entries"))


def test_who_comes_second_adds_nothing_to_the_audit_log(
    sign_in: SignIn, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = drafts_pages._record

    def while_another_recorded_it(*given: Any) -> Any:
        record(*given)
        raise drafts.DraftGoneError

    monkeypatch.setattr(drafts_pages, "_record", while_another_recorded_it)
    browser = sign_in("operator")
    at = dropped(browser, PLAIN)
    answer = browser.send(f"{at}/submit", filled(browser.get(at).text))
    ((request_id,),) = rows("SELECT CAST(public_id AS text) FROM requests")
    assert answer.headers["location"] == f"/requests/{request_id}"
    assert rows("SELECT count(*) FROM audit_entries WHERE deed = 'POST /drafts/{draft_id}/submit'") == [(0,)]


def test_a_large_one_is_read_and_submitted_while_its_page_waits(
    sign_in: SignIn, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = sign_in("operator")
    at = dropped(browser, PLAIN)
    monkeypatch.setattr(long_work, "WAITS_S", 0.0)
    waiting = browser.get(at)
    assert waiting.headers["refresh"] == "2"
    assert "is being read" in told(waiting.text)
    assert "hx-get" not in waiting.text, "the whole page looks again, not a part of it"

    def until(done: Callable[[httpx.Response], bool]) -> httpx.Response:
        deadline = time.monotonic() + 60
        while not done(answer := browser.get(at)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return answer

    page = until(lambda answer: "Submit: erasure of 2 people" in told(answer.text)).text
    answer = browser.send(f"{at}/submit", filled(page))
    assert (answer.status_code, answer.headers["location"]) == (303, at)
    until(lambda answer: answer.status_code == 303 and answer.headers["location"].startswith("/requests/"))
    assert rows("SELECT subjects FROM requests") == [(2,)]
    at = dropped(browser, PLAIN)
    page = until(lambda answer: "Submit: erasure of 2 people" in told(answer.text)).text
    browser.send(f"{at}/submit", {**filled(page), "not_before": "2030-01-01T08:00", "reference": "DSR 8"})
    page = until(lambda answer: "before it is due" in told(answer.text)).text
    assert filled(page)["reference"] == "DSR 8", "what was filled in stays"
    assert rows("SELECT count(*) FROM requests") == [(1,)]


def test_what_was_filled_in_stays_on_a_page_that_was_asked_for_before_it_was_kept(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, find = drafts_pages._record, drafts_pages._found
    may_begin, ended = threading.Event(), threading.Event()

    def later(*given: Any) -> Any:
        may_begin.wait(60)
        try:
            return record(*given)
        finally:
            ended.set()

    async def before(*given: Any) -> Any:
        found = await find(*given)
        may_begin.set()
        await asyncio.to_thread(ended.wait, 60)
        return found

    browser = sign_in("operator")
    at = dropped(browser, PLAIN)
    form = filled(browser.get(at).text)
    monkeypatch.setattr(drafts_pages, "_record", later)
    monkeypatch.setattr(long_work, "WAITS_S", 0.0)
    browser.send(f"{at}/submit", {**form, "not_before": "2030-01-01T08:00", "reference": "DSR 8"})
    monkeypatch.setattr(drafts_pages, "_found", before)
    monkeypatch.setattr(long_work, "WAITS_S", 60.0)
    page = browser.get(at).text
    assert "before it is due" in told(page)
    assert filled(page)["reference"] == "DSR 8"


def test_what_cannot_be_submitted_is_said_and_nothing_is_recorded(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("operator")
    faulty = dropped(browser, PLAIN + b"null,nobody\n")
    assert press(browser, faulty).status_code == 422, "a form that was sent all the same"
    at = dropped(browser, PLAIN)
    for changes, problem in (
        ({"vendor.dfinery": "off", "vendor.insider": "off"}, "Vendors: choose one vendor at least"),
        ({"asked_at": "2026-02-31"}, "Asked on: must be"),
        ({"regulation": "murphy"}, "Law: is not a known law"),
        ({"not_before": "tomorrow"}, "Send nothing before: must be"),
        ({"not_before": "2030-01-01T08:00"}, "before it is due"),
        ({"keep_as": "No Name!"}, "Keep these columns as: a name is"),
    ):
        answer = press(browser, at, **changes)
        assert answer.status_code == 422, changes
        assert problem in told(answer.text)
        assert 'role="alert"' in answer.text
    assert press(browser, at, kind="praise").status_code == 422
    answer = press(browser, at, kind="opt_out")
    assert (answer.status_code, answer.headers["location"]) == (303, at), "it was looked at for an erasure"
    assert "Look at it once more" in browser.get(at).text
    assert not rows("SELECT FROM requests")
    assert press(browser, at, regulation="kvkk", not_before="", keep_as="").status_code == 303
    assert rows("SELECT CAST(kind AS text), regulation FROM requests") == [("opt_out", "kvkk")]


def test_how_it_is_read_is_said_by_words_of_the_command_line_beside_the_field(sign_in: SignIn) -> None:
    browser = sign_in("operator")
    at = dropped(browser, GERMAN)
    assert "CONSENT_PHONE_REGION" not in told(browser.get(at).text), "first its columns"
    page = read_again(browser, at, **{"column.3": "-"})
    assert "which country's the numbers in national form are" in told(page)
    page = read_again(browser, at, region="Utopia")
    assert 'id="region-wrong"' in page
    assert "must be the two letters of a country" in told(page)
    page = read_again(browser, at, region="de")
    assert "Faults 0 " in told(page)
    assert "1 column left out: Nr" in told(page)
    page = read_again(browser, at, **{"column.3": "email"})
    assert "is the same as column 1" in told(page)


def test_columns_that_are_not_known_can_be_left_out_at_once(sign_in: SignIn) -> None:
    browser = sign_in("operator")
    many = ";".join(f"Feld {n}" for n in range(200))
    at = dropped(browser, f"E-Mail;{many}\na@private.example;{';' * 199}\n".encode())
    page = browser.get(at).text
    assert "200 faults to mend" in told(page)
    assert "51 columns more" in told(page)
    said = told(read_again(browser, at, others="on"))
    assert "Faults 0 " in said
    assert "200 columns left out" in said
    at = dropped(browser, f"E-Mail;{many}\na@private.example;{';' * 199}\n".encode(), others="on")
    assert "Submit: erasure of 1 person" in told(browser.get(at).text)


def test_columns_are_kept_for_the_next_file(sign_in: SignIn, context: Context, tmp_path: Path) -> None:
    kept = replace(context, settings=context.settings.model_copy(update={"data_dir": tmp_path / "data"}))
    sign_in("operator")
    with console(kept) as url, httpx.Client(base_url=url, timeout=30) as client:
        browser = Browser(client, url)
        browser.post("/sign-in", on="/sign-in", name="operator", password="correct horse battery", next="/")
        at = dropped(browser, GERMAN, region="DE")
        assert 'name="map_as"' not in browser.get("/new/file").text
        read_again(browser, at, **{"column.3": "user_id", "keep_as": "crm"})
        assert "<option>crm</option>" in browser.get("/new/file").text
        at = dropped(browser, GERMAN, region="DE", map_as="crm")
        page = browser.get(at).text
        assert "Nr is User id" in told(page)
        assert "Faults 0 " in told(page)
        assert "map-as: " not in told(read_again(browser, at, map_as="gone")), "an option's name is the command line's"
        assert "nothing is kept under this name" in told(browser.get(at).text)


def test_a_workbook_of_several_sheets_and_what_is_no_file_of_people(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("operator")
    people = [["Kundennummer", "E-Mail"], [Raw("4711"), "anna@private.example"]]
    at = dropped(browser, xlsx({"Notes": [["none"]], "People": people}))
    page = browser.get(at).text
    assert "has several sheets with something in them" in told(page)
    assert "Submit: erasure" not in page
    page = read_again(browser, at, sheet="People")
    assert 'sheet "People"' in told(page)
    assert "Submit: erasure of 1 person" in told(page)
    assert press(browser, at).status_code == 303
    assert rows("SELECT subjects FROM requests") == [(1,)]
    for data, said in (
        (b"%PDF-1.7 jane", "is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as"),
        (b"PK\x03\x04 jane", "is a damaged workbook"),
        (b"\n\n", "holds nobody"),
    ):
        assert said in told(browser.get(dropped(browser, data)).text)


def test_a_large_one_asks_a_second_person(sign_in: SignIn, context: Context, rows: Rows) -> None:
    sign_in("operator")
    careful = replace(context, guards=replace(context.guards, confirm_above=1))
    with console(careful) as url, httpx.Client(base_url=url, timeout=30) as client:
        browser = Browser(client, url)
        browser.post("/sign-in", on="/sign-in", name="operator", password="correct horse battery", next="/")
        at = dropped(browser, PLAIN)
        assert "nothing is sent until a second person lets it run" in told(browser.get(at).text)
        answer = press(browser, at)
        assert "until a second person lets it run" in browser.get(answer.headers["location"]).text
    assert rows("SELECT CAST(status AS text) FROM requests") == [("unconfirmed",)]


def test_a_file_that_is_not_taken_is_refused_in_words_and_leaves_nothing(
    sign_in: SignIn, context: Context, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in("operator")
    sign_in("reader")
    monkeypatch.setattr(drafts, "MOST_OF_ONE", 2)
    small = replace(context, settings=context.settings.model_copy(update={"upload_max_bytes": 300_000}))
    with console(small) as url, httpx.Client(base_url=url, timeout=30) as client:
        browser = Browser(client, url)
        browser.post("/sign-in", on="/sign-in", name="operator", password="correct horse battery", next="/")
        assert 'value="opt_out" checked' in drop(browser, b"", kind="opt_out").text, "what was chosen stays"
        for data, said in (
            (b"", "choose a file"),
            (bytes(299_000) * 2, "300,000 bytes"),
            (bytes(310_000), "too large"),
        ):
            answer = drop(browser, data)
            assert answer.status_code == 422
            assert said in told(answer.text)
            assert 'id="file-wrong"' in answer.text
        dropped(browser, bytes(200_000))
        assert "with your other files" in drop(browser, bytes(200_000)).text
        dropped(browser, PLAIN)
        assert "you have 2 files here" in drop(browser, PLAIN).text
        token = {"form_token": token_for(browser), "kind": "erasure"}
        headers = {"Accept": "text/html", "Origin": url}
        files = {"file": ("x", PLAIN)}
        for fields, status in (({}, 403), ({**token, "form_token": "0"}, 403), ({**token, "odd": "1"}, 422)):
            assert client.post("/new/file", data=fields, files=files, headers=headers).status_code == status
        assert client.post("/new/file", data=token, headers=headers).status_code == 415, "not a form with a file"
        assert (
            client.post("/new/file", data=token, files=files, headers={"Origin": "http://evil.example"}).status_code
            == 403
        )
    assert rows("SELECT count(*) FROM drafts") == [(2,)]
    assert not rows("SELECT FROM requests")


def test_a_file_that_is_not_wanted_is_destroyed_at_once(sign_in: SignIn, rows: Rows) -> None:
    browser = sign_in("submitter")
    at = dropped(browser, PLAIN)
    answer = browser.post(f"{at}/discard", on=at)
    assert (answer.status_code, answer.headers["location"]) == (303, "/new/file")
    assert browser.get(at).status_code == 404
    assert rows("SELECT (SELECT count(*) FROM drafts), (SELECT count(*) FROM draft_blocks)") == [(0, 0)]
    assert rows("SELECT count(*) FROM audit_entries WHERE deed LIKE '%discard' AND target IS NOT NULL") == [(1,)]


def test_a_file_of_opt_ins_says_who_was_erased(sign_in: SignIn) -> None:
    browser = sign_in("operator")
    for kind, told in (("erasure", False), ("opt_in", True)):
        at = dropped(browser, PLAIN, kind=kind)
        before = unescape(browser.get(at).text)
        words = (
            "lines 1, 2; `consent suppression check` names the line of the file too. "
            "When this is submitted, the opt-in goes out for"
        )
        assert (words in before) is told, "also before it is submitted"
        answer = press(browser, at, **VENDORS)
        assert answer.status_code == 303, answer.text
        page = browser.get(answer.headers["location"]).text
        assert ("2 people were erased before: lines 1, 2" in page) is told
