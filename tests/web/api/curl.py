"""As much of curl as docs/api.md uses, for machines that have none, as a bare Debian."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

TIMEOUT_S = 60


def main() -> int:
    """Send one request, write its answer. 22 where that is an error, as curl ends then. An option that is not known
    here ends with an error too."""
    options = ArgumentParser("curl", allow_abbrev=False)
    for always in ("--fail-with-body", "--silent", "--show-error"):
        options.add_argument(always, action="store_true", required=True)
    options.add_argument("--header", action="append", default=[])
    options.add_argument("--json")
    options.add_argument("--upload-file", type=Path)
    options.add_argument("--request")
    options.add_argument("url")
    given = options.parse_args()

    headers = {"Accept": "*/*"}
    body = None
    if given.json is not None:
        body = given.json.encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
    elif given.upload_file:
        body = given.upload_file.read_bytes()
        headers["Content-Type"] = ""  # urllib would add one of its own, and curl adds none
    headers |= {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in given.header)}
    usual = "POST" if given.json is not None else "PUT" if given.upload_file else "GET"
    request = Request(given.url, body, headers, method=given.request or usual)  # noqa: S310 - the test's own server
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S) as answer:
            sys.stdout.buffer.write(answer.read())
    except HTTPError as error:
        sys.stdout.buffer.write(error.read())
        return 22
    return 0


if __name__ == "__main__":
    sys.exit(main())
