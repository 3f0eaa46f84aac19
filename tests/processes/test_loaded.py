"""What every process of a stack loads is loaded before forking."""

import json
import subprocess
import sys

PROGRAMS = {
    "worker.bystanders": {"worker.bystanders", "config.broker_place"},
    "worker.app": {"worker.app"},
    "intake.take_in.process": set(),
    "web.server": set(),
}
ANEW = """
import importlib, json, sys
import local.loaded
anew = {}
for program in sys.argv[1:]:
    before = set(sys.modules)
    importlib.import_module(program)
    anew[program] = sorted(set(sys.modules) - before)
print(json.dumps(anew))
"""
SETTINGS = {
    "CONSENT_REDIS_URL": "redis://127.0.0.1:1/0",
    "CONSENT_DATABASE_URL": "postgresql://127.0.0.1:1/none",
    "CONSENT_MASTER_KEYS": "x",
    "CONSENT_PRODUCER_KEYS": "x",
}


def test_a_process_loads_nothing_but_its_celery_app_for_itself() -> None:
    argv = [sys.executable, "-c", ANEW, *PROGRAMS]
    done = subprocess.run(argv, env=SETTINGS, capture_output=True, text=True, check=True)
    assert {program: set(names) for program, names in json.loads(done.stdout).items()} == PROGRAMS
