"""A receiver of webhooks on loopback, that keeps what comes in."""

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec_" + b64encode(b"s" * 32).decode()


@dataclass
class Receiver:
    """A running receiver."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers and body of each request."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One on a port of its own, that says yes to everything."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.came.append((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
