"""`python -m worker.start worker NAME`, `… beat` and `… flower`, without all else that Celery's command line loads.

That loads every installed command, Flower among them: 20 MB in each process.
"""

import sys

from celery import Celery, concurrency

HEARTBEAT_S = 5.0


def run_worker(app: Celery, name: str) -> int:
    """Run a worker with this name until it is told to stop; returns its exit code."""
    worker = app.Worker(
        hostname=name,
        pool_cls=concurrency.get_implementation("threads"),
        loglevel="INFO",
        task_events=True,
        without_gossip=True,
        without_mingle=True,
        heartbeat_interval=HEARTBEAT_S,  # an idle worker sends no other event, and Flower would take it for dead
    )
    worker.start()
    return int(worker.exitcode or 0)


def run_beat(app: Celery) -> int:
    """Run beat until it is told to stop. It stores nothing on disk: its schedule is in the code."""
    app.Beat(loglevel="INFO", scheduler_cls="celery.beat:Scheduler").run()
    return 0


def main(arguments: list[str]) -> int | str:
    """The exit code, or what is wrong with the arguments."""
    match arguments:
        case ["worker", name]:
            from worker.app import app  # noqa: PLC0415 - beat needs nothing of it

            return run_worker(app, name)
        case ["beat"]:
            from worker.bystanders import app as small  # noqa: PLC0415 - a worker needs nothing of it

            return run_beat(small)
        case ["flower"]:
            from worker.bystanders import app as small  # noqa: PLC0415 - a worker needs nothing of it
            from worker.flower_process import FlowerError, run_flower  # noqa: PLC0415 - beat needs nothing of it

            try:
                return run_flower(small)
            except FlowerError as error:
                return f"Flower cannot start: {error}"
    return f"use: python -m worker.start worker NAME, beat, or flower; not {' '.join(arguments)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
