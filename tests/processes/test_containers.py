"""What the containers of docker-compose.yml run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_flower_and_beat_start_without_any_key(tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CONSENT_REDIS_URL": "redis://:hush@127.0.0.1:1/0"}
    argv = [sys.executable, "-c", "from worker.app import app; app.conf.beat_schedule"]
    done = subprocess.run(argv, env=bare, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
