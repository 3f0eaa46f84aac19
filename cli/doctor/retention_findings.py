"""How long people can be read and records are kept, for the check-up."""

from collections.abc import Iterator

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
        yield Finding("retention", "the workers write down what their settings say when they start", is_good=True)
        return
    forgotten = {kind.value: said(found[kind.value].days) for kind in Kind}
    if len(set(forgotten.values())) == 1:
        people = f"people are forgotten: {forgotten[Kind.ERASURE]}"
    else:
        people = "people are forgotten: " + ", ".join(f"{days} ({kind})" for kind, days in forgotten.items())
    says = f"{people}; records are dropped: {said(found[RECORD].days)}"
    never = all(found[kind.value].days is None for kind in Kind)
    yield Finding("retention", says, is_good=True, do="`consent retention set` changes it" if never else "")
    if others := differing(found, here.settings.chosen()):
        named = ", ".join(f"{name} {said(days)}" for name, days in others.items())
        yield Finding(
            "retention",
            f"the environment says otherwise ({named}), and the ledger's values hold",
            is_good=True,
            do="`consent retention set`, or change CONSENT_FORGET_AFTER_DAYS and CONSENT_RETENTION_DAYS",
        )
