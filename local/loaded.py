"""Loads the modules of a stack's processes before they are forked, so that they are in memory once.

Without the Celery apps, `worker.app` and `worker.bystanders`: importing one creates it.
"""

import billiard.pool
import celery.app.control
import celery.apps.beat
import celery.apps.worker
import celery.concurrency.thread
import celery.events.dispatcher
import celery.events.receiver
import celery.fixups.django
import celery.worker.autoscale
import celery.worker.components
import celery.worker.consumer
import celery.worker.consumer.delayed_delivery
import celery.worker.control
import celery.worker.strategy
import kombu.mixins
import uvicorn
import uvicorn.lifespan.on
import uvicorn.loops.uvloop
import uvloop

import intake.take_in.process
import tasks.attend
import tasks.chores
import tasks.deliver
import tasks.dispatch
import tasks.due_soon
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

__all__ = ["billiard", "celery", "intake", "kombu", "tasks", "uvicorn", "uvloop", "web", "worker"]
