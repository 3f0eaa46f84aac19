"""An answer over HTTP, for the API and the console alike."""

from typing import NamedTuple
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from answers.choices import Form, Reader
from answers.facts import Facts
from answers.html import policy
from answers.pdf import NoPdfError
from answers.reading import NoAnswerError, NoSuchPersonError, facts_of, facts_of_person
from answers.rendering import MEDIA_TYPES, Style, file_name, render
from intake.access.roles import Principal
from ledger.desk.deeds import submitter_of
from web.context import Context
from web.problems import Problem, no_such_request, refuse_others


class Asked(NamedTuple):
    """Which answer: to a request or to the person on a line of it, and how."""

    request_id: UUID
    line: int | None
    style: Style


async def answer_to(request: Request, context: Context, principal: Principal, asked: Asked) -> Response:
    """The answer. That somebody read a person's is put on record. Raises Problem."""
    request.state.target, request.state.kept = str(asked.request_id), asked.line is not None
    style = asked.style._replace(sender=context.settings.answer_sender)

    def make() -> tuple[Facts, bytes]:
        facts = _read(request, context, principal, asked)
        return facts, render(facts, style)

    try:
        facts, made = await context.reads.run(make)
    except NoPdfError as error:
        raise Problem(409, "no-pdf", f"{error}; HTML and JSON work without it") from None
    except NoSuchPersonError as error:
        raise Problem(404, "no-such-person", str(error)) from None
    except NoAnswerError as error:
        raise Problem(409, "no-answer", str(error)) from None
    headers = {"Content-Language": style.language.value}
    if style.form is Form.HTML:
        headers |= {"Content-Security-Policy": policy(), "X-Frame-Options": "DENY"}
    else:
        headers["Content-Disposition"] = f'attachment; filename="{file_name(facts, style)}"'
    return Response(made, headers=headers, media_type=MEDIA_TYPES[style.form])


def _read(request: Request, context: Context, principal: Principal, asked: Asked) -> Facts:
    deeds = asked.style.reader is Reader.REGULATOR
    with context.engine.connect() as connection:
        submitter = submitter_of(connection, asked.request_id)
        if submitter is None:
            raise no_such_request()
        refuse_others(request, asked.request_id, sees_only=principal.sees_only, submitted_by=submitter)
        if asked.line is None:
            facts = facts_of(connection, asked.request_id, deeds=deeds)
        else:
            facts = facts_of_person(connection, context.masters, asked.request_id, asked.line, deeds=deeds)
    if facts is None:
        raise no_such_request()
    return facts
