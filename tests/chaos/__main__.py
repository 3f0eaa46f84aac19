"""`python -m tests.chaos --seed N --seconds 40 --people 1500`: a run as long as you like."""

import argparse
import sys
from pathlib import Path
from random import SystemRandom

from tests.chaos.trial import FailedError, Terms, run, scratch


def main() -> int:
    """Run it once, or once for each seed from `--seed` on; 1 where a run has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10_000), help="drawn where not given")
    parser.add_argument("--runs", type=int, default=1, help="so many seeds, from --seed on")
    parser.add_argument("--seconds", type=float, default=40.0, help="of faults")
    parser.add_argument("--people", type=int, default=1_500)
    parser.add_argument("--settle", type=float, default=300.0, metavar="SECONDS", help="allowed after the last fault")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave data and logs there")
    given = parser.parse_args()
    failed = 0
    for seed in range(given.seed, given.seed + given.runs):
        terms = Terms(seed, given.seconds, given.people, given.settle)
        try:
            with scratch(given.keep and given.keep / str(seed)) as folder:
                told = str(run(terms, folder))
        except FailedError as error:
            told = f"FAILED {error}"
            failed += 1
        sys.stdout.write(f"{told}\n\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
