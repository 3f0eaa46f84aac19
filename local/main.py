"""The console script `consent`: the commands of `cli.commands`, and those that run a stack on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli.commands import app, run
from intake.exit_codes import CommandError, Ending


@app.command()
def up(
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="worker processes")] = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="without the HTTP API and Flower")] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="with made-up vendors and people, to try it")] = False,
) -> None:
    """Run the whole stack in the foreground, until Ctrl-C."""
    from config.settings import Settings
    from local import sandboxed, stack

    with _errors_as_messages():
        if sandbox:
            sandboxed.run(workers, web=not no_web, say=typer.echo)
            return
        settings = Settings.load()
        sandboxed.refuse_claimed(settings.data_dir)
        plan = stack.Plan(settings, workers=workers or settings.workers, flower=not no_web, web=not no_web)
        stack.run(plan, typer.echo, stack.stop_event())


@app.command()
def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="then keep the stack, with a link that signs you in to its console once")
    ] = False,
) -> Ending:
    """Demonstrate everything, with made-up vendors and people.

    A stack, five sandbox vendors with faults, two requests, and an audit of the result.
    """
    from rich.console import Console

    from local.demo import demo as demonstrate

    with _errors_as_messages():
        return demonstrate(Console(), stay=stay)


@contextmanager
def _errors_as_messages() -> Iterator[None]:
    """Turn errors that keep a stack from running into messages."""
    from config.settings import SettingsError
    from config.stack import NoStackError
    from intake.stack import BAD_KEYS
    from ledger.failures import LedgerError, as_ledger_errors
    from ledger.master_keys import why_not_these
    from ledger.sealing import UnsealError
    from local.folder_lock import FolderInUseError
    from local.services import ServiceError

    try:
        with as_ledger_errors():
            yield
    except (ServiceError, FolderInUseError, NoStackError) as error:
        raise CommandError(str(error), Ending.UNREACHABLE) from None
    except SettingsError as error:
        raise CommandError(f"these settings cannot be used:\n{error}", Ending.UNUSABLE) from None
    except UnsealError as error:
        raise CommandError(f"{BAD_KEYS}{why_not_these(error)}", Ending.UNUSABLE) from None
    except LedgerError as error:
        raise CommandError(f"cannot use PostgreSQL: {error}", Ending.UNREACHABLE) from None


def main() -> None:
    """Run the command line, and exit."""
    run()
