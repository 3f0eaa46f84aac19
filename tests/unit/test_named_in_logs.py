"""A person in a log of a test run is found."""

from pathlib import Path

import pytest

from tests.named_in_logs import logs_that_name


@pytest.mark.parametrize(
    "planted", ["to jane@private.example", "GET /?q=a%40shop.EXAMPLE.org", "+821012345678", "phone=821012345678;"]
)
def test_a_person_in_a_log_is_found(tmp_path: Path, planted: str) -> None:
    log = tmp_path / "stack" / "data" / "logs" / "worker-1.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"ready: worker-1@host.example-machine, 18210123456789 bytes\n{planted}\n")
    assert logs_that_name(tmp_path) == ["stack/data/logs/worker-1.log, line 2"]
    log.unlink()  # this run's own logs are searched when it ends
