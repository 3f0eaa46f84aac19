"""`consent restored`: what was done since a backup, and the vendors let go."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import typer

from cli.attention import check_text
from cli.audit_log import keys_of
from cli.os_user import who
from cli.utc import as_utc
from config.log_copy import copy_folder
from domain.counted import counted, counted_people
from intake.exit_codes import CommandError, Ending, note
from intake.stack import surroundings
from tasks import restored as restoring
from tasks.log_copy import LogCopy
from tasks.log_folder import FolderError
from tasks.restored import NotRestoredError, Report
from tasks.since import Again

MOST_NAMED = 20
NO_MORE_THAN_THIS = (
    "that copy cannot be read, so what was forgotten or withdrawn since is not known, and all that runs waits for a "
    "person: name a folder that `consent audit export` wrote with --copy"
)


def restored(*, because: str | None, copy: Path | None, as_json: bool) -> Ending:
    """Show what the copy says, or deal with it. Raises CommandError."""
    text = check_text(because) if because is not None else None
    with surroundings() as here:
        keys = partial(keys_of, here.settings, None)
        kept_up = LogCopy.at(copy_folder(here.settings), keys)
        where = kept_up if copy is None else LogCopy(copy, keys, is_one_log=True)
        try:
            report = (
                restoring.look(here.engine, where)
                if text is None
                else restoring.go_on(here.engine, where, who(), text, kept_up=kept_up)
            )
        except (NotRestoredError, FolderError) as error:
            raise CommandError(str(error), Ending.UNUSABLE) from None
    if as_json:
        typer.echo(json.dumps(_as_json(report, lifted=text is not None)))
    else:
        for line in _lines(report):
            typer.echo(line)
    if not report.complete:
        note(f"{report.why_not}: {NO_MORE_THAN_THIS}")
    if text is None:
        note('every vendor is held: `consent restored --because "…"` does this and lets them go on')
    lost = report.unknown or report.legal_holds or report.others
    waits = lost or report.again[Again.ASK] or not report.complete
    return Ending.EXCEPTIONS if text is None or waits else Ending.DONE


def _as_json(report: Report, *, lifted: bool) -> dict[str, Any]:
    def named(again: Again) -> list[dict[str, Any]]:
        return [{"request_id": str(one), "since": report.status.get(one)} for one in report.again[again]]

    return {
        "lifted": lifted,
        "found_at": as_utc(report.found_at),
        "entries": report.entries,
        "copy_entries": report.copy_entries,
        "complete": report.complete,
        "received": [
            {
                "request_id": str(one),
                "kind": received.kind,
                "people": received.people,
                "vendors": received.vendors,
                "status": report.status.get(one),
            }
            for one, received in report.unknown.items()
        ],
        "forgotten": named(Again.FORGET),
        "cancelled": named(Again.CANCEL),
        "waiting": named(Again.ASK),
        "going_on": named(Again.LEAVE),
        "deeds": [
            {"deed": one.deed, "request_id": str(one.request) if one.request else None, "vendor": one.vendor}
            for one in report.deeds
        ],
        "vendors_still_held": report.stopped,
        "vendors_let_go": report.let_go,
        "legal_holds": [{"hold": one, "reason": reason} for one, reason in report.legal_holds.items()],
        "others": report.others,
    }


def _lines(report: Report) -> Iterator[str]:
    yield (
        f"restored from a backup: the log of this ledger has {report.entries:,} entries, and its copy "
        f"{report.copy_entries:,}"
    )
    yield from _some(
        "received since, and not in this ledger: submit them again",
        [
            f"{one}  {received.kind}, {counted_people(received.people)}, {report.status.get(one, '?')}"
            for one, received in report.unknown.items()
        ],
    )
    says = {
        Again.FORGET: "forgotten since: their keys are destroyed again",
        Again.CANCEL: "cancelled since: cancelled again",
        Again.ASK: "not sent again before somebody decides: `consent confirm ID`, or `consent cancel ID`",
        Again.LEAVE: "withdrawals that go on: what was sent since is sent once more, which is safe",
    }
    for again, title in says.items():
        names = report.again[again]
        yield from _some(title, [f"{one}  {report.status.get(one, '')}".rstrip() for one in names])
    yield from _some(
        "vendors that a person had stopped since: they stay held",
        [f"{vendor}  by {by}" for vendor, by in report.stopped.items()],
    )
    yield from _some(
        "legal holds added since, and the ledger does not know whom they keep: add them again, then confirm what waits",
        [f"legal hold {hold}  {reason}" for hold, reason in report.legal_holds.items()],
    )
    yield from _some(
        "logged besides, to be done again by hand", [f"{kind}: {n:,}" for kind, n in report.others.items()]
    )
    if report.deeds:
        yield f"{counted(len(report.deeds), 'deed')} on requests since: --json names them"
    if report.let_go:
        yield f"go on: {', '.join(report.let_go)}"


def _some(title: str, items: list[str]) -> Iterator[str]:
    if items:
        yield f"{title}:"
        yield from (f"  {one}" for one in items[:MOST_NAMED])
        if len(items) > MOST_NAMED:
            yield f"  and {len(items) - MOST_NAMED:,} more: --json names all"
