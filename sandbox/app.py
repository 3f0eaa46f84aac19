"""The sandbox as one aiohttp application: the vendors, the directory and the admin API."""

from aiohttp import web

from sandbox import admin
from sandbox.state import Sandbox

# Room to seed a million people, and more than any vendor accepts, so that the vendor itself refuses.
MAX_BODY = 1 << 30


def build_app(sandbox: Sandbox) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY)
    admin.mount(app, sandbox)
    app.router.add_post("/directory", sandbox.directory.answer)
    for name, gate in sandbox.gates.items():
        app.router.add_route("*", f"/{name}{{rest:.*}}", gate.serve)
    return app
