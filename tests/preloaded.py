"""What `tests/forked.py` has loaded before it forks."""

import sys

import alembic.command
import alembic.context
import celery.bin.celery
import celery.bin.worker
import flower.command
import kombu.transport.redis

import cli.commands
import local.demo
import local.loaded
import local.main
import sandbox.app
import web.server
import worker.flower_process
from config.collector import freeze_what_exists

__all__ = ["alembic", "celery", "cli", "flower", "kombu", "local", "sandbox", "web", "worker"]

sys.dont_write_bytecode = False  # as in tests/conftest.py
freeze_what_exists()
