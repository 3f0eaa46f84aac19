"""The options that say how to read a file of people, for all commands that take one."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import typer

from cli.parameters import set_parameters
from intake.exit_codes import Ending

OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "maps": Annotated[
            list[str] | None,
            typer.Option(
                "--map",
                metavar="HEADER=FIELD",
                help='what a column holds, as in "Kundennummer=user_id"; may be repeated',
            ),
        ],
        "map_as": Annotated[
            str | None,
            typer.Option(
                "--map-as",
                metavar="NAME",
                help="keep --map, --ignore and --ignore-others under this name; alone: use what was kept",
            ),
        ],
        "ignore": Annotated[
            list[str] | None,
            typer.Option("--ignore", metavar="HEADER", help="leave this column out; may be repeated"),
        ],
        "ignore_others": Annotated[
            bool,
            typer.Option("--ignore-others", help="leave out all columns whose names are not known, and say which"),
        ],
        "region": Annotated[
            str | None,
            typer.Option(
                "--region",
                metavar="CC",
                help="country of phone numbers in national form, as KR; else CONSENT_PHONE_REGION",
            ),
        ],
        "sheet": Annotated[str | None, typer.Option("--sheet", metavar="NAME", help="the sheet of a workbook to read")],
    }
)


class Given(NamedTuple):
    """What the command line says of a file."""

    maps: list[str] | None = None
    map_as: str | None = None
    ignore: list[str] | None = None
    ignore_others: bool = False
    region: str | None = None
    sheet: str | None = None


def reading_a_file(command: Callable[..., Ending]) -> Callable[..., Ending]:
    """Give a command the options that say how to read its file. It is called with `given`, a `Given`."""

    @wraps(command)
    def with_options(**values: Any) -> Ending:
        given = Given(**{name: values.pop(name) for name in Given._fields})
        return command(given=given, **values)

    own = [each for each in signature(command).parameters.values() if each.name != "given"]
    more = [Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=OPTIONS[name]) for name in Given._fields]
    set_parameters(with_options, [*(each.replace(kind=Parameter.KEYWORD_ONLY) for each in own), *more])
    return with_options
