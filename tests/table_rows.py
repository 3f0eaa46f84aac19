"""A table that is one test: `each_row` is written like `pytest.mark.parametrize`, tries every row, and names those
that fail.

A test costs some milliseconds in each process that shares the tests: too much for a row that is one assertion. A row
that needs a fixture of its own stays with `parametrize`.

Where few generated cases are asked for (`--few-examples`), a table that multiplies kinds by kinds may be thinned.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import pytest

LONGEST = 300
"""So many characters of a row are shown."""

Test = Callable[..., None]
_thins: list[bool] = [False]


def thin() -> None:
    """Try every `thinned`th row alone, of tables that say so, until this process ends."""
    _thins[0] = True


def each_row(
    names: str | Sequence[str],
    table: Iterable[Any],
    *,
    ids: Sequence[str] | Callable[[Any], str] = repr,
    thinned: int = 1,
) -> Callable[[Test], Test]:
    """Have a test try every row of the table before it passes or fails; every `thinned`th where few are asked for.

    Raises the failure of the row where one fails, with the row as a note; an `ExceptionGroup` of them where several do.
    """
    columns = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    filled = [(row,) if len(columns) == 1 else tuple(row) for row in table]
    assert filled, "a table without rows proves nothing"
    assert all(len(row) == len(columns) for row in filled), "a row has another number of values than there are names"

    def name_of(place: int) -> str:
        if not callable(ids):
            return ids[place]
        row = filled[place]
        return ids(row[0] if len(columns) == 1 else row)[:LONGEST]

    def of_table(test: Test) -> Test:
        @wraps(test)
        def all_rows(**given: Any) -> None:
            failed: list[Exception] = []
            for place in range(0, len(filled), thinned if _thins[0] else 1):
                row = filled[place]
                try:
                    test(**dict(zip(columns, row, strict=True)), **given)
                except pytest.fail.Exception as failure:  # no Exception to Python
                    error = AssertionError(str(failure)).with_traceback(failure.__traceback__)
                    failed.append(_noted(error, name_of(place)))
                except Exception as error:  # noqa: BLE001 - raised below, when all rows were tried
                    failed.append(_noted(error, name_of(place)))
            if len(failed) == 1:
                raise failed[0]
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(filled)} rows fail", failed)

        asked = inspect.signature(test)
        fixtures = [each for name, each in asked.parameters.items() if name not in columns]
        assert len(fixtures) + len(columns) == len(asked.parameters), f"{test.__name__} does not take {names}"
        all_rows.__signature__ = asked.replace(parameters=fixtures)  # read by pytest
        return all_rows

    return of_table


def _noted(error: Exception, row: str) -> Exception:
    error.add_note(f"row: {row}")
    return error
