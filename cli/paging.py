"""Lists that may be longer than anybody reads at once: a page of one, and how to ask for the next."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import typer

from intake.exit_codes import Ending, note

Row = TypeVar("Row")


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """How rows of one kind are told. `name`: of all of them, in JSON. `none`: said where there are none. `option` takes
    what `mark` makes of a page's last row, and gives the page after it."""

    name: str
    none: str
    option: str
    mark: Callable[[Row], str | int]
    as_json: Callable[[Row], Mapping[str, Any]]
    print_table: Callable[[Sequence[Row]], None]

    def tell(self, found: Sequence[Row], limit: int, *, as_json: bool) -> Ending:
        """Print at most `limit` of these rows, of which there is one more where another page follows."""
        page, more = found[:limit], len(found) > limit
        following = self.mark(page[-1]) if more else None
        if as_json:
            typer.echo(json.dumps({self.name: list(map(self.as_json, page)), "next": following}))
            return Ending.DONE
        if page:
            self.print_table(page)
        else:
            typer.echo(self.none)
        if following is not None:
            note(f"there are more: {self.option} {following}")
        return Ending.DONE
