"""Reads a controller's data subject request, in the 2.0 or the 3.0 shape."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NoReturn
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from domain.moments import refuse_far
from domain.opendsr import DsrRequest, Version
from domain.refused_values import problem_of
from domain.regulations import Regulation
from domain.requests import Kind, Text
from tasks.subjects import PROBLEMS, Fault, shown
from web.opendsr.identities import MOST_IDENTITIES, Identity, IdentityError, subjects_of

LONGEST_BODY = 65_536
"""Limit in bytes: all allowed identities and callbacks fit, each at its longest."""
MOST_CALLBACKS = 10
LONGEST_GROUP = 200
REQUEST_KIND = "request_kind"
"""The field of our extension that makes a request an opt-out or an opt-in."""


class RefusedError(Exception):
    """This request cannot be accepted as it is, and nothing of it was. `faults`: what to change, and where."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("unusable data subject request")
        self.faults = tuple(faults)


def read_request(body: bytes, version: Version, domain: str) -> DsrRequest:
    """The request in a body. `extensions.<domain>` is for us. Raises RefusedError."""
    document, content = _read_json(body)
    try:
        asked = _Asked.model_validate(document)
    except ValidationError as error:
        raise RefusedError(_faults(error)) from None
    if asked.api_version not in {None, version.value}:
        _refuse("api_version", f"must be {version.value} here")
    extension = _extension(asked.extensions or {}, domain)
    given = _identities(asked.subject_identities, version, "subject_identities")
    given += _identities(extension.subject_identities, version, f"extensions.{domain}.subject_identities")
    try:
        subjects, unused = subjects_of(given)
    except IdentityError as error:
        raise RefusedError(error.faults) from None
    return DsrRequest(
        id=asked.subject_request_id,
        version=version,
        kind=Kind(extension.request_kind),
        submitted_at=asked.submitted_time,
        regulation=asked.regulation,
        subjects=subjects,
        unused_identities=unused,
        callback_urls=tuple(asked.status_callback_urls or ()),
        group_id=asked.group_id,
        content=content,
        accept_unreachable=extension.accept_unreachable,
    )


def read_id(text: str) -> UUID:
    """A `subject_request_id`. Raises RefusedError."""
    if _UUID_V4.fullmatch(text) is None:
        _refuse("subject_request_id", _NO_UUID)
    return UUID(text)


def _refuse(field_: str, problem: str) -> NoReturn:
    raise RefusedError([Fault(field_, problem)])


def _read_json(body: bytes) -> tuple[Any, bytes]:
    """Parse JSON that means the same to every reader (UTF-8, no duplicate keys, no NaN); returns it with a canonical
    form. Raises RefusedError."""
    if len(body) > LONGEST_BODY:
        _refuse("", f"is longer than {LONGEST_BODY:,} bytes: send one request at a time")
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
        return document, json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number of thousands of digits, or nested too deep
        raise RefusedError(
            [Fault("", "is not JSON in UTF-8: send one JSON object")]
        ) from None  # its own error quotes the body


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Readers differ in which one counts, and the other one might be an identity that is not erased then.
        _refuse("", "has a key twice in one object: give it once")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not JSON")


_UUID_V4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NO_UUID = "must be a UUID of version 4 in lower case"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


def _to_uuid(given: object) -> UUID:
    if not isinstance(given, str) or _UUID_V4.fullmatch(given) is None:
        raise PydanticCustomError("uuid", _NO_UUID)
    return UUID(given)


