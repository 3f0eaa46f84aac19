"""Loads the modules of a stack's processes before they are forked, so that they are in memory once.

Without the Celery apps, `worker.app` and `worker.bystanders`: importing one creates it.
"""

import celery.apps.beat
import celery.apps.worker
import celery.concurrency.thread
import celery.fixups.django
import celery.worker.components
import celery.worker.consumer
import celery.worker.control
import uvicorn
import uvloop

import intake.take_in.process
import tasks.attend
import tasks.chores
import tasks.deliver
import tasks.dispatch
import tasks.settle
import web.server
import worker.celery_app
import worker.cluster
import worker.filtered
import worker.held_step
import worker.lacking
import worker.runtime
import worker.sieve
import worker.starting
import worker.tick
import worker.transport

__all__ = ["celery", "intake", "tasks", "uvicorn", "uvloop", "web", "worker"]
