"""The demonstration with few people, on a PostgreSQL that has its tables: `python -m tests.flows.small_demo`."""

import sys

from rich.console import Console

from local import stack
from local.demo import demo
from tests.services import PreparedPostgres

if __name__ == "__main__":
    stack.Postgres = PreparedPostgres  # the first start of the other takes seconds, and is tested elsewhere
    sys.exit(demo(Console(width=160), erase=40, stop=10))
