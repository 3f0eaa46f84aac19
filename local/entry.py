"""The console script `consent`. What scripts ask again and again starts without the rest of the command line: typer and
pydantic take half of the time of a status."""

import re
import sys
from collections.abc import Sequence

from intake.exit_codes import Ending, ended, run_to_end

_ID = re.compile("[0-9a-fA-F-]{32,36}")


def main() -> None:
    """Run the command line, and exit."""
    asked = asked_for_status(sys.argv[1:])
    if asked is None:
        from local.main import main as run  # noqa: PLC0415 - it loads every command

        run()
    else:
        run_to_end(lambda: ended(lambda: _status(*asked)))


def asked_for_status(argv: Sequence[str]) -> tuple[str, bool] | None:
    """The id of a request, and whether JSON is wanted, where `consent status` is asked and nothing else."""
    rest = [word for word in argv[1:] if word != "--json"]
    if argv[:1] != ["status"] or len(rest) != 1 or not _ID.fullmatch(rest[0]):
        return None
    return rest[0], len(rest) < len(argv) - 1


def _status(request_id: str, as_json: bool) -> Ending:
    from cli import quick_status  # noqa: PLC0415 - it loads psycopg

    return quick_status.status(request_id, as_json=as_json)
