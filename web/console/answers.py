"""The answer to a request, made from its page: a page to print, or a PDF."""

from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from answers.catalogue import catalogue
from answers.choices import Form, Language, Reader
from answers.pdf import HOW_TO_INSTALL, can_make_pdf
from answers.rendering import Style
from web.answers import Asked, answer_to
from web.console.routing import page_router
from web.dependencies import SubmitterOrReader, TheContext

router = page_router()
CHOICES = SimpleNamespace(
    languages=[(language.value, catalogue(language).say("language", "name")) for language in Language],
    readers=[(Reader.PERSON.value, "The person"), (Reader.REGULATOR.value, "A supervisory authority")],
    pdf=can_make_pdf(),
    how_to_have_pdf=HOW_TO_INSTALL,
)
"""What the form on the page of a request offers."""


@router.get("/requests/{request_id}/answer")
async def show(
    request: Request,
    request_id: UUID,
    context: TheContext,
    principal: SubmitterOrReader,
    *,
    line: Annotated[str, Query(pattern=r"^([1-9][0-9]{0,8})?$")] = "",
    lang: Language = Language.ENGLISH,
    reader: Annotated[Reader, Query(alias="for")] = Reader.PERSON,
    form: Annotated[Form, Query(alias="format")] = Form.HTML,
) -> Response:
    """The answer, to be printed or saved; a person's is put on record."""
    asked = Asked(request_id, int(line) if line else None, Style(reader, lang, form))
    return await answer_to(request, context, principal, asked)
