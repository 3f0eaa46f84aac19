"""Flower, always with a password, read-only, and only for browsers that reach it by one of our names.

Its own command takes its password from the command line, and lets its users stop workers.
"""

import os
import signal
from typing import Any

from celery import Celery
from flower.app import Flower
from flower.command import apply_env_options, extract_settings, setup_logging
from flower.options import options
from flower.urls import settings
from flower.views.monitor import Metrics
from tornado.httputil import HTTPServerRequest
from tornado.web import ErrorHandler, authenticated

from config.flower import FlowerError, basic_auth, hosts, prefix
from config.logging import set_up_logging

MISDIRECTED = 421
MOST_TASKS = 10_000
"""How many tasks it keeps in memory: about 20 MB."""
INSPECTED_WITHIN_S = 5.0
"""A busy worker answers later than within the second that is Flower's default."""
FORGOTTEN_AFTER_S = 3_600
"""How long a worker that is gone is still shown."""

__all__ = ["FlowerError", "run_flower"]


class GuardedMetrics(Metrics):  # type: ignore[misc] # Flower has no types
    """Flower's figures for Prometheus, which Flower itself shows to everybody."""

    get = authenticated(Metrics.get)


class GuardedFlower(Flower):  # type: ignore[misc]  # Flower is untyped
    """Answers only where one of its own names was asked for. A page of another site whose name resolves to this address
    would be of Flower's origin, for a browser that knows the password."""

    own_names: frozenset[str] = frozenset()

    def find_handler(self, request: HTTPServerRequest, **more: Any) -> Any:
        """As Tornado does, except for other hosts."""
        if request.host_name.lower() not in self.own_names:
            return self.get_handler_delegate(request, ErrorHandler, {"status_code": MISDIRECTED})
        if request.path.endswith("/metrics"):
            return self.get_handler_delegate(request, GuardedMetrics)
        return super().find_handler(request, **more)


def open_flower(app: Celery) -> GuardedFlower:
    """Flower as we run it, listening. Flower's own FLOWER_… variables apply, except for what is fixed here.

    Raises config.flower.FlowerError; OSError where the port is taken.
    """
    options.address = "127.0.0.1"
    options.port = int(os.environ.get("CONSENT_FLOWER_PORT") or 5555)
    options.max_tasks, options.purge_offline_workers = MOST_TASKS, FORGOTTEN_AFTER_S
    options.inspect_timeout = INSPECTED_WITHIN_S * 1_000
    apply_env_options()
    options.basic_auth, options.read_only, options.enable_events = [basic_auth()], True, False
    if prefix():
        options.url_prefix = prefix()
    extract_settings()
    setup_logging()
    flower = GuardedFlower(capp=app, options=options, **settings)
    flower.own_names = hosts()
    flower.start_http_server()
    return flower


def run_flower(app: Celery) -> int:
    """Run Flower until it is told to stop."""
    set_up_logging(os.environ.get("CONSENT_LOG_LEVEL") or "INFO")
    flower = open_flower(app)
    signal.signal(signal.SIGTERM, lambda *_: flower.io_loop.add_callback_from_signal(flower.stop))
    try:
        flower.start()
    except KeyboardInterrupt:
        flower.stop()
    return 0
