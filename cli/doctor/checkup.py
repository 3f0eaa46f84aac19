"""The check-up: PostgreSQL, Redis, the master keys, every vendor that is on, and the OpenDSR signer, one line each."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import typer

from adapters.contract import Adapter, Answer, VendorSettings, Verdict
from adapters.directory import HttpDirectory
from adapters.egress import Egress
from adapters.examine import examine
from cli.doctor.egress_findings import egress_findings
from cli.doctor.evidence_findings import evidence_findings
from cli.doctor.findings import Finding, parted
from cli.doctor.redis_findings import redis_finding, redis_worries, take_in_finding
from cli.doctor.retention_findings import retention_findings
from cli.doctor.role_findings import role_findings
from cli.status import say_directory_state
from config.accounts import variables_of
from config.opendsr_signer import SigningError, find_signer
from config.settings import PREFIX, Settings
from domain.counted import counted
from domain.directory import DirectoryError
from domain.outcomes import Reason
from intake.exit_codes import Ending
from intake.stack import Surroundings, surroundings
from ledger.address import is_open_to_readers
from ledger.delivery.vendors import Vendor, all_vendors
from ledger.failures import LedgerError, as_ledger_errors
from ledger.fitness import OLDEST_MAJOR, check_fitness
from ledger.master_keys import why_not_these
from ledger.notices import webhooks
from ledger.requests import resolving
from ledger.sealing import MasterKeys, UnsealError

RENEW_WITHIN = timedelta(days=14)
"""A certificate that expires sooner is a fault: controllers would no longer trust our answers."""

GIVE_ITS_KEYS = "give the keys that the ledger was begun with: those of its data folder, or of your key store"
MEND_DIRECTORY = "see the directory's own log, and docs/resolver.md for what it must answer"
_AT_ITS_ADDRESS = "see that it runs, and that CONSENT_DATABASE_URL leads there; `consent up` starts an embedded one"
_MIGRATE = "run `consent migrate`"
POSTGRES_TO_DO = MappingProxyType(
    {
        "away": _AT_ITS_ADDRESS,
        "refusing": "mend the user, the password or the rights, as it says",
        "read-only": "give the address of the primary in CONSENT_DATABASE_URL",
        "full": "give it room, as it says",
        "busy": "try again in a moment",
        "too old": f"have it run version {OLDEST_MAJOR} or newer",
        "a pooler is between": "set CONSENT_DATABASE_POOLER=transaction",
        "not migrated by a program that this one knows": "run the version that migrated it last, or a newer one",
        f"not migrated: {_MIGRATE}": _MIGRATE,
    }
)
"""By the word of a LedgerError."""
ADVICE = MappingProxyType(
    {
        Reason.BAD_CREDENTIALS: "it does not accept our credentials: check {variables}",
        Reason.FORBIDDEN: "it knows us and does not let us in: ask the vendor what our account may do",
        Reason.WRONG_ADDRESS: "its API is not at this address: check {prefix}BASE_URL",
        Reason.MISCONFIGURED: "it does not take the call as we are set up to make it: check {variables}",
        Reason.NO_CONNECTION: "no connection can be made: check {prefix}BASE_URL and the network",
        Reason.ANSWER_LOST: "no whole answer came in time: check {prefix}BASE_URL and the network, and try again",
        Reason.UNREADABLE: "its answer makes no sense: check {prefix}BASE_URL",
        Reason.RATE_LIMITED: "it is at its rate limit now: try again in a minute",
        Reason.BUSY: "it is busy now: try again in a minute",
        Reason.SERVER_ERROR: "it has an error of its own now: try again later, then ask the vendor",
    }
)


def doctor(*, as_json: bool = False) -> Ending:
    """Print the findings."""
    with surroundings() as here:
        services = [_postgres(here), redis_finding(here)]
        if not as_json:
            _print(services)
        others = [
            *_ways(here),
            *role_findings(here),
            *_keys(here),
            *evidence_findings(here),
            *retention_findings(here),
            *egress_findings(here.settings),
            *_vendors(here),
            *_switches(here),
            *_opendsr(here.settings),
            *_resolver(here),
        ]
        others += _logins(here.settings)
        if services[1].is_good:
            others += [*redis_worries(here), *filter(None, [take_in_finding(here)])]
    if as_json:
        typer.echo(json.dumps({"findings": [finding.as_json() for finding in services + others]}))
    else:
        _print(others)
    if not all(finding.is_good for finding in services):
        return Ending.UNREACHABLE
    return Ending.DONE if all(finding.is_good for finding in others) else Ending.EXCEPTIONS


def _print(findings: Iterable[Finding]) -> None:
    listed = list(findings)
    width = max((len(finding.about) for finding in listed), default=0)
    for finding in listed:
        verdict = typer.style("ok   ", fg="green") if finding.is_good else typer.style("FAULT", fg="red")
        typer.echo(f"{finding.about:<{max(width, 10)}} {verdict}  {finding}")


def _postgres(here: Surroundings) -> Finding:
    try:
        check_fitness(here.engine)
    except LedgerError as error:
        return Finding("postgres", f"{here.postgres}: {error}", do=POSTGRES_TO_DO[error.word])
    return Finding("postgres", f"{here.postgres}: reachable and migrated, and takes writes", is_good=True)


def _ways(here: Surroundings) -> Iterator[Finding]:
    if is_open_to_readers(here.stack.database_url):
        says = (
            "anyone who is on the way there can read and change what is said; "
            "put sslmode=verify-full and sslrootcert=… into CONSENT_DATABASE_URL, unless that network is yours alone"
        )
        yield Finding("postgres", f"{here.postgres}: {says}", is_good=True)


def _keys(here: Surroundings) -> Iterator[Finding]:
    """Whether the master keys can be read, and are those of the ledger."""
    try:
        check_fitness(here.engine, MasterKeys.parse(here.stack.master_keys))
    except LedgerError:
        return  # another line says so
    except UnsealError as error:
        yield Finding("keys", f"CONSENT_MASTER_KEYS: {why_not_these(error)}", do=GIVE_ITS_KEYS)
    except ValueError as error:
        yield Finding("keys", f"CONSENT_MASTER_KEYS: {error}", do=GIVE_ITS_KEYS)


def _logins(settings: Settings) -> Iterator[Finding]:
    if not settings.password_login:
        ways = "console users log in by the identity provider" if settings.oidc else "nobody can log in to the console"
        yield Finding("logins", f"passwords are switched off: {ways}", is_good=True)


def _opendsr(settings: Settings) -> Iterator[Finding]:
    try:
        signer = find_signer(settings.opendsr, settings.data_dir)
    except SigningError as error:
        yield Finding("opendsr", str(error), do="mend CONSENT_OPENDSR__… as docs/opendsr.md says")
        return
    if signer is not None:
        until = signer.valid_until
        says = f"signs as {signer.domain}, with a certificate that is good until {until.date().isoformat()}"
        is_good = until - datetime.now(UTC) > RENEW_WITHIN
        yield Finding("opendsr", says, is_good, "" if is_good else "have it renewed, or controllers stop trusting us")


def _resolver(here: Surroundings) -> Iterator[Finding]:
    """Whether the controller's directory answers a question about nobody, and what the workers found wrong with it."""
    directory = here.settings.resolver.directory(here.settings.egress())
    if directory is None:
        return
    try:
        if isinstance(directory, HttpDirectory):
            asyncio.run(directory.look_up([]))
        else:
            directory.look_up([])
    except DirectoryError as error:
        yield Finding("resolver", *_of_directory(error.problem))
        return
    try:
        with as_ledger_errors(), here.engine.connect() as connection:
            state = resolving.directory_state(connection)
    except LedgerError:
        return  # another line says so
    answers = state.fault is None and state.waiting
    found = (
        counted(state.waiting, "request waits for it", "requests wait for it")
        if answers
        else say_directory_state(state)
    )
    do = "" if state.fault is None else MEND_DIRECTORY
    yield Finding("resolver", f"asked about nobody, it answers; {found}", state.fault is None, do)


