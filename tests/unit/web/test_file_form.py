"""Forms with a file, in whatever pieces they arrive."""

import io

import pytest

from web.console.file_form import MOST_FIELDS, FileForm
from web.problems import Problem

FILE = b"a,b\r\n--not-the-boundary\r\n\r\n--X-\r\n" + bytes(range(256)) * 3


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'--X\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


def file(value: bytes = FILE) -> bytes:
    return part("file", value, '; filename="jane doe.csv"\r\nContent-Type: text/csv')


class Pieces(io.BytesIO):
    """Gives so many bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, _: int | None = -1, /) -> bytes:
        return super().read(self._size)


def read(data: bytes, size: int = 1_000_000) -> tuple[dict[str, str], bytes]:
    form = FileForm(Pieces(data, size), b"X")
    return dict(form.fields), b"".join(iter(lambda: form.read(100), b""))


@pytest.mark.parametrize("size", [1, 7, 64, 1_000_000])
def test_the_fields_before_the_file_and_the_file_as_it_is(size: int) -> None:
    data = part("kind", b" erasure ") + part("region", "Türkiye".encode()) + file() + b"--X--\r\n"
    assert read(data, size) == ({"kind": "erasure", "region": "Türkiye"}, FILE)


def test_fields_are_there_before_the_file_is_read() -> None:
    body = Pieces(part("kind", b"erasure") + file(bytes(5_000)), 100)
    assert FileForm(body, b"X").fields == {"kind": "erasure"}
    assert body.tell() < 500


def test_a_form_without_a_file_has_an_empty_one() -> None:
    assert read(part("kind", b"erasure") + b"--X--\r\n") == ({"kind": "erasure"}, b"")
    assert read(file(b"") + b"--X--") == ({}, b"")


BROKEN = {
    "nothing": b"",
    "no form": b"hello",
    "cut off in a field": b'--X\r\nContent-Disposition: form-data; name="kind"\r\n\r\neras',
    "cut off in the file": file(),
    "cut off at the end": file() + b"--X",
    "a field twice": part("kind", b"a") + part("kind", b"b") + file() + b"--X--",
    "a field without a name": part("", b"a") + file() + b"--X--",
    "a field behind the file": file() + part("kind", b"a") + b"--X--",
    "two files": file() + file() + b"--X--",
    "a long field": part("kind", bytes(5_000)) + file() + b"--X--",
    "many fields": b"".join(part(f"f{n}", b"") for n in range(MOST_FIELDS + 1)) + file() + b"--X--",
    "a long header": part("kind", b"", f"; x={'y' * 10_000}") + file() + b"--X--",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_form_that_is_not_as_our_pages_send_it_is_refused(case: str) -> None:
    with pytest.raises(Problem) as refused:
        read(BROKEN[case], 50)
    assert refused.value.status_code == 422
    assert "nothing was done" in refused.value.detail
