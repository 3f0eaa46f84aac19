"""The command line as tests call it, in this process: one of its own would first load all of ours."""

from cli.commands import app
from tests.cli_runner import CliRunner, Result


def consent(*args: str, stdin: str | bytes | None = None) -> Result:
    """What a command says and how it ends; it may fail, and must say why itself."""
    result = CliRunner().invoke(app, args, input=stdin)
    assert "Traceback" not in result.output, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
