"""A table as one test: every row is tried, and the report names those that fail."""

import pytest

from tests import table_rows
from tests.table_rows import each_row


def test_every_row_is_tried_and_those_that_fail_are_named() -> None:
    tried: list[int] = []

    @each_row(("number", "bound"), [(1, 1), (2, 1), (3, 4), (5, 4)])
    def table(number: int, bound: int) -> None:
        tried.append(number)
        assert number <= bound

    with pytest.raises(ExceptionGroup, match="2 of 4 rows fail") as raised:
        table()
    assert tried == [1, 2, 3, 5]
    assert [error.__notes__ for error in raised.value.exceptions] == [["row: (2, 1)"], ["row: (5, 4)"]]


def test_a_row_that_fails_alone_is_raised_as_it_is() -> None:
    @each_row("text", ["4", "four"], ids=str.upper)
    def table(text: str) -> None:
        int(text)

    with pytest.raises(ValueError, match="four") as raised:
        table()
    assert raised.value.__notes__ == ["row: FOUR"]


def test_what_should_have_been_raised_counts_as_a_failure() -> None:
    @each_row("text", ["four", "4"])
    def table(text: str) -> None:
        with pytest.raises(ValueError, match="invalid literal"):
            int(text)

    with pytest.raises(AssertionError, match="DID NOT RAISE") as raised:
        table()
    assert raised.value.__notes__ == ["row: '4'"]


def test_tables_multiply_and_fixtures_are_handed_on(tmp_path: object) -> None:
    seen: list[tuple[object, str, int]] = []

    @each_row("letter", "ab")
    @each_row("number", range(2))
    def table(tmp_path: object, letter: str, number: int) -> None:
        seen.append((tmp_path, letter, number))

    table(tmp_path=tmp_path)
    assert seen == [(tmp_path, "a", 0), (tmp_path, "a", 1), (tmp_path, "b", 0), (tmp_path, "b", 1)]


def test_a_table_that_proves_nothing_is_refused() -> None:
    with pytest.raises(AssertionError, match="without rows"):
        each_row("number", [])
    with pytest.raises(AssertionError, match="another number of values"):
        each_row("number, bound", [(1,)])
    with pytest.raises(AssertionError, match="does not take"):
        each_row("number", [1])(lambda: None)


def test_a_table_is_thinned_where_few_rows_are_asked_for_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked, step, tried in ((True, 3, [0, 3, 6]), (True, 1, [*range(7)]), (False, 3, [*range(7)])):
        monkeypatch.setattr(table_rows, "_thins", [asked])
        seen: list[int] = []
        each_row("row", range(7), thinned=step)(lambda row, seen=seen: seen.append(row))(seen=seen)
        assert seen == tried
