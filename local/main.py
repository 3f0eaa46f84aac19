"""The console script `consent`: the commands of `intake.cli`, and those that run a stack on this machine."""

from typing import Annotated

import typer
from rich.console import Console

from config.settings import Settings
from intake.cli import app, run
from intake.endings import Ending


@app.command()
def up(
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="worker processes")] = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="without Flower and other pages")] = False,
) -> None:
    """Run the whole stack in the foreground, until Ctrl-C."""
    from local import stack

    settings = Settings.load()
    plan = stack.Plan(settings, workers=workers or settings.workers, flower=not no_web)
    stack.run(plan, say=typer.echo)


@app.command()
def demo() -> Ending:
    """Show the whole of it: a stack, five sandbox vendors with faults, two requests, and an audit of the result."""
    from local.demo import demo as demonstrate

    return demonstrate(Console())


def main() -> None:
    """Run the command line; exits with the codes of docs/operations.md."""
    run()
