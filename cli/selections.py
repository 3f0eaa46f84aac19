"""`consent retry|close|cancel|confirm` over a selection: one deed, done by this process. If it is killed, the workers
continue."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import typer
from typing_extensions import TypeIs

from cli.attention import check_reason, say_unreachable, say_without_session
from cli.choice import Chosen
from cli.given import read_moment, unusable
from cli.os_user import who
from cli.submit import waker
from domain.counted import counted, counted_deliveries
from domain.requests import Kind
from intake.exit_codes import Ending, note
from intake.stack import Surroundings, surroundings
from tasks import selections
from tasks.selections import Criteria, Deed, Done, Extent, Order, Progress, UnusableOrderError

__all__ = ["Deed", "do_to_selection", "is_selection"]

TOLD_EVERY_S = 1.0


def is_selection(request_id: str | None, chosen: Chosen, *narrows: str) -> TypeIs[None]:
    """Whether requests are chosen by options, and none by ID. `narrows`: options that also narrow what is done to a
    named request. Raises CommandError where neither is given, or both."""
    options = {
        "--all": chosen.everything,
        "--vendor": chosen.vendor,
        "--reason": chosen.reason,
        "--kind": chosen.kind,
        "--received-before": chosen.received_before,
    }
    if request_id is None:
        if not any(options.values()):
            raise unusable(f"give the ID of a request, or choose among all of them: {', '.join(options)}")
        return True
    both = [name for name, value in {**options, "--dry-run": chosen.dry_run}.items() if value and name not in narrows]
    if both:
        raise unusable(f"{', '.join(both)} choose among all requests: leave them out, or the ID")
    return False


def do_to_selection(
    deed: Deed, chosen: Chosen, *, because: str | None = None, own: bool = False, as_json: bool
) -> Ending:
    """Do the deed, and print the result. With a dry run, or when a person at a terminal does not say yes, only print
    the extent. Raises CommandError."""
    order = Order(deed, _criteria(deed, chosen, own=own), because)
    with surroundings() as here, _refusals():
        if chosen.dry_run:
            _print_extent(selections.extent(here.engine, order, who()), deed, as_json=as_json)
            return Ending.DONE
        if not (chosen.yes or own) and is_at_terminal():
            found = selections.extent(here.engine, order, who())
            note(_extent_in_words(found, deed))
            if not typer.confirm("go on?", err=True):
                note("nothing was done")
                return Ending.EXCEPTIONS
        progress = _work(here, selections.begin(here.engine, order, who()))
    _print_done(progress, as_json=as_json)
    done = progress.done
    return Ending.EXCEPTIONS if done.own or done.without_session or done.unreachable else Ending.DONE


def is_at_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


def _criteria(deed: Deed, chosen: Chosen, *, own: bool) -> Criteria:
    if not (deed is Deed.RETRY and chosen.reason == "superseded"):
        check_reason(chosen.reason, of_holds=deed is Deed.CLOSE)
    return Criteria(
        chosen.vendor,
        chosen.reason,
        Kind(chosen.kind) if chosen.kind else None,
        read_moment("--received-before", chosen.received_before),
        own=own,
    )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except UnusableOrderError as error:
        raise unusable(str(error)) from None


def _work(here: Surroundings, progress: Progress) -> Progress:
    """Do it to the end, and report progress."""
    woken: set[str] = set()
    told_at = monotonic()
    try:
        while progress.ended_at is None:
            progress = selections.step(here.engine, progress.public_id, woken.update) or _found(here, progress)
            if monotonic() - told_at >= TOLD_EVERY_S:
                told_at = monotonic()
                note(f"so far: {_in_words(progress.deed, progress.done)}")
    except KeyboardInterrupt:
        selections.stop(here.engine, progress.public_id)
        note(f"stopped; it was done as far as this: {_in_words(progress.deed, progress.done)}")
        raise
    finally:
        if woken:
            waker(here)(sorted(woken))
    return progress


def _found(here: Surroundings, progress: Progress) -> Progress:
    """The progress where a worker has done the last of it."""
    return selections.find(here.engine, progress.public_id) or progress


def _in_words(deed: Deed, done: Done) -> str:
    total = sum(done.deliveries.values())
    requests, of_them = counted(done.requests, "request"), counted_deliveries(total)
    match deed:
        case Deed.RETRY:
            return f"{of_them} of {requests} {'goes' if total == 1 else 'go'} out again"
        case Deed.CLOSE:
            return f"{of_them} of {requests} closed by hand"
        case Deed.CANCEL:
            return f"{requests} cancelled, of which {of_them} {'was' if total == 1 else 'were'} not sent"
        case Deed.CONFIRM:
            on_their_way = {0: "", 1: "; it is on its way"}.get(done.requests, "; they are on their way")
            return f"{requests} confirmed{on_their_way}"


def _extent_in_words(found: Extent, deed: Deed) -> str:
    left_out = ("more was submitted by yourself and is left out", "more were submitted by yourself and are left out")
    own = f"; {counted(found.own, *left_out)}" if found.own else ""
    return f"{deed} would touch {counted_deliveries(found.deliveries)} of {counted(found.requests, 'request')}{own}"


def _print_extent(found: Extent, deed: Deed, *, as_json: bool) -> None:
    typer.echo(json.dumps({"dry_run": True, **found._asdict()}) if as_json else _extent_in_words(found, deed))


def _print_done(progress: Progress, *, as_json: bool) -> None:
    done = progress.done
    left_out = {"own": done.own, "without_session": done.without_session, "unreachable": done.unreachable}
    if as_json:
        total = sum(done.deliveries.values())
        answer = {"deed_id": str(progress.public_id), "requests": done.requests, "deliveries": total}
        typer.echo(json.dumps({**answer, "vendors": dict(done.deliveries), **left_out}))
    else:
        by_vendor = ", ".join(f"{vendor} {count:,}" for vendor, count in done.deliveries.items())
        typer.echo(_in_words(progress.deed, done) + (f": {by_vendor}" if by_vendor else ""))
    if done.own:
        was = counted(done.own, "more was", "more were")
        note(f"{was} submitted by yourself: someone else must confirm, or use --yes")
    if done.without_session:
        note(say_without_session(done.without_session))
    if done.unreachable:
        note(say_unreachable(done.unreachable))
