"""The console script `consent`: the commands of `intake.cli`, and those that run a stack on this machine."""

from typing import Annotated

import typer
from intake.cli import app, run

from config.settings import Settings


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


def main() -> None:
    """Run the command line; exits with the codes of docs/operations.md."""
    run()
