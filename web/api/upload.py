"""Uploads a file of people: streamed into one transaction, so that all of it is recorded or nothing."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from domain.moments import GivenDayOrMoment, GivenMoment
from domain.noticed import Noticed
from domain.regulations import Regulation
from domain.requests import Kind
from intake.files.reader import read_people
from intake.files.reading import Bounds
from tasks import submit
from tasks.submission import Submission
from web.api.file_hints import FileHints
from web.api.models import VendorName
from web.api.requests import ACCEPTING, CALLED, IdempotencyKey, Receipt, answer, own_key
from web.bodies import fault, media_type, refuse_encoded
from web.dependencies import Submitter, TheContext
from web.origin import origin_of
from web.pool import BusyError
from web.problems import Problem
from web.upload_stream import Upload, UploadCutError, allow_file

router = APIRouter(tags=["requests"])
NO_FILE = ("", "multipart/form-data", "application/x-www-form-urlencoded")
"""Media types of bodies that are no file. Of all others the content is looked at."""
EXAMPLES = {
    "application/x-ndjson": '{"user_id": "u-1", "email": "a@example.org"}\n{"user_id": "u-2"}\n',
    "text/csv": "user_id,email,akinon.session_id\nu-1,a@example.org,\n",
    "text/tab-separated-values": "user_id\temail\nu-1\ta@example.org\n",
    "application/json": '[{"user_id": "u-1", "email": "a@example.org"}, {"user_id": "u-2"}]',
}
BINARY = {
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "a workbook (.xlsx)",
    "application/vnd.oasis.opendocument.spreadsheet": "a workbook (.ods)",
    "application/gzip": "any of the text files, compressed",
}
"""Bodies that are no text, and what is in them."""
BODY = {
    "requestBody": {
        "required": True,
        "description": "A file of people; what it is is told by its content, whichever of these the media type is. CSV "
        "may be separated by commas, semicolons, tabs or pipes, in UTF-8 or UTF-16.",
        "content": {
            **{form: {"schema": {"type": "string"}, "example": text} for form, text in EXAMPLES.items()},
            **{
                form: {"schema": {"type": "string", "format": "binary", "description": says}}
                for form, says in BINARY.items()
            },
        },
    }
}


@router.post(
    "/v1/requests/upload",
    status_code=201,
    summary="Submit a request for up to millions of people",
    response_model=Receipt,
    responses={200: {"model": Receipt, "description": "submitted before"}},
    openapi_extra=BODY,
)
async def upload(
    request: Request,
    context: TheContext,
    principal: Submitter,
    *,
    kind: Kind,
    vendors: Annotated[list[VendorName], Query(max_length=50, description="only these; else all switched on")] = [],  # noqa: B006 - FastAPI copies it
    options: Annotated[str | None, Query(max_length=4_000, description="JSON, by vendor")] = None,
    asked_at: GivenDayOrMoment | None = None,
    effective_at: GivenDayOrMoment | None = None,
    regulation: Regulation | None = None,
    not_before: GivenMoment | None = None,
    accept_unreachable: Annotated[bool, Query(description=ACCEPTING)] = False,
    allow_placeholders: Annotated[
        str | None,
        Header(max_length=8_000, description='JSON, as the field of this name: {"user_id": ["1"]}; not in the URL'),
    ] = None,
    reference: Annotated[str | None, Header(max_length=200, description=f"{CALLED}; not in the URL")] = None,
    idempotency_key: IdempotencyKey = None,
    hints: FileHints,
) -> Response:
    """A file of people: CSV, a workbook (.xlsx, .ods), NDJSON or a JSON array; what it is is told by its content. A
    client that disconnects half-way leaves nothing."""
    refuse_encoded(request)
    if media_type(request) in NO_FILE:
        raise Problem(
            415,
            "not-a-table",
            f"send the file as the body, not a form, with a Content-Type: {', '.join([*EXAMPLES, *BINARY])}",
        )
    submission = Submission(
        kind,
        tuple(vendors),
        _options(options),
        idempotency_key=own_key(principal, idempotency_key),
        submitted_by=principal.name,
        origin=origin_of(request.scope),
        asked_at=asked_at,
        effective_at=effective_at,
        regulation=regulation,
        not_before=not_before,
        accept_unreachable=accept_unreachable,
        reference=reference,
        noticed=_noticed(allow_placeholders),
    )
    allow_file(request, context.settings.upload_max_bytes)
    bounds = Bounds(context.settings.upload_max_bytes, context.settings.max_workbook_bytes)
    body = Upload(request)

    def record() -> submit.Receipt:
        return context.submit_now(submission, read_people(body.file, submission.noticed, hints, bounds))

    try:
        return answer(request, await context.uploads.run(record, who=principal.name), submission.noticed)
    except BusyError:
        message = "as many uploads as can be, or as one key may have, are under way; nothing of this one was recorded"
        raise Problem(429, "busy", message, headers={"Retry-After": "10"}) from None
    except UploadCutError:
        return Response(status_code=499)  # nobody reads it
    finally:
        body.cut()


_ALLOWED: TypeAdapter[dict[str, list[str]]] = TypeAdapter(dict[str, list[str]])


def _noticed(allowed: str | None) -> Noticed:
    noticed = Noticed()
    if allowed is not None:
        try:
            noticed.allow(_ALLOWED.validate_json(allowed))
        except ValueError as error:  # pydantic's own is a ValueError too, and quotes what was given
            message = str(error) if not isinstance(error, ValidationError) else 'must be JSON, as {"user_id": ["1"]}'
            found = [fault("header.Allow-Placeholders", message)]
            raise Problem.unusable("what is allowed cannot be understood; nothing was recorded", found) from None
    return noticed


def _options(text: str | None) -> dict[str, dict[str, object]]:
    if text is None:
        return {}
    try:
        options = from_json(text, allow_inf_nan=False)
    except ValueError:
        options = None
    if not (isinstance(options, dict) and all(isinstance(block, dict) for block in options.values())):
        found = [fault("options", 'must be a JSON object by vendor, as {"insider": {…}}')]
        raise Problem.unusable("the options cannot be understood; nothing was recorded", found)
    return options
