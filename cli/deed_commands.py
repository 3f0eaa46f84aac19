"""The commands that show what needs a person, and act on requests on record."""

from typing import Annotated

import typer

from cli.choice import AtVendor, Chosen, WithReason, choosing
from cli.file_options import Given, reading_a_file
from cli.options import AllowPlaceholder, AsJson, Because, OneReason, OneVendor, RequestId
from intake.exit_codes import Ending

NoReason = Annotated[str | None, typer.Option("--reason", metavar="REASON", hidden=True)]
ThoughOwn = Annotated[bool, typer.Option("--yes", help="though you submitted it yourself, and do not ask first")]


def attention(
    request_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="only this request")] = None,
    vendor: OneVendor = None,
    reason: OneReason = None,
    as_json: AsJson = False,
) -> Ending:
    """Show what needs a person, and what to do about it."""
    from cli import attention as waiting

    return waiting.show_attention(request_id, vendor=vendor, reason=reason, as_json=as_json)


@choosing()
def retry(*, request_id: str | None, chosen: Chosen, as_json: AsJson = False) -> Ending:
    """Deliver again what needs action or is exhausted.

    Deliveries that were refused, or that wait for a decision about another wish of the person, need --reason. --reason
    superseded compares superseded deliveries with the newer wishes again.

    For one request, or for all that --all, --vendor, --reason, --kind and --received-before choose together. Exit 1 if
    some cannot be sent without a fresh session of the person, or without an identifier.
    """
    from cli import attention as waiting
    from cli import selections

    if selections.is_selection(request_id, chosen, "--vendor", "--reason"):
        return selections.do_to_selection(selections.Deed.RETRY, chosen, as_json=as_json)
    return waiting.retry(request_id, vendor=chosen.vendor, reason=chosen.reason, as_json=as_json)


@reading_a_file
def provide(
    request_id: RequestId,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="people with what was missing, in any form that `submit` takes; or -")
    ],
    given: Given,
    allow_placeholder: AllowPlaceholder = None,
    as_json: AsJson = False,
) -> Ending:
    """Give waiting people what they lack, and deliver again.

    A fresh session, or an identifier. All of the file, or nothing.
    """
    from cli import attention as waiting

    return waiting.provide(request_id, file, given, allow=allow_placeholder or (), as_json=as_json)


@choosing()
def close(*, request_id: str | None, chosen: Chosen, because: Because, as_json: AsJson = False) -> Ending:
    """Settle by hand what needs a person.

    It becomes `cancelled`, and who did it and why is kept. For one request at one vendor, or for all requests that
    --all, --vendor, --reason, --kind and --received-before choose together.
    """
    from cli import attention as waiting
    from cli import selections

    if selections.is_selection(request_id, chosen, "--vendor", "--reason"):
        text = waiting.check_text(because)
        return selections.do_to_selection(selections.Deed.CLOSE, chosen, because=text, as_json=as_json)
    if chosen.vendor is None:
        raise typer.BadParameter("for one request, name the vendor: --vendor")
    return waiting.close(request_id, vendor=chosen.vendor, reason=chosen.reason, because=because, as_json=as_json)


def accept(request_id: RequestId, because: Because, vendor: OneVendor = None, as_json: AsJson = False) -> Ending:
    """Accept that some people cannot be found.

    At one vendor, or at all: they stay `unreachable`, and no longer need attention.
    The request still counts as completed with exceptions. Who accepted it and why is kept.
    """
    from cli import attention as waiting

    return waiting.accept(request_id, vendor=vendor, because=because, as_json=as_json)


@choosing(vendor=AtVendor, reason=NoReason, yes=ThoughOwn)
def confirm(*, request_id: str | None, chosen: Chosen, as_json: AsJson = False) -> Ending:
    """Let a large request run that somebody else submitted.

    Or all that --all, --vendor, --kind and --received-before choose together. Exit 1 if some were left out because you
    submitted them yourself.
    """
    from cli import decisions, selections

    if selections.is_selection(request_id, chosen):
        return selections.do_to_selection(selections.Deed.CONFIRM, chosen, own=chosen.yes, as_json=as_json)
    return decisions.confirm(request_id, own=chosen.yes, as_json=as_json)


@choosing(vendor=AtVendor, reason=WithReason)
def cancel(*, request_id: str | None, chosen: Chosen, as_json: AsJson = False) -> Ending:
    """Cancel what was not sent yet, and print what was.

    For one request, or for all that --all, --vendor, --reason, --kind and --received-before choose together: each is
    cancelled at every vendor.
    """
    from cli import decisions, selections

    if selections.is_selection(request_id, chosen):
        return selections.do_to_selection(selections.Deed.CANCEL, chosen, as_json=as_json)
    return decisions.cancel(request_id, as_json=as_json)


def forget(
    request_id: RequestId,
    because: Because,
    sure: Annotated[bool, typer.Option("--yes", help="do not ask first")] = False,
    as_json: AsJson = False,
) -> Ending:
    """Forget the people of a request that has ended.

    Now and for good: nobody can read or find them any more. How many ended how stays on record.
    """
    from cli import decisions

    return decisions.forget(request_id, because=because, yes=sure, as_json=as_json)


def extend(
    request_id: RequestId,
    because: Because,
    months: Annotated[int | None, typer.Option(min=1, help="months in total, beyond the original date")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="days in total, beyond the original date")] = None,
    as_json: AsJson = False,
) -> Ending:
    """Extend a request's due date.

    As far as its regulation allows, and before the original date.
    """
    from cli import decisions

    return decisions.extend(request_id, months=months, days=days, because=because, as_json=as_json)
