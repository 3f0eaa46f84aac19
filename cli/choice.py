"""Options by which a command chooses many requests, shared by all commands that do."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import typer

from cli.options import KindName, OneReason, OneVendor
from cli.parameters import set_parameters
from intake.exit_codes import Ending

OneOrSeveral = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="what `consent submit` printed; without it, choose by options")
]
OfKind = Annotated[KindName | None, typer.Option("--kind", help="without ID: requests of this kind")]
ReceivedBefore = Annotated[
    str | None, typer.Option(metavar="ISO8601", help="without ID: requests that were received before this")
]
All = Annotated[bool, typer.Option("--all", help="without ID: all requests that it can be done to")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="without ID: show how much it would change, and do nothing")]
Unasked = Annotated[bool, typer.Option("--yes", help="without ID: do not ask first at a terminal")]
AtVendor = Annotated[str | None, typer.Option("--vendor", metavar="VENDOR", help="without ID: requests that go there")]
WithReason = Annotated[
    str | None, typer.Option("--reason", metavar="REASON", help="without ID: requests of which something waits for it")
]


class Chosen(NamedTuple):
    """The requests that the command line chooses, and how to proceed."""

    vendor: str | None = None
    reason: str | None = None
    kind: str | None = None
    received_before: str | None = None
    everything: bool = False
    dry_run: bool = False
    yes: bool = False


OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "vendor": OneVendor,
        "reason": OneReason,
        "kind": OfKind,
        "received_before": ReceivedBefore,
        "everything": All,
        "dry_run": DryRun,
        "yes": Unasked,
    }
)


def choosing(**different: Any) -> Callable[[Callable[..., Ending]], Callable[..., Ending]]:
    """Give a command an optional ID, and the options that choose requests instead. The command is called with
    `request_id` and a `Chosen`. `different`: options with other help texts, by their field of `Chosen`."""
    options = {**OPTIONS, **different}

    def decorate(command: Callable[..., Ending]) -> Callable[..., Ending]:
        @wraps(command)
        def with_options(**given: Any) -> Ending:
            chosen = Chosen(**{field: given.pop(field) for field in Chosen._fields})
            return command(chosen=chosen, **given)

        own = [each for each in signature(command).parameters.values() if each.name not in ("request_id", "chosen")]
        choice = [_option("request_id", None, OneOrSeveral)]
        choice += [_option(field, Chosen._field_defaults[field], options[field]) for field in Chosen._fields]
        needed = [each for each in own if each.default is Parameter.empty]
        parameters = [*needed, *choice, *(each for each in own if each not in needed)]
        set_parameters(with_options, parameters)
        return with_options

    return decorate


def _option(name: str, default: object, annotation: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
