"""Looks whether any process of a run has logged a person of the tests. They all have addresses of reserved domains, and
phone numbers of Korea; nobody else has."""

import re
from pathlib import Path

OF_A_PERSON = re.compile(rb"(?:@|%40)[\w.-]*example(?![\w-])|(?:\+|%2B|\b)8210\d{8}\b", re.IGNORECASE)


def logs_that_name(folder: Path) -> list[str]:
    """The logs of data folders below this one that name somebody, and the line. What they say is not shown."""
    return [
        f"{path.relative_to(folder)}, line {number}"
        for path in sorted(folder.glob("**/logs/*.log*"))
        for number, line in enumerate(path.read_bytes().split(b"\n"), start=1)
        if OF_A_PERSON.search(line)
    ]
