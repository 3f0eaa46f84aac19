"""A dropped file: what is in it, mapped by clicking, and submitted or discarded."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from domain.counted import counted
from domain.noticed import Noticed
from intake.files.hints import HintError
from intake.files.reader import read_people
from ledger.delivery.vendors import Vendor
from ledger.requests import drafts
from ledger.requests.drafts import Draft, DraftBusyError, DraftFile, DraftGoneError
from tasks.submission import Submission, SubmitError
from tasks.submit import Receipt
from web.console import words
from web.console.draft_page import draft_page
from web.console.draft_reading import bounds_of, hints_of, keep_map, looked_at
from web.console.draft_state import HOW, KEEP_AS, STATE, State, told_anew
from web.console.forms import MOST_FIELDS, read_form
from web.console.long_work import UnderWayError, long_work_of
from web.console.pages import go_to, page
from web.console.request_options import Wrong, option_fields, read_options, vendors_on
from web.console.routing import page_router
from web.context import Context
from web.dependencies import Submitter, TheContext
from web.problems import Problem

router = page_router()
LOOK_AGAIN = "You changed how the file is read. Look at it once more, then submit it."
T = TypeVar("T")


@router.get("/drafts/{draft_id}")
async def look(request: Request, draft_id: UUID, context: TheContext, principal: Submitter) -> Response:
    """What is in the file, read as its page says."""
    draft, known = await _found(context, draft_id, principal.name)
    if draft.request is not None:
        return go_to(request, f"/requests/{draft.request}")
    work, kept = long_work_of(request), STATE.validate_json(draft.state)
    if work.knows(draft_id):
        return await _outcome(request, context, draft, record=_not_begun)

    async def read() -> tuple[State, list[Wrong]]:
        return await context.previews.run(lambda: looked_at(context, draft, kept), who=principal.name)

    try:
        state, wrong = await work.result((draft_id, draft.state), read)
    except UnderWayError:
        return _waits(request, draft, "read")
    except DraftGoneError:
        raise _gone() from None
    return draft_page(request, context, draft, state, known, wrong=wrong)


@router.post("/drafts/{draft_id}/reading")
async def read_otherwise(request: Request, draft_id: UUID, context: TheContext, principal: Submitter) -> Response:
    """Say how the file is to be read; its page then shows what is in it, read so."""
    draft, known = await _found(context, draft_id, principal.name)
    request.state.audited = True  # nothing is submitted, and nobody else sees it
    if draft.request is None:
        state = STATE.validate_json(draft.state)
        await _keep(context, principal.name, draft, told_anew(state, await _given(request, state, known)))
    return go_to(request, f"/drafts/{draft_id}")


@router.post("/drafts/{draft_id}/discard")
async def discard(request: Request, draft_id: UUID, context: TheContext, principal: Submitter) -> Response:
    """Destroy a file that is not to be submitted."""
    await read_form(request)
    draft, _ = await _found(context, draft_id, principal.name)
    request.state.target = str(draft_id)

    def destroy() -> None:
        with context.engine.begin() as connection:
            drafts.discard(connection, draft)

    try:
        await _work(context, principal.name, destroy)
    except DraftBusyError:
        return _being_submitted(request)
    return go_to(request, "/new/file", "The file is destroyed. Nothing was submitted.")


@router.post("/drafts/{draft_id}/submit")
async def submit(request: Request, draft_id: UUID, context: TheContext, principal: Submitter) -> Response:
    """Record the request and destroy the draft, both or neither. Sent twice, it makes one request."""
    draft, known = await _found(context, draft_id, principal.name)
    request.state.audited = True  # until something is recorded
    if draft.request is not None:
        return _on_record_already(request, draft.request)
    before = STATE.validate_json(draft.state)
    given = await _given(request, before, known)
    state = told_anew(before, given)
    if state.check is None:
        await _keep(context, principal.name, draft, state)
        return go_to(request, f"/drafts/{draft_id}", LOOK_AGAIN)
    noticed = Noticed()
    submission, wrong = read_options(request, given, known, principal.name, noticed)
    if submission is None or state.check.faults_total:
        return draft_page(request, context, draft, state, known, wrong=wrong)
    asked, began = submission, not long_work_of(request).knows(draft_id)

    async def record() -> Receipt:
        return await context.previews.run(lambda: _record(context, draft, state, asked), who=principal.name)

    return await _outcome(request, context, draft, record=record, began=began)


async def _outcome(
    request: Request,
    context: Context,
    draft: Draft,
    *,
    record: Callable[[], Awaitable[Receipt]],
    began: bool = False,
) -> Response:
    """The answer to a submission. Who sends it twice gets the same one; one that `began` it is in the audit log."""
    request.state.target, request.state.because = str(draft.public_id), f"a dropped file of {draft.size:,} bytes"
    try:
        recorded = (await long_work_of(request).result(draft.public_id, record)).recorded
    except UnderWayError:
        request.state.audited = not began
        return _waits(request, draft, "submitted")
    except HintError as error:
        return await _refused(request, context, draft, Wrong(KEEP_AS, str(error).partition(": ")[2]))
    except SubmitError as error:
        return await _refused(request, context, draft, Wrong("", f"{error}; nothing was recorded"))
    except DraftBusyError:
        return _being_submitted(request)
    except DraftGoneError:
        now, _ = await _found(context, draft.public_id, draft.created_by)
        return _on_record_already(request, now.request)
    request.state.audited = not began
    request.state.target = str(recorded.public_id)
    request.state.because += f": {counted(recorded.people, 'person', 'people')}"
    waits = " Nothing is sent until a second person lets it run." if recorded.unconfirmed else ""
    warns = f" {recorded.erased_before}." if recorded.erased_before else ""
    return go_to(request, f"/requests/{recorded.public_id}", f"The request is on record.{waits}{warns}")


async def _refused(request: Request, context: Context, draft: Draft, wrong: Wrong) -> Response:
    """Its page with what was filled in, which was kept as the submission began: perhaps after this draft was read."""
    now, known = await _found(context, draft.public_id, draft.created_by)
    return draft_page(request, context, now, STATE.validate_json(now.state), known, wrong=[wrong])


def _waits(request: Request, draft: Draft, what: str) -> Response:
    """Says that a large file is under way. It looks again by itself, with JavaScript and without it."""
    if request.method == "POST":
        return go_to(request, f"/drafts/{draft.public_id}")
    part = bool(request.headers.get("hx-request"))
    response = page(request, "draft_waits.html", here="/new/file", draft=draft, what=what, again=part)
    response.headers["Refresh"] = "2"
    return response


async def _not_begun() -> Receipt:
    raise DraftGoneError


def _record(context: Context, draft: Draft, state: State, submission: Submission) -> Receipt:
    with context.engine.begin() as connection:
        drafts.keep_state(connection, draft, state.as_bytes())  # for the page that says why it cannot be recorded
    keep_map(state, context.settings)
    hints = hints_of(state, context.settings)
    also = replace(submission, also=lambda connection, _, made, __: drafts.submitted(connection, draft, made))
    file = DraftFile(context.engine, draft)
    return context.submit_now(also, read_people(file, submission.noticed, hints, bounds_of(context.settings)))


def _being_submitted(request: Request) -> Response:
    return go_to(request, "/requests", "This file is being submitted at this moment. Its request will be here.")


def _on_record_already(request: Request, request_id: UUID | None) -> Response:
    if request_id is None:
        raise _gone()
    return go_to(request, f"/requests/{request_id}", "The request was on record already.")


async def _found(context: Context, draft_id: UUID, by: str) -> tuple[Draft, list[Vendor]]:
    """The draft, and the vendors that are on. Raises Problem where this person has no such draft."""

    def find() -> Draft | None:
        with context.engine.connect() as connection:
            return drafts.find(connection, draft_id, by=by, masters=context.masters)

    draft = await context.reads.run(find)
    if draft is None:
        raise _gone()
    return draft, await context.reads.run(lambda: vendors_on(context))


async def _given(request: Request, state: State, known: Sequence[Vendor]) -> Mapping[str, str]:
    columns = [one.field for one in state.columns]
    fields = [*HOW, KEEP_AS, *option_fields(known), *columns]
    given = await read_form(request, *dict.fromkeys(fields), most_fields=MOST_FIELDS + len(fields))
    if given["kind"] not in words.KINDS:
        raise Problem.unusable("say what is asked for; nothing was done")
    return given


async def _keep(context: Context, by: str, draft: Draft, state: State) -> None:
    def keep() -> None:
        with context.engine.begin() as connection:
            drafts.keep_state(connection, draft, state.as_bytes())

    await _work(context, by, keep)


async def _work(context: Context, by: str, work: Callable[[], T]) -> T:
    try:
        return await context.previews.run(work, who=by)
    except DraftGoneError:
        raise _gone() from None


def _gone() -> Problem:
    """A stranger's draft is answered like none."""
    return Problem(
        404, "no-such-draft", "there is no such file here: it was submitted or discarded, or its hour is over"
    )
