"""The demonstration: a whole stack, sandbox vendors with faults, two requests, and an audit of the result."""

import os
import shlex
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from rich import box
from rich.console import Console
from rich.table import Table

from adapters.registry import ADAPTERS
from cli.os_user import who
from cli.watch import show_until_closed
from config.settings import Settings
from config.stack import find_stack
from domain.counted import counted_deliveries
from domain.outcomes import Outcome
from domain.requests import Kind
from intake.access.roles import Role
from intake.exit_codes import Ending
from ledger.accounts import access, audit
from ledger.accounts.audit import Entry
from ledger.desk.reports import Row, deliveries_of
from ledger.sealing import MasterKeys
from ledger.session import Engine, connect
from local import made_up, stack
from local.compare import Facts, disagreements, made_by_us
from local.readiness import Keep
from local.sandbox import sandbox
from local.sandboxed import leave_out
from local.services import free_port
from tasks.sending import sender, wake
from tasks.subjects import check_subject
from tasks.submission import Guards, Submission
from tasks.submit import submit
from web.access.once import make_code

ERASED, OPTED_OUT = 2_000, 500
LOOKS = "demo"
"""The console user who looks at a demonstration that stays."""
SEED = 20_260_822
WORKERS = 2
PLANTED_EVERY = 400


def demo(console: Console, *, erase: int = ERASED, stop: int = OPTED_OUT, stay: bool = False) -> Ending:
    """Run the demonstration, with so many people to erase and to stop, and print PASSED or FAILED; EXCEPTIONS where a
    delivery does not fit its vendor's data, somebody was refused for no reason, or a vendor's rule was broken. `stay`:
    then keep the stack until Ctrl-C, for somebody to look at. Raises as `local.stack.run` does."""
    leave_out(os.environ)
    with (
        TemporaryDirectory(prefix="consent-demo-") as folder,
        sandbox(Path(folder), faults="mild", seed=SEED, directory=True) as vendors,
    ):
        # The stack's processes inherit the environment, and read the same settings from it.
        os.environ.update(vendors.environment)
        os.environ.update(CONSENT_DATA_DIR=folder, CONSENT_FLOWER_PORT=str(free_port()))
        settings = Settings.load()
        plan = stack.Plan(settings, WORKERS, web=stay)
        with stack.running(plan, say=console.print, forks=True) as keep, _kept(keep):
            found = find_stack(settings)
            engine = connect(found.database_url, pooled=found.pooled)
            erased = made_up.people("erase", erase, planted_every=PLANTED_EVERY)
            opted_out = made_up.people("stop", stop, planted_every=PLANTED_EVERY)
            vendors.seed(erased + opted_out)
            vendors.fill_directory(made_up.known(erased + opted_out))
            console.rule(f"two requests, to {len(ADAPTERS)} vendors that fail now and then")
            console.print("one person in ten gives an e-mail address alone; the controller's directory tells the rest")
            console.print(
                f"two in {PLANTED_EVERY} are planted: one whom every vendor refuses, and one whose shop session is over"
            )
            with sender(found.redis_url, found.redis_ca) as app:
                requests = {
                    kind: _submit(kind, people, engine, found.master_keys, lambda names: wake(app, names))
                    for kind, people in ((Kind.ERASURE, erased), (Kind.OPT_OUT, opted_out))
                }
            for kind, public_id in requests.items():
                console.print(f"[bold]{kind.value}[/] {public_id}")
                show_until_closed(engine, public_id, console)
            facts = vendors.facts()
            agreed = [
                _audit(console, kind, _deliveries(engine, requests[kind]), people, facts)
                for kind, people in ((Kind.ERASURE, erased), (Kind.OPT_OUT, opted_out))
            ]
            broken = vendors.violations()
            made = made_by_us(facts)
            console.print(f"profiles that a vendor made because we told it of somebody: {made}")
            console.print(f"rules of the vendors' pages broken: {len(broken)}")
            passed = all(agreed) and not broken and not made
            if stay:
                ending = _verdict(console, passed=passed)
                _stay(console, settings, engine)
                return ending
            engine.dispose()
    return _verdict(console, passed=passed, next_=f"; {LOOK}")


