"""The command line: one module a family of commands, named after the command."""
