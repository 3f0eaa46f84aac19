"""How long people can be read and records are kept, for the check-up."""

from collections.abc import Iterator, Mapping

from cli.doctor.findings import Finding
from cli.retention import differing, said
from domain.requests import Kind
from intake.stack import Surroundings
from ledger.failures import LedgerError, as_ledger_errors
from ledger.retention import RECORD, kept


def retention_findings(here: Surroundings) -> Iterator[Finding]:
    """What the ledger holds, and where this environment says otherwise; none where PostgreSQL cannot be asked, which
    another line says."""
    try:
        with as_ledger_errors(), here.engine.connect() as connection:
            found = kept(connection)
    except LedgerError:
        return
    if len(found) <= len(Kind) or any(one.as_before for one in found.values()):
        first = here.settings.periods()
        days = dict.fromkeys(first.by_name(), first.record) if found else first.by_name()
        yield Finding(
            "retention",
            f"the workers write down what their settings say when they start; as they are here, {_in_words(days)}",
            is_good=True,
            do="set CONSENT_RETENTION_DAYS for the first worker, which does both, or use `consent retention set` later"
            if found
            else "",
        )
        return
    days = {name: one.days for name, one in found.items()}
    never = all(days[kind.value] is None for kind in Kind)
    yield Finding("retention", _in_words(days), is_good=True, do="`consent retention set` changes it" if never else "")
    if others := differing(found, here.settings.chosen()):
        named = ", ".join(f"{name} {said(days)}" for name, days in others.items())
        yield Finding(
            "retention",
            f"the environment says otherwise ({named}), and the ledger's values hold",
            is_good=True,
            do="`consent retention set`, or change CONSENT_FORGET_AFTER_DAYS and CONSENT_RETENTION_DAYS",
        )


def _in_words(days: Mapping[str, float | None]) -> str:
    forgotten = {kind.value: said(days[kind.value]) for kind in Kind}
    if len(set(forgotten.values())) == 1:
        people = forgotten[Kind.ERASURE]
    else:
        people = ", ".join(f"{when} ({kind})" for kind, when in forgotten.items())
    return f"people are forgotten: {people}; records are dropped: {said(days[RECORD])}"
