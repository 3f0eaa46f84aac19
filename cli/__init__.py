"""The command line: one module for each family of commands, named after the command."""
