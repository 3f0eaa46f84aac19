"""What may be said about an unexpected exception: its type and place, never its text, which may quote a person."""

import traceback
from types import TracebackType

OURS = frozenset(
    {"domain", "evidence", "ledger", "adapters", "tasks", "worker", "intake", "web", "cli", "config", "local"}
)


def type_and_place(error: BaseException) -> str:
    """Such as `IntegrityError (UniqueViolation) at ledger/requests/small_requests.py:71`: the last line of ours in the
    trace, or else the line that raised it. In brackets, the type of its cause."""
    name = type(error).__name__
    if error.__cause__ is not None:
        name += f" ({type(error.__cause__).__name__})"
    return f"{name} at {_place(error.__traceback__)}"


def _place(trace: TracebackType | None) -> str:
    if trace is None:
        return "no place"
    frames = list(traceback.walk_tb(trace))
    ours = [found for found in frames if str(found[0].f_globals.get("__name__")).partition(".")[0] in OURS]
    frame, line = (ours or frames)[-1]
    module = str(frame.f_globals.get("__name__", "?"))
    return f"{module.replace('.', '/')}.py:{line}"
