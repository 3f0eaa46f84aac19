"""Bodies that are forms or files, as they go over the wire."""

import csv
from email import message_from_bytes
from email.policy import HTTP
from io import StringIO

import httpx
import pytest

from adapters.contract import Answer, Call, Order, Verdict
from adapters.wire import head_of
from adapters.writing import File, body_of, csv_file, file_request, form_request
from domain.requests import Kind
from tests.made_up.uploads import UploadServer, UploadVendor
from tests.made_up.vendor import MadeUp, exchange_with
from tests.stubs import person

APPLIED = Answer(Verdict.APPLIED)
CALL = Call(Order(Kind.ERASURE), "first")
URL = "https://api.madeup.example/v1/uploads"
ODD = ["plain", "a,b", 'quo"te', "=cmd()", "é-日本-😀", "a b", "--boundary", "x\r\ny"]


def parts_of(request: httpx.Request) -> dict[str, tuple[str | None, bytes]]:
    """What a server reads: by name of the field, the file's name and the content."""
    head = b"content-type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    message = message_from_bytes(head + request.content, policy=HTTP)
    return {
        str(part.get_param("name", header="content-disposition")): (part.get_filename(), part.get_payload(decode=True))
        for part in message.iter_parts()
    }


async def test_a_file_of_people_goes_out_whole() -> None:
    server = UploadServer()
    exchange = exchange_with(UploadVendor(), server)
    answers = await exchange.ask(CALL, [person(1), person(2)])
    assert [answer.verdict for answer in answers] == [Verdict.WAITING] * 2
    (upload,) = server.uploads
    assert parts_of(upload) == {"what": (None, b"erase"), "people": ("people.csv", b"user_id\r\nu-1\r\nu-2\r\n")}
    assert upload.headers["content-length"] == str(len(upload.content))


def test_every_identifier_comes_back_out_of_a_file() -> None:
    (_, content), *_ = [parts_of(file_request("POST", URL, {"f": csv_file("f.csv", "id", ODD)}))["f"]]
    assert [row[0] for row in csv.reader(StringIO(content.decode(), newline=""))] == ["id", *ODD]


@pytest.mark.parametrize("values", [["a"], ["a", "b"], ["a&b=c", "é +%"], []])
def test_a_form_may_have_several_values_of_a_field(values: list[str]) -> None:
    request = form_request("POST", URL, {"id": values, "what": "stop"}, headers={"X-Key": "k"})
    read = httpx.QueryParams(request.content.decode())
    assert (read.get_list("id"), read["what"]) == (values, "stop")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["x-key"] == "k"


@pytest.mark.parametrize(
    "more",
    [
        {"files": {"f": ("f.csv", b"x" * 10, "text/csv")}},
        {"files": {"f": ("f.csv", b"x" * 10, "text/csv")}, "data": {"what": "stop"}},
        {"content": iter([b"two ", b"pieces"])},
        {"data": {"a": "b"}},
        {"json": {"a": 1}},
        {},
    ],
)
async def test_an_adapter_may_build_its_body_any_way_that_httpx_has(more: dict[str, object]) -> None:
    class Any(MadeUp):
        def build(self, call: object, people: object) -> httpx.Request:
            return httpx.Request("POST", URL, **more)

        def classify(self, call: object, people: object, response: httpx.Response) -> list[Answer]:
            return [APPLIED]

    exchange = exchange_with(Any(), lambda _request: httpx.Response(200))
    assert await exchange.ask(CALL, [person(1)]) == [APPLIED]
    (sent,) = exchange.transport.sent
    head = head_of(sent).lower()
    assert b"transfer-encoding" not in head
    assert (b"content-length: %d\r\n" % len(sent.content)) in head


async def test_a_file_over_the_limit_is_not_sent() -> None:
    exchange = exchange_with(UploadVendor(body_bytes=100), UploadServer())
    assert [answer.verdict for answer in await exchange.ask(CALL, [person(1), person(2)])] == [Verdict.SPLIT] * 2
    assert exchange.transport.sent == []


def test_a_file_shows_nothing() -> None:
    assert "jane" not in repr(csv_file("people.csv", "id", ["jane"]))
    assert "jane" not in repr(File("people.csv", b"jane"))
    assert body_of(httpx.Request("GET", URL)) == b""
