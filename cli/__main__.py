"""`python -m cli`: the command line without the commands that run a stack on this machine."""

from cli.commands import run

run()