LOOK = (
    "to look around: `consent demo --stay` keeps this stack with its console, `consent up --sandbox` starts one of "
    "your own, and docs/README.md says where everything is"
)


def _verdict(console: Console, *, passed: bool, next_: str = "") -> Ending:
    if not passed:
        console.print(f"[bold red]FAILED[/]: one of the figures above that should be 0 is not{next_}", soft_wrap=True)
        return Ending.EXCEPTIONS
    said = "the record is what the vendors hold; only planted people were refused"
    console.print(f"[bold green]PASSED[/]: {said}{next_}", soft_wrap=True)
    return Ending.DONE


def _stay(console: Console, settings: Settings, engine: Engine) -> None:
    """Print where to look, and wait for Ctrl-C or SIGTERM."""
    stopping = stack.stop_event()
    with engine.begin() as connection:
        access.add_user(connection, name=LOOKS, role=Role.ADMIN, password_hash=None, by=who())
        audit.add(connection, [Entry(who(), "user add", allowed=True, target=LOOKS)])
        code = make_code(connection, LOOKS)
    at = f"http://127.0.0.1:{settings.web_port}"
    for line in (
        "the stack stays until Ctrl-C; then it and its data are gone",
        f"  console   {at}/sign-in/once#{code}",
        "            signs you in as an admin, once, within five minutes",
        f"  API       {at}/docs",
        f"  commands  CONSENT_DATA_DIR={shlex.quote(str(settings.data_dir))} consent list",
    ):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    stopping.wait()
    engine.dispose()


def _as_asked(number: int, person: made_up.Person) -> made_up.Person:
    """The person as the controller submits them: now and then with an e-mail address alone, and the directory knows the
    rest."""
    return {name: person[name] for name in ("email", "vendors")} if number % 10 == 5 else person


def _submit(kind: Kind, people: list[made_up.Person], engine: Engine, master_keys: str, wake_up: Any) -> UUID:
    checked = (check_subject(_as_asked(number, person)) for number, person in enumerate(people, start=1))
    receipt = submit(
        Submission(kind),
        checked,
        engine=engine,
        masters=MasterKeys.parse(master_keys),
        wake=wake_up,
        guards=Guards(resolves=True),
    )
    return receipt.recorded.public_id


def _deliveries(engine: Engine, public_id: UUID) -> list[Row]:
    with engine.connect() as connection:
        return list(deliveries_of(connection, public_id))


def _audit(console: Console, kind: Kind, rows: list[Row], people: list[made_up.Person], facts: list[Facts]) -> bool:
    """Compare the record with the vendors' data and print the result; returns whether they agree and only planted
    people were refused."""
    wrong = disagreements(kind, rows, [person["user_id"] for person in people], facts)
    console.print(_table(kind, rows))
    for one in wrong[:20]:
        console.print(f"line {one.line} at {one.vendor}: {one.outcome}, in effect there: {one.in_effect}")
    compared = counted_deliveries(len(rows))
    console.print(f"{compared} compared with what the vendors hold: {len(wrong)} disagree")
    refused = [row for row in rows if row.outcome == Outcome.REFUSED]
    unplanned = {row.line for row in refused} - made_up.planted(people, made_up.POISON)
    console.print(f"{len(refused):,} refused; people among them who were not planted: {len(unplanned)}")
    return not wrong and not unplanned


def _table(kind: Kind, rows: list[Row]) -> Table:
    counts = Counter((row.vendor, row.outcome) for row in rows)
    outcomes = [outcome for outcome in Outcome if any(outcome == told for _, told in counts)]
    table = Table("vendor", *outcomes, title=kind.value, box=box.SIMPLE)
    for vendor in sorted({row.vendor for row in rows}):
        table.add_row(vendor, *(f"{counts[vendor, outcome]:,}" for outcome in outcomes))
    return table


@contextmanager
def _kept(keep: Keep) -> Iterator[None]:
    """Keep the stack's processes running while this thread is busy."""
    over = threading.Event()

    def look_after() -> None:
        while not over.wait(stack.TICK_S):
            keep()

    keeper = threading.Thread(target=look_after, name="keeper")
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
