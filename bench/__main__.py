"""`python -m bench`: run the benchmarks, print one table, write bench/results.json, update the figures in docs/."""

import argparse
import signal
import sys
import time

from rich.console import Console

from bench import report, results
from bench.results import Row
from bench.scenarios import SCENARIOS
from bench.stand import BenchError, stand


def main(arguments: list[str]) -> int:
    """Run the scenarios asked for; 0 where every required ratio was reached, else 1."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, more noise")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), metavar="NAME", help=", ".join(SCENARIOS))
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process is left behind
    console, began = Console(stderr=True), time.monotonic()
    rows: list[Row] = []
    took_s: dict[str, float] = {}
    try:
        with stand() as shared:
            for name in asked.only or SCENARIOS:
                console.print(f"[dim]{time.monotonic() - began:4.0f} s[/] {name}")
                begun = time.monotonic()
                rows += SCENARIOS[name](shared, quick=asked.quick)
                took_s[name] = time.monotonic() - begun
    except BenchError as error:
        console.print(f"[red]{error}[/]")
        return 1
    finally:  # figures from before a failure are still useful
        results.show(rows)
    if not asked.only:  # a part of the figures would replace all
        report.renew(results.keep(rows, arguments, took_s))
    return 1 if any(row.ok is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
