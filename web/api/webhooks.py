"""Receivers of changes of status: how each stands, and a test message to one."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from config.webhooks import NAME
from intake import receivers as trying
from intake.receivers import UnknownReceiverError
from ledger.notices.receivers import ReceiverState, receiver_states
from web.api.models import RECEIVED, Moment, examples
from web.dependencies import Manager, Reader, TheContext
from web.problems import Problem

_RECEIVER = {
    "receiver": "crm",
    "host": "crm.example.org",
    "enabled": True,
    "waiting": 2,
    "failing": 1,
    "oldest": RECEIVED,
    "given_up": 0,
    "failure": "refused",
    "answer": 503,
}
_TRIED = {"taken": False, "failure": "refused", "answer": 503, "said": "it answered, and not with yes"}


class WebhookReceiver(BaseModel):
    """A receiver, and what waits for it."""

    model_config = examples(_RECEIVER)
    receiver: str | None = Field(description="its name in the settings; null: it came with requests")
    host: str
    enabled: bool
    waiting: int
    failing: int = Field(description="how many of those waiting have failed at least once")
    oldest: Moment | None
    given_up: int
    failure: str | None
    answer: int | None = Field(description="the HTTP status of the newest failure, if one came")


class WebhookReceivers(BaseModel):
    """Every receiver."""

    model_config = examples({"receivers": [_RECEIVER]})
    receivers: list[WebhookReceiver]


class WebhookTried(BaseModel):
    """What came of a test message."""

    model_config = examples(_TRIED)
    taken: bool
    failure: str | None
    answer: int | None
    said: str = Field(description="the same in words")


router = APIRouter(tags=["webhooks"])
ReceiverName = Annotated[str, Path(pattern=f"^{NAME.pattern}$")]


@router.get("/v1/webhooks", summary="Who is told of changes of status")
async def show(context: TheContext, _: Reader) -> WebhookReceivers:
    """Every receiver of the operator's, and every host with messages that wait or were given up."""

    def find() -> list[ReceiverState]:
        with context.engine.connect() as connection:
            return receiver_states(connection)

    found = await context.reads.run(find)
    return WebhookReceivers(receivers=[WebhookReceiver(**one._asdict()) for one in found])


@router.post("/v1/webhooks/{name}/test", summary="Send a receiver a test message")
async def try_out(request: Request, name: ReceiverName, context: TheContext, _: Manager) -> WebhookTried:
    """Sends a signed message of type `webhook.test` now, once, and says what came of it, within 15 seconds."""
    request.state.target = name
    try:
        result = await trying.try_out(context.settings, name)
    except UnknownReceiverError as error:
        raise Problem(404, "no-such-receiver", str(error)) from None
    said = trying.say_result(result)
    return WebhookTried(taken=result.failure is None, failure=result.failure, answer=result.answer, said=said)
