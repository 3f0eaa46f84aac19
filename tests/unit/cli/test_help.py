"""What every command offers, read from the commands themselves: no command may be the exception."""

import os
import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import pytest
from typer.main import get_command

from cli import options
from cli.examples import EXAMPLES
from domain.outcomes import HOLD_REASONS, Outcome
from domain.regulations import Regulation
from domain.requests import Kind
from intake.access.roles import Role
from local.main import app
from tests.cli_runner import CliRunner
from web.api.legal_holds import HoldReason

CHANGE = {
    *("submit", "retry", "provide", "close", "accept", "confirm", "cancel", "extend", "migrate", "web", "take-in"),
    *(
        "up",
        "demo",
        "manual close",
        "manual export",
        "audit export",
        "signing-key new",
        "certificate of",
        "certificate key",
    ),
}
"""Commands that do something, or whose output is a file of rows. All others read, and are read by scripts."""
CHANGING = re.compile(
    r"\b(create|revoke|owner|add|unlock|password|disable|enable|role|sign-out|test|hold|resume|on|off|retire|retry)$"
)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        here = (*path, name)
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield " ".join(here), command
            yield from commands(command, here)
        else:
            yield " ".join(here), command


CONSENT: Any = get_command(app)
ALL = dict(commands(CONSENT))


def options_of(command: Any) -> dict[str, Any]:
    return {name: each for each in command.params for name in each.opts}


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (options.KindName, Kind),
        (options.RegulationName, Regulation),
        (options.RoleName, Role),
        (options.HoldReasonName, HOLD_REASONS),
        (HoldReason, HOLD_REASONS),
        (options.OutcomeName, ["pending", *Outcome]),
    ],
)
def test_choices_are_those_of_the_program(names: Any, known: Any) -> None:
    assert list(get_args(names)) == [str(one) for one in known]


def test_every_command_that_reads_has_json() -> None:
    readers = {name for name in ALL if name not in CHANGE and not CHANGING.search(name)}
    assert readers >= {"status", "watch", "attention", "list", "audit", "doctor", "vendor list", "producer-key"}
    assert {name for name in readers if "--json" not in options_of(ALL[name])} == set()


def test_every_kind_role_and_law_is_a_choice() -> None:
    """So that shells complete it, and a slip is refused with the known ones."""
    found = {
        (name, option): each.type_descriptor.choices
        for name, command in ALL.items()
        for option, each in options_of(command).items()
        if option in ("--kind", "--role", "--regulation", "--outcome", "--status")
    }
    assert len(found) > 8
    assert [name for name, choices in found.items() if not choices] == []


def test_no_option_without_a_value_shows_a_type() -> None:
    shown = {name: told(f"{name} --help") for name in (*ALL, "")}
    assert all("--help" in text for text in shown.values())
    assert [name for name, text in shown.items() if "bool" in text] == []


def test_values_are_named_in_words() -> None:
    """As people say them: no types of Python, no conditions, no braces."""
    shown = {name: told(f"{name} --help") for name in (*ALL, "")}
    odd = re.compile(r"<(?![a-z_]+\||en\|)|\{[A-Z]|\[\[|\bx?[<>]=|\brange\b|%Y")
    assert {name: odd.findall(text) for name, text in shown.items() if odd.search(text)} == {}


def test_what_a_command_does_is_said_in_a_line_of_the_list() -> None:
    families = {name.rpartition(" ")[0] for name in ALL}
    for name in families:
        listed = told(f"{name} --help", columns="80").partition("Commands:")[2]
        assert not re.search(r"\.\.\.$", listed, re.MULTILINE), listed


def test_examples_are_commands_that_can_be_given() -> None:
    """Each is parsed as it stands, and not run."""
    assert {*EXAMPLES} - {*ALL, "audit"} == set()
    for name, examples in EXAMPLES.items():
        assert "For example:" in told(f"{name} --help")
        for example in examples:
            words = shlex.split(example)
            command = CONSENT
            while words and hasattr(command, "commands") and words[0] in command.commands:
                command = command.get_command(command.make_context("consent", [words[0]]), words.pop(0))
            command.make_context(name, words)


@cache
def told(argv: str, *, columns: str = "200") -> str:
    return CliRunner().invoke(app, argv.split(), env={**os.environ, "COLUMNS": columns}).output


def test_shells_can_complete() -> None:
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).output


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["submit", "x", "--kind", "jane@private.example"], "it is one of erasure, opt_out, opt_in"),
        (["extend", "x", "--because", "y", "--days", "jane@private.example"], "must be a whole number"),
        (["audit", "--limit", "0"], "must be 1 or more"),
        (["user", "add", "ann", "--role", "king"], "it is one of submitter, reader, operator, admin"),
        (["export", "x", "--outcome", "gone"], "it is one of pending, accepted"),
        (["report", "--from", "jane", "--to", "2026-05-25"], "must be a day, as 2026-05-25"),
    ],
)
def test_what_an_option_wants_is_said_in_our_words_and_without_the_value(argv: list[str], says: str) -> None:
    told = CliRunner().invoke(app, argv, env={**os.environ, "COLUMNS": "200"})

    assert told.exit_code == 2
    assert says in told.stderr
    assert not re.search(r"jane|king|gone|Value error|Input should", told.stderr)