def _of_directory(problem: str) -> tuple[str, bool, str]:
    says, do = parted(problem, MEND_DIRECTORY)
    return says, False, do


def _switches(here: Surroundings) -> Iterator[Finding]:
    """Differences between the ledger and this process's settings in vendors and receivers."""
    served = here.settings.adapters().keys()
    try:
        with as_ledger_errors(), here.engine.connect() as connection:
            known = all_vendors(connection)
            receivers = webhooks.lacking(connection, here.settings.webhooks.receivers.keys())
    except LedgerError:
        return  # another line says so
    for vendor in known:
        if vendor.by_hand:
            yield from _by_hand(vendor, here.settings)
            continue
        if vendor.enabled and vendor.name not in served:
            by = "other workers serve it" if vendor.served else "nobody serves it: its deliveries wait"
            do = f"give its credentials to a worker, or `consent vendor off {vendor.name}` if that is meant"
            yield Finding(vendor.name, f"on, without credentials here, and {by}", vendor.served, do)
        if not vendor.enabled and vendor.name in served:
            do = f"`consent vendor on {vendor.name}` if it is to be used"
            yield Finding(vendor.name, "set up here and switched off", is_good=True, do=do)
    for name in receivers:
        do = f"set its address here, or `consent webhook off {name}` if it has gone"
        yield Finding("webhooks", f"{name} is on, and has no address here", do=do)


