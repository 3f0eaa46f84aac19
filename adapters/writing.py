"""Builds requests: JSON bodies, encoded once and fast, forms and files."""

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
    """A file of an upload. The repr shows nothing: it may be personal."""

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
    """A request with a JSON body, encoded already or not. httpx's own `json=` takes twice as long for a call of 1,000
    people."""
    content = body if isinstance(body, bytes) else to_json(body)
    return httpx.Request(method, url, headers={**_JSON, **headers}, content=content)


@lru_cache(maxsize=64)
def fixed(url: str) -> httpx.URL:
    """A parsed address, cached: parsing takes longer than the rest of a small request. Never use it for an address that
    names a person: it would stay in memory."""
    return httpx.URL(url)


def form_request(
    method: str, url: str | httpx.URL, form: Mapping[str, str | Sequence[str]], *, headers: Mapping[str, str] = _NONE
) -> httpx.Request:
    """A request with a form body (`application/x-www-form-urlencoded`). A field may have several values."""
    return httpx.Request(method, url, headers=headers, data=dict(form))


def file_request(
    method: str,
    url: str | httpx.URL,
    files: Mapping[str, File],
    *,
    form: Mapping[str, str] = _NONE,
    headers: Mapping[str, str] = _NONE,
) -> httpx.Request:
    """A request that uploads files (`multipart/form-data`), with form fields."""
    parts = {field: (file.name, file.content, file.media_type) for field, file in files.items()}
    request = httpx.Request(method, url, headers=headers, data=dict(form), files=parts)
    body_of(request)
    return request


def csv_file(name: str, column: str, values: Iterable[str]) -> File:
    """A file of one column, in UTF-8 (RFC 4180). A value that a spreadsheet would take for a formula is not escaped:
    the vendor reads it, and it is an identifier."""
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
    # The body is sent in one piece, so its length is given instead of chunks.
    request.headers.pop("Transfer-Encoding", None)
    request.headers["Content-Length"] = str(len(body))
    return body
