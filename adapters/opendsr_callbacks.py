"""OpenDSR status callbacks: the specification's body (8.6), signed by us."""

from pydantic_core import to_json

from adapters.callbacks import Letter
from domain.notices import Notice
from domain.opendsr import callback_body, state_at
from domain.signing import Signer


def format_letter(notice: Notice, url: str, signer: Signer) -> Letter:
    """Headers and body of a callback to the controller at `url` about this change."""
    body = to_json(callback_body(state_at(notice), url, signer.domain))
    return Letter({"Content-Type": "application/json", **signer.headers(body)}, body)
