"""`python -m intake`: the command line but for what runs a stack on this machine."""

from intake.cli import run

run()
