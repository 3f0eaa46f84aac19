"""`python -m cli`: the command line but for what runs a stack on this machine."""

from cli.commands import run

run()
