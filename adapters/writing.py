"""Writing requests: bodies of JSON, encoded once and fast, forms and files."""

from collections.abc import Iterable, Mapping, Sequence
from csv import writer
from functools import lru_cache
from io import StringIO
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
from pydantic_core import to_json

_JSON = MappingProxyType({"Content-Type": "application/json"})
_NONE: Mapping[str, Any] = MappingProxyType({})


class File(NamedTuple):
    """A file of an upload. Never shown: it may be personal."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"

    def __repr__(self) -> str:
        return f"File({self.name})"


def json_request(
    method: str,
    url: str | httpx.URL,
    body: Mapping[str, Any] | bytes,
    *,
    headers: Mapping[str, str] = _NONE,
) -> httpx.Request:
    """A request with a JSON body, encoded already or not. With httpx's own `json=` a call of 1,000 people takes twice
    as long to build."""
    content = body if isinstance(body, bytes) else to_json(body)
    return httpx.Request(method, url, headers={**_JSON, **headers}, content=content)


@lru_cache(maxsize=64)
def fixed(url: str) -> httpx.URL:
    """An address parsed once, which takes longer than all else of a small request. Never for one that names a person:
    it would stay in memory."""
    return httpx.URL(url)


def form_request(
    method: str, url: str | httpx.URL, form: Mapping[str, str | Sequence[str]], *, headers: Mapping[str, str] = _NONE
) -> httpx.Request:
    """A request with a form for its body (`application/x-www-form-urlencoded`); a field may have several values."""
    return httpx.Request(method, url, headers=headers, data=dict(form))


def file_request(
    method: str,
    url: str | httpx.URL,
    files: Mapping[str, File],
    *,
    form: Mapping[str, str] = _NONE,
    headers: Mapping[str, str] = _NONE,
) -> httpx.Request:
    """A request that uploads files (`multipart/form-data`), with fields of a form beside them."""
    parts = {field: (file.name, file.content, file.media_type) for field, file in files.items()}
    request = httpx.Request(method, url, headers=headers, data=dict(form), files=parts)
    body_of(request)
    return request


def csv_file(name: str, column: str, values: Iterable[str]) -> File:
    """A file of one column, in UTF-8 (RFC 4180). What a spreadsheet would take for a formula stays as it is: it is read
    by the vendor, and it is an identifier."""
    text = StringIO(newline="")
    rows = writer(text)
    rows.writerow([column])
    rows.writerows([value] for value in values)
    return File(name, text.getvalue().encode(), "text/csv")


def body_of(request: httpx.Request) -> bytes:
    """The whole body, also of a request that was built with a stream, as httpx does for files."""
    try:
        return request.content
    except httpx.RequestNotRead:
        body = request.read()
    # It goes out in one piece, so its length is told, and no chunks are announced.
    request.headers.pop("Transfer-Encoding", None)
    request.headers["Content-Length"] = str(len(body))
    return body