def _to_time(given: object) -> datetime:
    try:
        if not isinstance(given, str) or _TIME.fullmatch(given) is None:
            raise ValueError
        moment = datetime.fromisoformat(given.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or outside of the calendar
        raise PydanticCustomError("time", "must be an RFC 3339 time, such as 2026-05-25T00:00:00Z") from None
    return refuse_far(moment)


def _to_regulation(given: object) -> Regulation:
    if not isinstance(given, str) or given not in set(Regulation):
        raise PydanticCustomError("unknown", f"must be one of {', '.join(Regulation)}")
    return Regulation(given)


def _check_type(text: str) -> str:
    if text in {"access", "portability"}:
        raise PydanticCustomError("unsupported", "is not supported here: only erasure is")
    if text != "erasure":
        raise PydanticCustomError("unknown", "must be erasure")
    return text


def _check_format(text: str) -> str:
    if text in {"sha1", "md5", "sha256"}:
        raise PydanticCustomError("hashed", "is not supported: by a hash nobody can be found, send the raw value")
    if text != "raw":
        raise PydanticCustomError("unknown", "must be raw")
    return text


class _Shape(BaseModel):
    # Additions of a later version of the specification are no reason to refuse an erasure.
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class _Asked(_Shape):
    """The whole request (section 7.1.1)."""

    regulation: Annotated[Regulation, BeforeValidator(_to_regulation)]
    subject_request_id: Annotated[UUID, BeforeValidator(_to_uuid)]
    subject_request_type: Annotated[str, AfterValidator(_check_type)]
    submitted_time: Annotated[datetime, BeforeValidator(_to_time)]
    subject_identities: JsonValue = None
    api_version: str | None = None
    status_callback_urls: (
        Annotated[list[Annotated[str, StringConstraints(max_length=2_000)]], Field(max_length=MOST_CALLBACKS)] | None
    ) = None
    group_id: Annotated[Text, StringConstraints(max_length=LONGEST_GROUP)] | None = None
    extensions: dict[str, JsonValue] | None = None


class _Extension(_Shape):
    """The extension under our own domain. Unknown fields can only be meant for us, so they are refused."""

    model_config = ConfigDict(extra="forbid")

    request_kind: Literal["erasure", "opt_out", "opt_in"] = "erasure"
    accept_unreachable: Annotated[bool, Field(strict=True)] = False
    subject_identities: JsonValue = None


def _extension(extensions: dict[str, JsonValue], domain: str) -> _Extension:
    for name, block in extensions.items():
        if name != domain and isinstance(block, dict) and REQUEST_KIND in block:
            # Other processors' extensions are ignored, but an opt-out must not become an erasure because our domain was
            # misspelt.
            _refuse(f"extensions.(a key).{REQUEST_KIND}", f"is read under extensions.{domain} only")
    ours = extensions.get(domain)
    try:
        return _Extension.model_validate({} if ours is None else ours)
    except ValidationError as error:
        raise RefusedError(_faults(error, f"extensions.{domain}")) from None


class _Listed(_Shape):
    identity_type: str
    identity_value: str | None
    identity_format: Annotated[str, AfterValidator(_check_format)]


class _Keyed(_Shape):
    value: str | None
    encoding: Annotated[str, AfterValidator(_check_format)]


_LISTED: TypeAdapter[list[_Listed] | None] = TypeAdapter(list[_Listed] | None)
_KEYED: TypeAdapter[dict[str, _Keyed] | None] = TypeAdapter(dict[str, _Keyed] | None)


def _identities(given: JsonValue, version: Version, path: str) -> list[Identity]:
    if isinstance(given, list | dict) and len(given) > MOST_IDENTITIES:
        _refuse(path, f"has more than {MOST_IDENTITIES} identities")
    try:
        if version is Version.V2:
            return [
                Identity(
                    one.identity_type, one.identity_value or "", f"{path}.{place}", f"{path}.{place}.identity_value"
                )
                for place, one in enumerate(_LISTED.validate_python(given) or ())
            ]
        keyed = _KEYED.validate_python(given) or {}
        places = {type_: f"{path}.{shown(type_)}" for type_ in keyed}
        return [
            Identity(type_, one.value or "", places[type_], f"{places[type_]}.value") for type_, one in keyed.items()
        ]
    except ValidationError as error:
        raise RefusedError(_faults(error, path)) from None


def _faults(error: ValidationError, *path: str) -> list[Fault]:
    """The faults, with their paths; `path` is the prefix."""
    found = error.errors(include_input=False, include_url=False)
    return [Fault(".".join([*path, *map(shown, one["loc"])]), problem_of(one, PROBLEMS)) for one in found]
