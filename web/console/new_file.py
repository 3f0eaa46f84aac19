"""A file is dropped into the console: taken in sealed, as its creator's draft."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from intake.files import saved_maps
from ledger.requests import drafts
from ledger.requests.drafts import Draft, DraftsTooLargeError, EmptyFileError, TooManyDraftsError
from web.console import words
from web.console.draft_state import HOW, KEEP_AS, State
from web.console.file_form import FIELDS_BYTES, FileForm, boundary_of
from web.console.forms import TOKEN, check_token
from web.console.pages import go_to, page
from web.console.request_options import AT, vendors_on
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Submitter, TheContext
from web.pool import BusyError
from web.problems import Problem
from web.upload_stream import Upload, UploadCutError, allow_file

router = page_router()
FIRST = ("kind", "region", "map_as", "others")
"""What is said of a file when it is dropped."""


class RefusedError(Exception):
    """The file is not taken; the message says why and what to do."""


@router.get("/new/file")
async def show(request: Request, context: TheContext, principal: Submitter) -> Response:
    """The form for a file, and the files of this person that were not submitted yet."""
    region = context.settings.phone_region or ""
    return await _form(request, context, principal.name, {**dict.fromkeys(FIRST, ""), "region": region})


@router.post("/new/file")
async def receive(request: Request, context: TheContext, principal: Submitter) -> Response:
    """Seal a file while it arrives, and lead to what is in it. Nothing is submitted by that."""
    boundary = boundary_of(request)
    allow_file(request, context.settings.upload_max_bytes + FIELDS_BYTES)
    body, given = Upload(request), dict.fromkeys(FIRST, "")

    def store() -> Draft:
        form = FileForm(body.file, boundary)
        given.update(_checked(request, form.fields))
        return _store(context, form, given, principal.name)

    try:
        work = context.uploads.run(store, who=principal.name)
        draft = await _in_words(work, context.settings.upload_max_bytes)
    except RefusedError as error:
        request.state.audited = True  # nothing was kept
        return await _form(request, context, principal.name, given, str(error))
    except UploadCutError:
        return Response(status_code=499)  # nobody reads it
    finally:
        body.cut()
    request.state.target, request.state.because = str(draft.public_id), f"{draft.size:,} bytes"
    return go_to(request, f"/drafts/{draft.public_id}")


def _checked(request: Request, sent: Mapping[str, str]) -> Mapping[str, str]:
    fields = dict(sent)
    check_token(request, fields.pop(TOKEN, ""))
    if not fields.keys() <= {*FIRST} or fields.get("kind") not in words.KINDS:
        raise Problem.unusable("the form is not as our page sends it; nothing was kept")
    return fields


def _store(context: Context, form: FileForm, given: Mapping[str, str], by: str) -> Draft:
    on = {AT + one.name: "on" for one in vendors_on(context)}
    state = State({**dict.fromkeys((*HOW, KEEP_AS), ""), **given, **on})
    with context.engine.begin() as connection:
        return drafts.store(
            connection,
            form,
            by=by,
            state=state.as_bytes(),
            masters=context.masters,
            most_bytes=context.settings.upload_max_bytes,
        )


async def _in_words(work: Awaitable[Draft], most: int) -> Draft:
    """The draft. Raises RefusedError in place of what has an answer on the page."""
    try:
        return await work
    except BusyError:
        why = "as many files as can be, or as one person may send, are on their way: try again in a minute"
    except EmptyFileError:
        why = "choose a file that has something in it"
    except TooManyDraftsError:
        why = f"you have {drafts.MOST_OF_ONE} files here that are not submitted: submit or discard one first"
    except (DraftsTooLargeError, Problem) as error:
        if isinstance(error, Problem) and error.kind != "too-large":
            raise
        why = (
            f"the file is too large: with your other files here it may have {most:,} bytes (CONSENT_UPLOAD_MAX_BYTES); "
            "give it in parts, or delete columns that are not needed"
        )
    raise RefusedError(why)


async def _form(request: Request, context: Context, by: str, given: Mapping[str, str], problem: str = "") -> Response:
    def own() -> list[tuple[UUID, int, datetime]]:
        with context.engine.connect() as connection:
            return drafts.drafts_of(connection, by)

    return page(
        request,
        "new_file.html",
        status=422 if problem else 200,
        given=given,
        wrong={"file": problem} if problem else {},
        kinds=words.KINDS,
        maps=saved_maps.names(context.settings.data_dir),
        own=await context.reads.run(own),
        most=context.settings.upload_max_bytes,
    )