def _by_hand(vendor: Vendor, settings: Settings) -> Iterator[Finding]:
    """A recipient without an API, whom people ask."""
    if vendor.enabled and vendor.name not in settings.manual:
        do = f"`consent vendor off {vendor.name}` if it is no longer asked, or set it here as elsewhere"
        yield Finding(vendor.name, "on, asked by hand, and not set up here", is_good=True, do=do)


def _served_by_others(here: Surroundings) -> int:
    """How many vendors with an API some worker serves."""
    try:
        with as_ledger_errors(), here.engine.connect() as connection:
            return sum(one.enabled and one.served and not one.by_hand for one in all_vendors(connection))
    except LedgerError:
        return 0  # another line says so


def _vendors(here: Surroundings) -> Iterator[Finding]:
    adapters, egress = here.settings.adapters(), here.settings.egress()
    if not adapters:
        served, do = _served_by_others(here), f"set {PREFIX}<VENDOR>__BASE_URL and its credentials"
        if served:
            yield Finding("vendors", f"none has its credentials here; workers serve {served}", is_good=True)
        else:
            yield Finding("vendors", "none is switched on here", do=do)
    for adapter, answer in zip(adapters.values(), asyncio.run(_examine(adapters, egress)), strict=True):
        if answer is None:
            yield Finding(adapter.name, "on; it has no call that changes nothing, so nothing was tried", is_good=True)
        elif answer.verdict is Verdict.APPLIED:
            yield Finding(adapter.name, "address and credentials are right", is_good=True)
        else:
            says, do = parted(_advice(adapter, answer), "")
            yield Finding(adapter.name, says, do=do)


async def _examine(adapters: Mapping[str, Adapter], egress: Egress) -> list[Answer | None]:
    return await asyncio.gather(*(examine(adapter, egress) for adapter in adapters.values()))


def _advice(adapter: Adapter, answer: Answer) -> str:
    prefix = variables_of(adapter.name, PREFIX)
    own = adapter.settings.model_fields_set - VendorSettings.model_fields.keys()  # mostly credentials
    variables = ", ".join(f"{prefix}{name.upper()}" for name in sorted(own)) or f"{prefix}BASE_URL"
    advice = ADVICE.get(answer.reason or Reason.UNREADABLE, ADVICE[Reason.UNREADABLE])
    return advice.format(prefix=prefix, variables=variables)
